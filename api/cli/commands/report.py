"""`contactline report`: the daily violation report."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import EXIT_USAGE, console, fail, print_json
from api.cli.remote import RemoteHome
from api.cli.times import period_date
from monitoring.adapters.archive import Archive
from monitoring.adapters.reporting import FORMATS, final_up_to_ns, put, write_report
from monitoring.bootstrap import read_home


def report(
    context: typer.Context,
    date: Annotated[str, typer.Option(metavar="D", help="the reporting period that ends on this date")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder to write to; made when it is not there")],
    forms: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="F", help=f"{', '.join(FORMATS)}; repeatable [all]"),
    ] = None,
    lang: Annotated[str, typer.Option(metavar="L", help="en")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Write the daily violation report of the period that ends on a date (19:30 to 19:30 mission time by default).

    It is for the commission: places are exact. Example: `contactline report --date 2026-06-15 --out reports`
    """
    if lang != "en":
        fail(f"--lang {lang}: reports are written in en", exit_code=EXIT_USAGE)
    for form in forms or []:
        if form not in FORMATS:
            fail(f"--format {form}: there are {', '.join(FORMATS)}", exit_code=EXIT_USAGE)
    on = period_date(date)
    wanted = tuple(forms) if forms else FORMATS
    remote = RemoteHome.of(context.obj.home)
    if remote is not None:
        with remote:
            rendered = {form: remote.get_bytes(f"/v1/reports/{date}.{form}") for form in wanted}
        written = put(rendered, on, out)
    else:
        with read_home(context.obj.settings) as (home, store, mission):
            written = write_report(
                store,
                Archive(home.archive_dir, writable=False),
                mission,
                on,
                final_up_to_ns(home, mission.agreement, store.offset()),
                out,
                wanted,
            )
    if as_json:
        print_json({"date": date, "report": {form: str(path) for form, path in written.items()}})
        return
    for path in written.values():
        console.print(f"wrote {path}", soft_wrap=True)
