"""What the command line shows: one console for people, one JSON object for machines, progress for what takes long."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, Protocol

import typer
from rich.console import Console
from rich.table import Table

console = Console(highlight=False)
"""Results go to standard output."""
messages = Console(stderr=True, highlight=False)
"""Progress, warnings and errors go to standard error, so that a pipe stays clean."""

EXIT_DATA = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


class Advance(Protocol):
    """Called with how much is done, and the whole where it is known."""

    def __call__(self, done: float, total: float | None = None) -> None: ...


def _ignore(done: float, total: float | None = None) -> None:
    pass


@contextmanager
def progress(label: str, *, quiet: bool = False) -> Iterator[Advance]:
    """A progress bar on a terminal; on anything else nothing at all."""
    if quiet or not messages.is_terminal:
        yield _ignore
        return
    import rich.progress as bar  # noqa: PLC0415  only a terminal shows any

    columns = (
        bar.SpinnerColumn(),
        bar.TextColumn("{task.description}"),
        bar.BarColumn(bar_width=32),
        bar.MofNCompleteColumn(),
        bar.TimeElapsedColumn(),
        bar.TimeRemainingColumn(),
    )
    with bar.Progress(*columns, console=messages, transient=True) as bars:
        task = bars.add_task(label, total=None)

        def advance(done: float, total: float | None = None) -> None:
            bars.update(task, completed=done, total=total)

        yield advance


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on standard output, keys in the order given."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


def counts(title: str, rows: Mapping[str, int]) -> Table:
    """A two-column table of codes and counts."""
    table = Table(
        title=title,
        title_justify="left",
        show_header=False,
        box=None,
        pad_edge=False,
        min_width=len(title),  # a title is folded to the width of its table
    )
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for code, number in rows.items():
        table.add_row(code, f"{number:,}")
    return table


def fail(message: str, *, exit_code: int = EXIT_DATA) -> NoReturn:
    """Says what is wrong, where and what to do, and ends with `exit_code`."""
    messages.print(f"[bold red]error[/] {_plain(message)}", soft_wrap=True)
    raise typer.Exit(exit_code)


def note(message: str) -> None:
    """A remark for the person at the terminal."""
    messages.print(_plain(message), style="dim", soft_wrap=True)


def _plain(message: str) -> str:
    return message.replace("[", r"\[")
