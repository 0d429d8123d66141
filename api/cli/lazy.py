"""A group of commands whose modules are loaded only when one of them is called.

Listing the commands and suggesting one for a misspelt name need only the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

MARKUP: Final = "markdown"
"""How the help of every command is written."""


@dataclass(frozen=True)
class Named:
    """A command that is not loaded yet: where it is defined, as `module:function` or `module:app`, and its help."""

    where: str
    help: str

    def load(self, name: str) -> Any:
        """The command or group itself, called `name`."""
        module, _, attribute = self.where.partition(":")
        target = getattr(import_module(module), attribute)
        around = typer.Typer(rich_markup_mode=MARKUP, add_completion=False)
        if isinstance(target, typer.Typer):
            around.add_typer(target, name=name)
        else:
            around.command(name)(target)
        return typer.main.get_group(around).commands[name]


class LazyGroup(TyperGroup):
    """A group that shows what `named` says of its commands and loads the one that is called."""

    named: Mapping[str, Named]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.named.items():
            self.commands[name] = TyperCommand(name, help=command.help, rich_markup_mode=MARKUP)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the arguments name, loaded, with the rest of them."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else self.named[name].load(name), rest
