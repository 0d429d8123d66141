"""`contactline detect`: the same decoding and steps on files alone, without home, registry or area."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from api.cli.findings_file import ENDINGS, write_findings
from api.cli.lines import line_of
from api.cli.output import EXIT_DATA, EXIT_USAGE, console, counts, fail, print_json, progress
from geodata.contact_line import LineHistory
from geodata.sectors import Sectors
from monitoring.adapters.detection import Detected, detect_files
from monitoring.agreement import DEFAULT, Agreement, Notices, Parameters
from monitoring.agreement.notice_file import read_notices
from monitoring.rules import discover


def detect(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="NDJSON, CSV, GeoJSON, Parquet or Arrow, of any size and order"),
    ],
    line: Annotated[
        Path, typer.Option("--line", metavar="LINE", help="GeoJSON or GeoPackage, anywhere in the world")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FINDINGS", help=", ".join(ENDINGS))],
    agreement: Annotated[
        str, typer.Option(metavar="FILE", help="agreement file, or a packaged one by its name")
    ] = DEFAULT,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="only this rule; repeatable")
    ] = None,
    notices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="what was told, as for `notices import`"),
    ] = None,
    default_sigma: Annotated[
        float,
        typer.Option(
            "--default-sigma", metavar="M", help="position error where an event states none, metres"
        ),
    ] = 25.0,
    position_error: Annotated[
        str | None,
        typer.Option(
            "--position-error", metavar="0", help="0 = positions are exact: every intersection of every step"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Find crossings, incursions and fire in event files; all findings are final at the end of input.

    Example: `contactline detect tracks.csv.gz --line line.geojson --position-error 0 --out findings.csv`
    """
    if position_error not in {None, "0"}:
        fail(
            f"--position-error {position_error}: only 0 is known; for a general error use --default-sigma",
            exit_code=EXIT_USAGE,
        )
    if not default_sigma > 0:
        fail(f"--default-sigma {default_sigma:g}: expected metres above 0", exit_code=EXIT_USAGE)
    if not str(out).endswith(ENDINGS):
        fail(f"--out {out}: its ending must be one of {', '.join(ENDINGS)}", exit_code=EXIT_USAGE)
    known = [r.RULE_ID for r in discover()]
    for wanted in rule or []:
        if wanted not in known:
            fail(f"--rule {wanted}: there are {', '.join(known)}", exit_code=EXIT_USAGE)
    contact_line = line_of(line)
    kind: Literal["sigma", 0] = 0 if position_error == "0" else "sigma"
    parameters = Parameters(
        agreement=Agreement.load(agreement),
        lines=LineHistory([contact_line]),
        sectors=Sectors.fit(contact_line),
        position_error=kind,
        rules=tuple(rule) if rule else None,
        default_sigma_m=default_sigma,
        given_later=() if notices is None else (Notices.read(read_notices(notices), str(notices)),),
    )
    parameters.terms.check(parameters.lines, None)
    with progress("detecting", quiet=as_json) as advance:
        found = detect_files(files, parameters, advance)
    write_findings(found.findings, out)
    _tell(found, out, as_json)
    if found.receipt.has_refusals or found.refused:
        raise typer.Exit(EXIT_DATA)


def _tell(found: Detected, out: Path, as_json: bool) -> None:
    findings, receipt = found.findings, found.receipt
    by_rule = {
        row["values"]: row["counts"]
        for row in findings.column("rule_id").combine_chunks().value_counts().to_pylist()
    }
    if as_json:
        print_json(
            {
                "out": str(out),
                "findings": findings.num_rows,
                "by_rule": by_rule,
                **receipt.to_json(),
                "files": found.refused,
            }
        )
        return
    console.print(f"[bold]{findings.num_rows:,}[/] findings in {escape(str(out))}")
    if by_rule:
        console.print(counts("by rule", by_rule))
    console.print(f"{receipt.accepted:,} events taken, {receipt.duplicates:,} duplicates")
    if receipt.rejected:
        console.print(counts("rejected", receipt.rejected))
    for row in receipt.to_json()["rows"][:5]:
        console.print(f"  line {row['line']}: [yellow]{row['reason']}[/] {escape(row['detail'])}")
    for refused in found.refused:
        console.print(
            f"refused [bold]{escape(refused['file'])}[/]: [yellow]{refused['reason']}[/] {escape(refused['detail'])}"
        )
