"""`contactline quarantine`: refused rows, with their reasons and original bytes."""

import base64
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.cli.commands.ingest import refused_count, show_receipt
from api.cli.doors import at_the_writer
from api.cli.output import EXIT_DATA, console, note, print_json
from monitoring.adapters.store import Store
from monitoring.bootstrap import read_home
from monitoring.decode import TABLES, Format, shown_original

app = typer.Typer(
    no_args_is_help=True, help="Refused rows: kept with reason, line number and original bytes."
)

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="only this reason, as unknown_sensor")
]
ReceiptId = Annotated[str | None, typer.Option("--receipt", metavar="ID", help="only of this delivery")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object")]


@app.command("list")
def list_rows(
    context: typer.Context,
    reason: Reason = None,
    receipt: ReceiptId = None,
    limit: Annotated[int, typer.Option(min=1, help="rows to show")] = 50,
    as_json: AsJson = False,
) -> None:
    """List refused rows, the newest delivery first.

    Example: `contactline quarantine list --reason unknown_sensor`
    """
    with read_home(context.obj.settings) as (_, store, _):
        rows = [row for row, _ in zip(_rows(store, reason, receipt), range(limit), strict=False)]
        numbers = store.quarantine_counts(is_open_only=True)
    if as_json:
        print_json({"counts": numbers, "items": [_for_json(row) for row in rows]})
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, width in (("receipt", 8), ("source", 12), ("line", 5), ("reason", 14)):
        table.add_column(name, overflow="ellipsis", no_wrap=True, min_width=width, max_width=20)
    for name in ("detail", "row"):
        table.add_column(name, overflow="ellipsis", no_wrap=True, ratio=1)
    for row in rows:
        original = shown_original(Format(row["format"]), row["original"])
        table.add_row(
            row["receipt_id"] or "-",
            escape(row["source"] or "-"),
            str(row["line_no"]),
            f"[yellow]{row['reason']}[/]",
            escape(row["detail"]),
            escape(ascii(original)[1:-1][:60]),
        )
    console.print(table if rows else "the quarantine is empty")
    total = sum(numbers.values())
    if rows and total > len(rows):
        note(f"{len(rows):,} of {total:,} rows; --limit shows more, `quarantine export` writes all")


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="[standard output]")] = None,
    reason: Reason = None,
    receipt: ReceiptId = None,
) -> None:
    """Write refused rows as NDJSON: reason, detail, line and the original bytes (base64 where they are no UTF-8).

    Example: `contactline quarantine export --out refused.ndjson`
    """
    with read_home(context.obj.settings) as (_, store, _):
        lines = (
            json.dumps(_for_json(row), ensure_ascii=False) + "\n" for row in _rows(store, reason, receipt)
        )
        if out is None:
            sys.stdout.writelines(lines)
            return
        with out.open("w", encoding="utf-8") as target:
            target.writelines(lines)
    console.print(f"wrote {out}")


@app.command("replay")
def replay(
    context: typer.Context, reason: Reason = None, receipt: ReceiptId = None, as_json: AsJson = False
) -> None:
    """Send refused rows through the door again, as after a sensor was registered.

    Example: `contactline quarantine replay --reason unknown_sensor`
    """
    with at_the_writer(context.obj.settings, "quarantine replay") as writer:
        answer = writer.replay_quarantine({"reason": reason, "receipt_id": receipt})
    if as_json:
        print_json(answer)
    else:
        show_receipt(answer)
    if refused_count(answer):
        raise typer.Exit(EXIT_DATA)


def _rows(store: Store, reason: str | None, receipt_id: str | None) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while True:
        page = store.quarantine_page(
            reason=reason, receipt_id=receipt_id, is_open_only=True, limit=500, cursor=cursor
        )
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _for_json(row: dict[str, Any]) -> dict[str, Any]:
    told = {
        key: row[key] for key in ("journal_seq", "row", "receipt_id", "source", "line_no", "reason", "detail")
    }
    form = Format(row["format"])
    if form not in TABLES:
        try:
            return {**told, "original": row["original"].decode("utf-8")}
        except UnicodeDecodeError:
            return {**told, "original_base64": base64.b64encode(row["original"]).decode()}
    # A row of a table has no bytes of its own; it is kept as an Arrow stream and shown by its columns.
    in_base64 = base64.b64encode(row["original"]).decode()
    return {
        **told,
        "original_base64": in_base64,
        "columns": json.loads(shown_original(form, row["original"])),
    }
