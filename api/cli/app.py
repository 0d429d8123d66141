"""The command line's root: the global option `--home`, and what a failure looks like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from api.cli.commands import Commands
from api.cli.failures import explain
from api.cli.lazy import MARKUP
from api.cli.output import EXIT_DATA, EXIT_INTERRUPTED, EXIT_USAGE, messages
from monitoring.version import ENGINE_VERSION

if TYPE_CHECKING:
    from monitoring.settings import Settings

app = typer.Typer(
    name="contactline",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Watches a ceasefire contact line: sensor events in, incidents, cases and daily violation reports out.\n\n"
        "Start with `contactline demo`. State lives in the home, given by `--home` **before** the command, by "
        "`CONTACTLINE_HOME`, or `./contactline-home`."
    ),
)


@dataclass(frozen=True)
class Root:
    """What every command gets: the settings with the home that was asked for, read when they are first needed."""

    asked_home: Path | None

    @cached_property
    def settings(self) -> "Settings":
        """The settings; the program ends where one of them is out of bounds."""
        # Half of what a light command would load: only where a command has need of settings.
        from pydantic import ValidationError  # noqa: PLC0415

        from monitoring.settings import Settings  # noqa: PLC0415

        try:
            return Settings() if self.asked_home is None else Settings(home=self.asked_home)
        except ValidationError as error:
            for problem in error.errors():
                name = ".".join(str(part) for part in problem["loc"]) or "settings"
                messages.print(f"[bold red]error[/] setting CONTACTLINE_{name.upper()}: {problem['msg']}")
            raise typer.Exit(EXIT_USAGE) from None

    @property
    def home(self) -> Path:
        """The folder that holds all state."""
        return self.settings.home


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"contactline {ENGINE_VERSION}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option("--home", metavar="DIR", help="folder that holds all state [./contactline-home]"),
    ] = None,
    _is_asked_for_version: Annotated[
        bool, typer.Option("--version", help="print the version and stop", is_eager=True, callback=_version)
    ] = False,
) -> None:
    context.obj = Root(home)


def run(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. A failure that is foreseen is explained; any other is a bug and shows itself."""
    command = typer.main.get_command(app)
    try:
        result = command.main(list(arguments), prog_name="contactline", standalone_mode=False)
    except TyperException as error:
        _show_usage(error)
        return EXIT_USAGE
    except (typer.Abort, KeyboardInterrupt):
        result = EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_DATA
    except Exception as error:
        told = explain(error)
        if told is None:
            raise
        text, exit_code = told
        messages.print(f"[bold red]error[/] {text.replace('[', chr(92) + '[')}", soft_wrap=True)
        return exit_code
    if result == EXIT_INTERRUPTED:
        messages.print(
            "\n[yellow]interrupted[/] What was acknowledged is kept; the same command can be run again."
        )
    return result if isinstance(result, int) else 0


def _show_usage(error: TyperException) -> None:
    """Wrong usage in typer's own words; for a group without a command that is its help."""
    show: Callable[[], None] | None = getattr(error, "show", None)
    if show is None:
        messages.print(error.format_message(), markup=False)
    else:
        show()
