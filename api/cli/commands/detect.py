"""`contactline detect`: the same decoding and steps on files alone, without home, registry or area."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import typer
from rich.markup import escape

from api.cli.findings_file import ENDINGS, write_findings
from api.cli.output import EXIT_DATA, EXIT_USAGE, Advance, console, counts, fail, print_json, progress
from geodata.contact_line import ContactLine, LineHistory
from geodata.line_file import read_line
from geodata.sectors import Sectors
from monitoring.adapters.intake import addressed
from monitoring.admission import MemorySeenIds, Receipt, admit
from monitoring.agreement import Agreement, Parameters
from monitoring.decode import CheckedFile, FileRefused, check_file, chunks, decode
from monitoring.pipeline.detect import detect as find
from monitoring.rules import discover


def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="NDJSON or CSV, plain or gzip")],
    line: Annotated[
        Path, typer.Option("--line", metavar="LINE", help="GeoJSON or GeoPackage, anywhere in the world")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FINDINGS", help=", ".join(ENDINGS))],
    agreement: Annotated[
        str, typer.Option(metavar="FILE", help="agreement file, or a packaged one by its name")
    ] = "minimal",
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="only this rule; repeatable")
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
    contact_line = ContactLine.from_draft(read_line(line), allow_self_contacts=True)
    kind: Literal["sigma", 0] = 0 if position_error == "0" else "sigma"
    parameters = Parameters(
        agreement=Agreement.load(agreement),
        lines=LineHistory([contact_line]),
        sectors=Sectors.fit(contact_line),
        position_error=kind,
        rules=tuple(rule) if rule else None,
        default_sigma_m=default_sigma,
    )
    reader = _Reader(files)
    with progress("detecting", quiet=as_json) as advance:
        findings = find(reader.tables(advance), parameters)
    write_findings(findings, out)
    _tell(reader, findings, out, as_json)
    if reader.receipt.has_refusals or reader.refused:
        raise typer.Exit(EXIT_DATA)


class _Reader:
    """The well-formed rows of some files, without registry, area or clock; what was refused is counted."""

    def __init__(self, files: list[Path]) -> None:
        self.receipt = Receipt()
        self.refused: list[dict[str, str]] = []
        self._checked: list[tuple[Path, CheckedFile]] = []
        for path in files:
            try:
                self._checked.append((path, check_file(path)))
            except FileRefused as error:
                self.refused.append({"file": path.name, "reason": error.reason, "detail": error.detail})

    def tables(self, advance: Advance) -> Iterator[pa.Table]:
        total = float(sum(checked.bytes_uncompressed for _, checked in self._checked))
        done = 0.0
        seen = MemorySeenIds()
        for path, checked in self._checked:
            for chunk in chunks(path, checked.format):
                decoded = decode(checked.format, chunk.data, chunk.first_line, chunk.header)
                admission = admit(decoded, None, None, None, None, seen)
                kept = np.isin(decoded.ok_rows, admission.accepted_rows)
                seen.add(decoded.key_hash[kept], decoded.content_hash[kept])
                self.receipt = self.receipt.merge(admission.receipt)
                yield addressed(admission.accepted, 0, admission.accepted_rows, admission.flags)
                done += len(chunk.data)
                advance(done, total)


def _tell(reader: _Reader, findings: pa.Table, out: Path, as_json: bool) -> None:
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
                **reader.receipt.to_json(),
                "files": reader.refused,
            }
        )
        return
    console.print(f"[bold]{findings.num_rows:,}[/] findings in {escape(str(out))}")
    if by_rule:
        console.print(counts("by rule", by_rule))
    console.print(f"{reader.receipt.accepted:,} events taken, {reader.receipt.duplicates:,} duplicates")
    if reader.receipt.rejected:
        console.print(counts("rejected", reader.receipt.rejected))
    for row in reader.receipt.to_json()["rows"][:5]:
        console.print(f"  line {row['line']}: [yellow]{row['reason']}[/] {escape(row['detail'])}")
    for refused in reader.refused:
        console.print(
            f"refused [bold]{escape(refused['file'])}[/]: [yellow]{refused['reason']}[/] {escape(refused['detail'])}"
        )
