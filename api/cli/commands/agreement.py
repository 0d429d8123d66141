"""`contactline agreement check`, `show` and `diff`: the clauses and their dated values."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.cli.lines import line_of
from api.cli.output import console, note, print_json
from geodata.area import Area
from geodata.contact_line import LineHistory, packaged_line
from monitoring.adapters.home import HomeMissing
from monitoring.agreement import DEFAULT, Agreement, Notices
from monitoring.agreement.comparison import Line, differences, lines_of
from monitoring.agreement.notice_file import read_notices
from monitoring.agreement.terms import Terms
from monitoring.bootstrap import read_home
from monitoring.rules import bind
from monitoring.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The agreement: clauses, permits and dated values.")

NAME_OR_FILE = "a file, or a packaged one by its name (minimal, illustrative)"
VALUE_WIDTH = 96


@app.command("check")
def check(
    context: typer.Context,
    agreement: Annotated[str, typer.Argument(metavar="FILE", help=NAME_OR_FILE)],
    line: Annotated[
        Path | None,
        typer.Option("--line", metavar="LINE", help="check its places against this line [the home's]"),
    ] = None,
    notices: Annotated[
        Path | None,
        typer.Option("--notices", metavar="FILE", help="and these notices, as if they were imported"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Read an agreement as a start would; the first mistake is told with its file and key, and the exit code is 1.

    Example: `contactline agreement check terms.yaml --line line.geojson`
    """
    made = _read(agreement)
    given = () if notices is None else (Notices.read(read_notices(notices), str(notices)),)
    lines, area = _where(context.obj.settings, line)
    terms = Terms.of(made, given)
    terms.check(lines, area)
    about = {
        "agreement": agreement,
        "usable": True,
        "label": made.label,
        "version": made.version,
        "rules": [clause.rule_id for clause in made.clauses],
        "parameters": len(made.keys()),
        "permits": len(made.permits),
        "crossing_points": len(terms.notices.crossing_points),
        "notified": len(terms.notices.notified),
        "zones": len(terms.zones),
        "protected_places": len(terms.protected_places),
    }
    if as_json:
        print_json(about)
        return
    console.print(
        f"[bold]{escape(agreement)}[/] can be used: [cyan]{escape(made.label)}[/]  [dim]{made.version}[/]",
        soft_wrap=True,
    )
    console.print(
        f"{len(made.clauses)} clauses for rules, {len(made.permits)} that permit, {about['parameters']} parameters; "
        f"{about['crossing_points']} crossing points, {about['notified']} notified activities, "
        f"{about['zones']} zones, {about['protected_places']} protected places",
        soft_wrap=True,
    )


@app.command("show")
def show(
    context: typer.Context,
    agreement: Annotated[
        str | None, typer.Argument(metavar="[FILE|NAME]", help=f"{NAME_OR_FILE} [the home's]")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON object, the agreement as it is read")
    ] = False,
) -> None:
    """Show the clauses in words and every value with its dates, unit, meaning and source.

    Example: `contactline agreement show illustrative`
    """
    made = _of_home(context.obj.settings) if agreement is None else _read(agreement)
    if as_json:
        print_json({"version": made.version, "agreement": dict(made.content)})
        return
    console.print(
        f"[bold]{escape(made.title)}[/]  [cyan]{escape(made.label)}[/]  [dim]{made.version}[/]",
        soft_wrap=True,
    )
    console.print(
        f"{escape(made.source)}\nReporting day ends {made.reporting.cut_off} in {made.reporting.zone}.\n"
    )
    console.print(_clauses(made))
    if made.permits:
        console.print(_permits(made))
    keys = made.keys()
    for section in sorted({key.partition(".")[0] for key in keys}):
        console.print(_parameters(made, section))
    shown = (
        "title",
        "label",
        "source",
        "agreement_format",
        "reporting.",
        "clauses.",
        "permits.",
        "parameters.",
    )
    rest = [one for one in lines_of(made) if not one.key.startswith(shown)]
    if rest:
        console.print(_lines("besides", rest))


@app.command("diff")
def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=NAME_OR_FILE)],
    second: Annotated[str, typer.Argument(metavar="B", help="the same")],
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Tell what changes from one agreement to another, by key and date; nothing where they say the same.

    Example: `contactline agreement diff minimal terms.yaml`
    """
    before, after = _read(first), _read(second)
    changes = differences(before, after)
    if as_json:
        told = [vars(change) for change in changes]
        print_json({"versions": [before.version, after.version], "changes": told})
        return
    if not changes:
        console.print(f"{escape(first)} and {escape(second)} say the same.", soft_wrap=True)
        return
    table = _table(f"{len(changes)} changes", "key", "from", "before", "after")
    for change in changes:
        table.add_row(escape(change.key), change.since, _said(change.before), _said(change.after))
    console.print(table)


def _read(agreement: str) -> Agreement:
    """The agreement with the sections of its rules checked. Raises `AgreementInvalid`."""
    made = Agreement.load(agreement)
    bind(made)
    return made


def _of_home(settings: Settings) -> Agreement:
    try:
        with read_home(settings) as (_, _, mission):
            made = mission.agreement
    except HomeMissing:
        note(f"there is no home at {settings.home}: this is the agreement that a home is made with")
        return _read(DEFAULT)
    bind(made)
    return made


def _where(settings: Settings, line: Path | None) -> tuple[LineHistory, Area | None]:
    """The line and area to check places against: the given line's, the home's, or the shipped ones."""
    if line is not None:
        given = line_of(line)
        return LineHistory([given]), Area.fit(given)
    try:
        with read_home(settings) as (_, _, mission):
            return mission.lines, mission.area
    except HomeMissing:
        return LineHistory([packaged_line()]), Area.fit(packaged_line())


def _clauses(made: Agreement) -> Table:
    table = _table("clauses", "clause", "rule", "what it says", "source")
    for clause in made.clauses:
        table.add_row(
            clause.id,
            clause.rule_id,
            f"[bold]{escape(clause.title)}.[/] {escape(clause.text)}",
            escape(clause.source),
        )
    return table


def _permits(made: Agreement) -> Table:
    table = _table("what is permitted", "clause", "kind", "excuses", "what it says", "source")
    for permit in made.permits:
        table.add_row(
            permit.id,
            permit.kind,
            ", ".join(sorted(permit.rules)),
            f"[bold]{escape(permit.title)}.[/] {escape(permit.text)}",
            escape(permit.source),
        )
    return table


def _parameters(made: Agreement, section: str) -> Table:
    table = _table(section, "parameter", "from", "value", "unit", "meaning", "source")
    raw = made.content["parameters"]
    every = made.keys()
    keys = [key for key in every if key.partition(".")[0] == section]
    for key in keys:
        dated = made.dated(key)
        stated: list[dict[str, Any]] = raw.get(section, {}).get(key.partition(".")[2], {}).get("values", [])
        since = [str(entry["from"]) for entry in stated] or ["always"]
        for position, value in enumerate(dated.values):
            first = position == 0
            table.add_row(
                key.partition(".")[2] if first else "",
                since[position],
                escape(_value(value)),
                escape(dated.unit) if first else "",
                escape(dated.meaning) if first else "",
                escape(dated.source) if first else "",
            )
    return table


def _lines(title: str, lines: list[Line]) -> Table:
    table = _table(title, "key", "from", "value")
    for line in lines:
        table.add_row(escape(line.key), line.since, _said(line.value))
    return table


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return ", ".join(value)
    return "; ".join(f"{name} {_value(item)}" for name, item in value.items())


def _said(text: str | None) -> str:
    if text is None:
        return "[dim]-[/]"
    short = re.sub(r"\s+", " ", text)
    return escape(short if len(short) <= VALUE_WIDTH else short[: VALUE_WIDTH - 1] + "…")


def _table(title: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    return table
