"""A scenario file as a mapping, and what is wrong with a value in words of the file, not of the program."""

import re
import types
import typing
from typing import Any, Final

import msgspec
import yaml

from monitoring.simulation.scenario import ScenarioError, Span

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The compiled reader where libyaml is there; both read the same."""
KINDS: Final = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping of keys",
    "null": "nothing",
}
PATTERNS: Final = {
    "^[a-z0-9-]{1,40}$": "up to 40 small letters, digits and hyphens",
    "^[a-z0-9_-]{1,40}$": "up to 40 small letters, digits, hyphens and underscores",
}


class _Loader(_SAFE):  # type: ignore[misc]  # one of two classes, known when it is loaded
    """The safe reader, which also refuses a key that stands twice in a mapping, and keys that are not text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag not in {"tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"}:
                raise _WrongKey(key.start_mark.line, getattr(key, "value", "?"), "is no key: keys are text")
            if key.value in seen:
                raise _WrongKey(key.start_mark.line, key.value, "stands twice")
            seen.add(key.value)
        made: dict[Any, Any] = super().construct_mapping(node, deep)
        return made


class _WrongKey(Exception):
    """Line (from 0), key and reason."""

    def __init__(self, line: int, key: object, reason: str) -> None:
        self.line, self.key, self.reason = line, key, reason
        super().__init__(reason)


def read_mapping(content: bytes, file: str) -> dict[str, Any]:
    """The keys of a YAML (or JSON) file. Raises ScenarioError where it is not a mapping of keys that each stand once.

    >>> read_mapping(b"format: 1", "mine.yaml")
    {'format': 1}
    """
    try:
        raw = yaml.load(content, _Loader)  # noqa: S506  # a subclass of the safe one
    except _WrongKey as wrong:
        raise ScenarioError(file, str(wrong.key), f"{wrong.reason} (line {wrong.line + 1})") from wrong
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "file"
        reason = getattr(error, "problem", None) or " ".join(str(error).split())
        raise ScenarioError(file, where, f"is not YAML: {reason}") from error
    if not isinstance(raw, dict):
        raise ScenarioError(file, "file", "must be a mapping of keys; see `contactline simulate --help`")
    return raw


def key_and_reason(message: str, form: type[Any], raw: Any) -> tuple[str, str]:
    """Key and reason of what msgspec says of `raw` as a `form`."""
    reason, _, at = message.partition(" - at `$")
    key = at.removesuffix("`").lstrip(".")
    unknown = re.search(r"unknown field `([^`]*)`", reason)
    if unknown:
        return ".".join(filter(None, [key, unknown[1]])), "unknown key"
    missing = re.search(r"missing required field `([^`]*)`", reason)
    if missing:
        return ".".join(filter(None, [key, missing[1]])), "is missing"
    return key or "file", _in_words(reason, form, _steps(key), raw)


def _steps(key: str) -> list[str]:
    return re.findall(r"[^.\[\]]+", key)


def _in_words(reason: str, form: type[Any], steps: list[str], raw: Any) -> str:
    enum = re.search(r"nvalid enum value (.*)", reason)
    if enum:
        there = ", ".join(map(str, typing.get_args(_form_at(form, steps))))
        return f"{enum[1].replace(chr(39), chr(96))} is not known; there are: {there}"
    pattern = re.search(r"matching regex '(.*)'", reason)
    if pattern and pattern[1] in PATTERNS:
        return f"must be {PATTERNS[pattern[1]]}"
    length = re.search(r"length (\d+)(?:, got (\d+))?", reason)
    if length and length[1] == "2":
        return "must be two numbers, from and to" + (f", not {length[2]}" if length[2] else "")
    bound = re.search(r"`(?:float|int)` (<=|>=|<|>) (-?[\d.e+]+)", reason)
    if bound:
        words = {"<=": "at most", ">=": "at least", "<": "less than", ">": "more than"}[bound[1]]
        return f"must be {words} {float(bound[2]):g}, not {_value(raw, steps)}"
    kinds = re.findall(r"`([^`]*)`", reason)
    if len(kinds) == 2:
        named = KINDS | ({"array": "a list as [from, to]"} if _form_at(form, steps) == Span else {})
        expected = " or ".join(named.get(word.strip(), word) for word in kinds[0].split("|"))
        return f"must be {expected}, not {KINDS.get(kinds[1], kinds[1])}"
    return reason[:1].lower() + reason[1:]


def _value(raw: Any, steps: list[str]) -> Any:
    for step in steps:
        raw = raw[int(step)] if isinstance(raw, list) else raw[step]
    return raw


def _form_at(form: Any, steps: list[str]) -> Any:
    """What may stand at a key of a form, besides nothing."""
    for step in steps:
        if isinstance(form, type) and issubclass(form, msgspec.Struct):
            form = typing.get_type_hints(form)[step]
        elif typing.get_origin(form) is tuple:
            form = typing.get_args(form)[0]
    if isinstance(form, types.UnionType):
        form = typing.get_args(form)[0]
    return form
