"""`contactline reanalyse`: what the present engine, line and agreement would change in what is published."""

from collections import Counter
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli.doors import at_the_writer
from api.cli.output import console, note, print_json, progress
from api.cli.times import event_time_ns

SHOWN_MAX = 20


def reanalyse(
    context: typer.Context,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="first event time [the beginning]")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="event time behind the last [the end]")
    ] = None,
    is_applied: Annotated[bool, typer.Option("--apply", help="publish the amendments")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Judge archived events anew and show what would change; nothing published is touched without `--apply`.

    With it the changes become amendments: new revisions beside the old ones, and withdrawals.

    Example: `contactline reanalyse --from 2026-06-14T16:30:00Z --to 2026-06-15T16:30:00Z`
    """
    span = (
        None if begin is None else (begin, event_time_ns(begin, "--from")),
        None if end is None else (end, event_time_ns(end, "--to")),
    )
    with (
        at_the_writer(context.obj.settings, "reanalyse") as writer,
        progress("judging anew", quiet=as_json),
    ):
        answer = writer.reanalyse(span, is_applied=is_applied)
    if as_json:
        print_json(answer)
    else:
        _show(answer)


def _show(answer: dict[str, Any]) -> None:
    findings = answer["findings"]
    if not findings and not answer["incidents"]:
        console.print("nothing would change: what is published is what the present engine finds")
        return
    did = "changed" if answer["applied"] else "would change"
    console.print(f"[bold]{len(findings):,}[/] findings and {answer['incidents']:,} incidents {did}")
    kinds = Counter((row["rule_id"], _change(row)) for row in findings)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rule", "change", "findings"):
        table.add_column(name, justify="right" if name == "findings" else "left")
    for (rule_id, change), number in sorted(kinds.items()):
        table.add_row(rule_id, change, f"{number:,}")
    console.print(table)
    for row in findings[:SHOWN_MAX]:
        console.print(
            f"  {row['finding_id']} r{row['revision']} {_change(row)}: {row['verdict']} {row['time_start']}"
        )
    if len(findings) > SHOWN_MAX:
        note(f"{len(findings) - SHOWN_MAX:,} more; --json lists all")
    if not answer["applied"]:
        note("nothing was published; --apply publishes these as amendments")


def _change(row: dict[str, Any]) -> str:
    if row["state"] == "withdrawn":
        return "withdrawn"
    return "new" if row["revision"] == 1 else "amended"
