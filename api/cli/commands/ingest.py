"""`contactline ingest`: event files through the door."""

import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from api.cli.doors import at_the_writer
from api.cli.output import EXIT_DATA, console, counts, print_json, progress
from api.cli.times import event_time_ns


def ingest(
    context: typer.Context,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE…",
            help="NDJSON, CSV, GeoJSON, Parquet or Arrow; text also gzip; - reads standard input",
        ),
    ],
    now: Annotated[
        str | None,
        typer.Option(
            "--now", metavar="TIME", help="the reference clock: what is more than 5 min ahead is held"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """Feed event files into the home, or into the server that holds it, and wait for what they lead to.

    Every row is accepted, known already, or kept in quarantine with its reason. Exit code 1 when anything was refused.

    Example: `contactline ingest events.ndjson.gz more.csv`
    """
    settings = context.obj.settings
    reference = None if now is None else (now, event_time_ns(now, "--now"))
    with (
        at_the_writer(settings, "ingest") as writer,
        tempfile.TemporaryDirectory(dir=writer.spool(), prefix="stdin-") as folder,
    ):
        inputs = [_input(file, Path(folder)) for file in files]
        with progress("reading events", quiet=as_json) as advance:
            receipt = writer.ingest(inputs, reference, advance)
    if as_json:
        print_json(receipt)
    else:
        show_receipt(receipt)
    if refused_count(receipt) or receipt.get("files"):
        raise typer.Exit(EXIT_DATA)


def _input(file: str, folder: Path) -> tuple[Path, str]:
    """The path to read and the name to show.

    A file is read twice, so that it can be checked to its end: standard input and pipes are spooled.
    """
    path = Path(file)
    if file != "-" and (path.is_dir() or path.stat().st_mode & stat.S_IFREG):
        return path, path.name
    spooled = folder / f"input-{len(list(folder.iterdir()))}"
    with sys.stdin.buffer if file == "-" else path.open("rb") as source, spooled.open("wb") as target:
        shutil.copyfileobj(source, target)
    return spooled, "-" if file == "-" else path.name


def refused_count(receipt: Mapping[str, Any]) -> int:
    """Rows that were refused: rejected ones, and conflicts of an id with other content."""
    return int(sum(receipt["rejected"].values())) + int(receipt["flagged"].get("id_conflict", 0))


def show_receipt(receipt: Mapping[str, Any]) -> None:
    """The receipt for people: what was taken, what was refused and why, what came of it."""
    console.print(
        f"[bold]{receipt['accepted']:,}[/] accepted, {receipt['duplicates']:,} known already, "
        f"{refused_count(receipt):,} refused   [dim]receipt {receipt['receipt_id'] or '-'}[/]"
    )
    if receipt["rejected"]:
        console.print(counts("rejected", receipt["rejected"]))
    if receipt["flagged"]:
        console.print(counts("flagged", receipt["flagged"]))
    for row in receipt.get("rows", [])[:5]:
        console.print(
            f"  line {row['line']}: [yellow]{row['reason']}[/] {escape(row['detail'])}", soft_wrap=True
        )
    if len(receipt.get("rows", [])) > 5:
        console.print("  … `contactline quarantine list` shows all", style="dim")
    for refused in receipt.get("files", []):
        console.print(
            f"refused [bold]{escape(refused['file'])}[/]: [yellow]{refused['reason']}[/] {escape(refused['detail'])}",
            soft_wrap=True,
        )
    if receipt.get("findings") is not None:
        console.print(
            f"[bold]{receipt['findings']:,}[/] findings, [bold]{receipt['incidents']:,}[/] incidents, "
            f"[bold]{receipt['cases']:,}[/] cases"
        )
