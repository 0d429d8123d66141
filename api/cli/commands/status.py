"""`contactline status`: what is in the home and how it is."""

import time
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.cli.output import EXIT_DATA, console, print_json
from api.cli.remote import RemoteHome
from api.cli.times import shown
from monitoring.adapters.home import writer_of
from monitoring.adapters.journal import Journal
from monitoring.bootstrap import read_home


def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Show what the home holds, who writes to it, and whether anything waits or is broken.

    Exit code 1 when something is broken. Example: `contactline status`
    """
    settings = context.obj.settings
    writer = writer_of(settings.home)
    with read_home(settings) as (home, store, mission):
        journal = Journal(home.journal_dir, writable=False)
        last_seq = journal.last_seq
        journal.close()
        offset = store.offset()
        line = mission.line_at(time.time_ns())
        quarantine = store.quarantine_counts(is_open_only=True)
        numbers = store.counts()
        about: dict[str, Any] = {
            "home": str(settings.home),
            "writer": None
            if writer is None
            else {"pid": writer.pid, "command": writer.command, "url": writer.url},
            "mission": mission.name,
            "line": {"version": line.version, "label": line.label, "length_m": round(line.length_m)},
            "agreement": {"version": mission.agreement.version, "label": mission.agreement.label},
            "journal_seq": last_seq,
            "processed_seq": offset,
            "waiting": last_seq - offset,
            "counts": numbers,
            "quarantine": quarantine,
        }
        span = store.time_span()
    ready, why = True, ""
    remote = RemoteHome.of(settings.home)
    if remote is not None:
        with remote:
            state = remote.get("/v1/status")
            ready, why = bool(state["ready"]), str(state["why"])
    about |= {"ready": ready, "why": why}
    if as_json:
        print_json(about)
    else:
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(style="dim")
        table.add_column()
        table.add_row(
            "home",
            escape(str(settings.home)) + ("" if writer is None else f", written to by {writer.describe()}"),
        )
        table.add_row(
            "mission", f"{escape(mission.name)}, line {escape(line.label)} ({line.length_m / 1000:,.1f} km)"
        )
        table.add_row(
            "agreement", f"{escape(mission.agreement.label)} [dim]{mission.agreement.version[:19]}…[/]"
        )
        table.add_row("journal", f"{last_seq:,} records, {last_seq - offset:,} waiting to be processed")
        for name, number in numbers.items():
            if name != "quarantine":  # told by reason below
                table.add_row(name.replace("_", " "), f"{number:,}")
        table.add_row("findings from", "-" if span is None else f"{shown(span[0])} to {shown(span[1])}")
        table.add_row("quarantine", ", ".join(f"{code} {n:,}" for code, n in quarantine.items()) or "empty")
        table.add_row("state", "[green]ready[/]" if ready else f"[red]{escape(why)}[/]")
        console.print(table)
    if not ready:
        raise typer.Exit(EXIT_DATA)
