"""What every reader of an agreement shares: refusing by file and key, and reading dated entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

BEGINNING_NS: Final = -(2**63)
"""`from: always`."""
END_NS: Final = 2**63 - 1
"""Where no `to` is given."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class AgreementInvalid(ValueError):
    """An agreement file, or a file of notices, cannot be used; says file, key and what to do."""

    def __init__(self, file: str, key: str, what: str) -> None:
        super().__init__(f"{file}: {key}: {what}")
        self.file, self.key, self.what = file, key, what


@dataclass(frozen=True)
class Node:
    """A value of the file with the key it stands under, so that every refusal names both."""

    raw: Any
    file: str
    key: str

    def refused(self, what: str) -> AgreementInvalid:
        """The refusal of this value."""
        return AgreementInvalid(self.file, self.key, what)

    def mapping(self, required: Sequence[str], optional: Sequence[str] = ()) -> Mapping[str, "Node"]:
        """Its entries by name; none may be unknown and none of `required` absent. A null counts as absent."""
        content = mapping_of(self.raw, self.file, self.key)
        exact_keys(content, required, self.file, self.key, optional)
        return {name: self._at(f".{name}", value) for name, value in content.items() if value is not None}

    def named(self) -> Mapping[str, "Node"]:
        """Its entries, whatever their names."""
        content = mapping_of(self.raw, self.file, self.key)
        return {str(name): self._at(f".{name}", value) for name, value in content.items()}

    def entries(self) -> list["Node"]:
        """Its elements."""
        if not isinstance(self.raw, list):
            raise self.refused(f"expected a list, found {self.raw!r}")
        return [self._at(f"[{position}]", value) for position, value in enumerate(self.raw)]

    def text(self) -> str:
        """Text that is not blank."""
        return text_of(self.raw, self.file, self.key)

    def word(self, words: Sequence[str]) -> str:
        """One of some words."""
        if not isinstance(self.raw, str) or self.raw not in words:
            raise self.refused(f"expected one of {', '.join(words)}, found {self.raw!r}")
        return self.raw

    def number(self, least: float, most: float) -> float:
        """A number within bounds, both included."""
        if (
            isinstance(self.raw, bool)
            or not isinstance(self.raw, int | float)
            or not least <= self.raw <= most
        ):
            raise self.refused(f"expected a number from {least:g} to {most:g}, found {self.raw!r}")
        return float(self.raw)

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.raw, bool):
            raise self.refused(f"expected true or false, found {self.raw!r}")
        return self.raw

    def instant_ns(self) -> int:
        """`always`, or an RFC 3339 time with offset, as ns UTC."""
        return instant_ns(self.raw, self.file, self.key)

    def _at(self, step: str, raw: Any) -> "Node":
        return Node(raw, self.file, f"{self.key}{step}" if self.key else step.lstrip("."))


def validity(fields: Mapping[str, Node], where: Node) -> tuple[int, int]:
    """[from, to) in ns of an entry with optional `from` and `to`."""
    begin_ns = fields["from"].instant_ns() if "from" in fields else BEGINNING_NS
    end_ns = fields["to"].instant_ns() if "to" in fields else END_NS
    if end_ns <= begin_ns:
        raise where.refused("`to` must come after `from`")
    return begin_ns, end_ns


def mapping_of(raw: object, file: str, where: str) -> dict[str, Any]:
    """A mapping, or a refusal."""
    if not isinstance(raw, dict):
        raise AgreementInvalid(file, where, f"expected a mapping, found {raw!r}")
    return raw


def text_of(raw: object, file: str, where: str) -> str:
    """Text that is not blank, or a refusal."""
    if not isinstance(raw, str) or not raw.strip():
        raise AgreementInvalid(file, where, f"expected text, found {raw!r}")
    return raw


def exact_keys(
    content: Mapping[str, Any], required: Sequence[str], file: str, where: str, optional: Sequence[str] = ()
) -> None:
    """Refuses unknown and missing keys."""
    prefix = f"{where}." if where else ""
    for key in content:
        if key not in required and key not in optional:
            known = ", ".join([*required, *optional]) or "none"
            raise AgreementInvalid(file, f"{prefix}{key}", f"unknown key; known here: {known}")
    for key in required:
        if key not in content:
            raise AgreementInvalid(file, f"{prefix}{key}", "is missing")


def instant_ns(raw: object, file: str, where: str) -> int:
    """`always`, or an RFC 3339 time with offset, as ns UTC."""
    words = text_of(raw, file, where)
    if words == "always":
        return BEGINNING_NS
    try:
        at = datetime.fromisoformat(words)
    except ValueError:
        raise AgreementInvalid(
            file, where, f"expected `always` or an RFC 3339 time, found {words!r}"
        ) from None
    if at.tzinfo is None:
        raise AgreementInvalid(file, where, f"a time needs its offset: {words!r}")
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000
