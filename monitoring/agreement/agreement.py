"""Reading, checking and asking an agreement.

The file is refused at start-up with its name and the key at fault; after that every question has an answer.
"""

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import LineHistory
from monitoring import schema
from monitoring.agreement import notices
from monitoring.agreement.catalogue import (
    CONTACT_LINE,
    REFERENCE_LINE,
    SECTIONS,
    Parameter,
    Value,
    ValueRefused,
)
from monitoring.agreement.checking import (
    BEGINNING_NS,
    AgreementInvalid,
    Node,
    exact_keys,
    instant_ns,
    mapping_of,
    text_of,
)
from monitoring.agreement.documents import plain, plain_document
from monitoring.agreement.inlining import inline
from monitoring.agreement.permits import read_permits
from monitoring.agreement.reference_lines import read_reference_lines
from monitoring.agreement.standards import read_standards
from monitoring.agreement.weapons import read_weapon_classes

FORMAT: Final = 1
DEFAULT: Final = "illustrative"
"""The packaged agreement that is taken where none is named."""
OPTIONAL_SECTIONS: Final = ("reference_lines", "permits", "weapon_classes", "standards", *notices.SECTIONS)
"""What an agreement may say besides."""
_PACKAGED_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")


@dataclass(frozen=True)
class Clause:
    """One clause: what it says, and the rule that judges it."""

    id: str
    rule_id: str
    title: str
    text: str
    source: str


@dataclass(frozen=True)
class Reporting:
    """The reporting period: it ends each day at `cut_off` (HH:MM) in `zone` (an IANA name)."""

    zone: str
    cut_off: str


@dataclass(frozen=True)
class Dated:
    """A parameter over time: `values[i]` holds from `from_ns[i]` until the next one begins."""

    key: str
    unit: str
    meaning: str
    source: str
    from_ns: tuple[int, ...]
    values: tuple[Value, ...]

    def at(self, time_ns: int) -> Value:
        """The value in force at an event time."""
        return self.values[bisect_right(self.from_ns, time_ns) - 1]

    def idx_at(self, times_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Position in `values` of the value in force at each event time, shape (n,)."""
        starts = np.array(self.from_ns, dtype=np.int64)
        return np.searchsorted(starts, times_ns, side="right").astype(np.int64) - 1

    def numbers(self, *names: str) -> NDArray[np.float64]:
        """The values as numbers, shape (values,); `names` pick one number of a mapping, or of one in one."""
        picked: list[Any] = list(self.values)
        for name in names:
            picked = [value[name] for value in picked]
        return np.array(picked, dtype=np.float64)


class Agreement:
    """A validated agreement. Immutable; equal content has equal `version`."""

    def __init__(self, content: Mapping[str, Any], file: str) -> None:
        self.file = file
        self._content = content
        self._check_top()
        self.label: str = content["label"]
        self.title: str = content["title"]
        self.source: str = content["source"]
        self.reporting = self._read_reporting(content["reporting"])
        self.clauses: tuple[Clause, ...] = tuple(self._read_clauses(content["clauses"]))
        self._by_rule = {clause.rule_id: clause for clause in self.clauses}
        self.reference_lines: Mapping[str, LineHistory] = read_reference_lines(
            Node(content.get("reference_lines", {}), file, "reference_lines")
        )
        self.permits = read_permits(
            Node(content.get("permits", []), file, "permits"), frozenset(one.id for one in self.clauses)
        )
        self.weapon_classes = read_weapon_classes(
            Node(content.get("weapon_classes", []), file, "weapon_classes")
        )
        self.standards = read_standards(Node(content.get("standards", {}), file, "standards"))
        self.notices = notices.Notices.read(content, file)
        self._raw: dict[str, dict[str, Any]] = content["parameters"]
        self._dated: dict[str, Dated] = {}
        self._numbers: dict[tuple[str, ...], NDArray[np.float64]] = {}
        self._declared: dict[str, tuple[Parameter, ...]] = {}
        for section, declared in SECTIONS.items():
            self._read_section(section, declared)
        for section in self._raw:
            if section not in SECTIONS and section not in self._by_rule:
                raise self._invalid(
                    f"parameters.{section}", "unknown section: neither a step nor a clause's rule"
                )
        canonical = json.dumps(
            content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        self.version = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    @classmethod
    def load(cls, path_or_name: str | Path) -> "Agreement":
        """The agreement of a file, or a packaged one by its name (`minimal`)."""
        name = str(path_or_name)
        if isinstance(path_or_name, str) and _PACKAGED_NAME.fullmatch(name):
            packaged = resources.files("monitoring.agreement") / "agreements" / f"{name}.yaml"
            if packaged.is_file():
                return cls.parse(packaged.read_text(encoding="utf-8"), f"{name}.yaml")
        try:
            text = Path(path_or_name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise AgreementInvalid(
                name, "file", f"cannot be read ({error}); give a UTF-8 YAML file"
            ) from None
        return cls.parse(text, name, Path(path_or_name).parent)

    @classmethod
    def parse(cls, text: str, file: str, folder: Path | None = None) -> "Agreement":
        """The agreement written in `text` (YAML, or the JSON of `to_json`); `file` names it in errors.

        Geometry named by `file:` is read from `folder` and becomes part of the content.
        """
        content = plain_document(text, file)
        inline(content, file, folder)
        return cls(plain(content), file)

    @property
    def content(self) -> Mapping[str, Any]:
        """The whole content, as it was written."""
        return self._content

    def to_json(self) -> str:
        """The whole content as canonical JSON; `parse` reads it back to the same version."""
        return json.dumps(
            self._content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    def clause(self, rule_id: str) -> Clause | None:
        """The clause that a rule judges, or None where the agreement has none."""
        return self._by_rule.get(rule_id)

    def declare(self, rule_id: str, parameters: Iterable[Parameter]) -> None:
        """Checks and opens a rule's section: unknown and missing keys fail. Declaring again is harmless."""
        declared = tuple(parameters)
        if rule_id in self._by_rule and self._declared.get(rule_id) != declared:
            self._read_section(rule_id, declared)
            self._declared[rule_id] = declared

    def dated(self, key: str) -> Dated:
        """Everything about one parameter (`section.name`): unit, meaning, source and its dated values."""
        if key not in self._dated:
            raise KeyError(f"{self.file}: parameters.{key}: nobody declared it")
        return self._dated[key]

    def value(self, key: str, time_ns: int) -> Any:
        """The value of `section.name` at an event time: float, str, or a mapping, by its declaration."""
        return self.dated(key).at(time_ns)

    def number(self, key: str, time_ns: int) -> float:
        """A numeric value at an event time."""
        value = self.dated(key).at(time_ns)
        assert isinstance(value, float), f"{key} is not a number"
        return value

    def numbers(self, key: str, times_ns: NDArray[np.int64], *names: str) -> NDArray[np.float64]:
        """Values at many event times, shape (n,), float64; `names` pick from a mapping (`A`, or `A`, `tank`)."""
        table = self._numbers.get((key, *names))
        if table is None:
            table = self._numbers[key, *names] = self.dated(key).numbers(*names)
        if len(table) == 1:
            return np.broadcast_to(table[0], len(times_ns))  # read-only, and free
        return np.asarray(table[self.dated(key).idx_at(times_ns)])

    def has(self, key: str) -> bool:
        """Whether somebody declared `section.name`."""
        return key in self._dated

    def keys(self) -> tuple[str, ...]:
        """Every declared key, sorted."""
        return tuple(sorted(self._dated))

    def _invalid(self, key: str, what: str) -> AgreementInvalid:
        return AgreementInvalid(self.file, key, what)

    def _check_top(self) -> None:
        expected = ("agreement_format", "label", "title", "source", "reporting", "clauses", "parameters")
        exact_keys(self._content, expected, self.file, "", OPTIONAL_SECTIONS)
        if self._content["agreement_format"] != FORMAT:
            raise self._invalid("agreement_format", f"this program reads {FORMAT}")
        for key in ("label", "title", "source"):
            text_of(self._content[key], self.file, key)
        if not isinstance(self._content["clauses"], list):
            raise self._invalid("clauses", "expected a list")
        for section, values in mapping_of(self._content["parameters"], self.file, "parameters").items():
            mapping_of(values, self.file, f"parameters.{section}")

    def _read_reporting(self, raw: object) -> Reporting:
        content = mapping_of(raw, self.file, "reporting")
        exact_keys(content, ("zone", "cut_off"), self.file, "reporting")
        zone = text_of(content["zone"], self.file, "reporting.zone")
        cut_off = text_of(content["cut_off"], self.file, "reporting.cut_off")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise self._invalid("reporting.zone", f"not an IANA time zone: {zone}") from None
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", cut_off):
            raise self._invalid("reporting.cut_off", f'expected "HH:MM", found {cut_off!r}')
        return Reporting(zone, cut_off)

    def _read_clauses(self, raw: list[object]) -> Iterable[Clause]:
        ids: set[str] = set()
        rules: set[str] = set()
        for position, entry in enumerate(raw):
            where = f"clauses[{position}]"
            content = mapping_of(entry, self.file, where)
            exact_keys(content, ("id", "rule", "title", "text", "source"), self.file, where)
            words = {key: text_of(content[key], self.file, f"{where}.{key}") for key in content}
            if words["rule"] not in schema.RULE_IDS:
                what = f"there is no rule {words['rule']}; there are {', '.join(schema.RULE_IDS)}"
                raise self._invalid(f"{where}.rule", what)
            if words["id"] in ids or words["rule"] in rules:
                raise self._invalid(where, "its id or rule is already used by another clause")
            ids.add(words["id"])
            rules.add(words["rule"])
            yield Clause(words["id"], words["rule"], words["title"], words["text"], words["source"])

    def _read_section(self, section: str, declared: tuple[Parameter, ...]) -> None:
        where = f"parameters.{section}"
        raw = self._raw.get(section, {})
        required = [parameter.name for parameter in declared if parameter.default is None]
        optional = [parameter.name for parameter in declared if parameter.default is not None]
        exact_keys(raw, required, self.file, where, optional)
        for parameter in declared:
            key = f"{section}.{parameter.name}"
            if parameter.name in raw:
                self._dated[key] = self._read_dated(parameter, key, raw[parameter.name])
            else:
                assert parameter.default is not None
                by_default = (parameter.default,)
                self._dated[key] = Dated(key, parameter.unit, "", "by default", (BEGINNING_NS,), by_default)
        self._numbers.clear()

    def _read_dated(self, parameter: Parameter, key: str, raw: object) -> Dated:
        where = f"parameters.{key}"
        content = mapping_of(raw, self.file, where)
        exact_keys(content, ("unit", "meaning", "source", "values"), self.file, where)
        for name in ("unit", "meaning", "source"):
            text_of(content[name], self.file, f"{where}.{name}")
        if content["unit"] != parameter.unit:
            raise self._invalid(f"{where}.unit", f"expected {parameter.unit!r}, found {content['unit']!r}")
        entries = content["values"]
        if not isinstance(entries, list) or not entries:
            raise self._invalid(f"{where}.values", "expected a list of dated values")
        from_ns: list[int] = []
        values: list[Value] = []
        for position, entry in enumerate(entries):
            at = f"{where}.values[{position}]"
            dated = mapping_of(entry, self.file, at)
            exact_keys(dated, ("from", "value"), self.file, at)
            begins_ns = instant_ns(dated["from"], self.file, f"{at}.from")
            if position == 0 and begins_ns != BEGINNING_NS:
                raise self._invalid(f"{at}.from", "the first value must hold from: always")
            if from_ns and begins_ns <= from_ns[-1]:
                raise self._invalid(
                    f"{at}.from", "dates must rise; this one does not come after the one before"
                )
            try:
                values.append(parameter.read(dated["value"]))
            except ValueRefused as error:
                raise self._invalid(f"{at}.value", str(error)) from None
            from_ns.append(begins_ns)
        if parameter.name == REFERENCE_LINE.name:
            self._check_line_names(values, where)
        return Dated(
            key, parameter.unit, content["meaning"], content["source"], tuple(from_ns), tuple(values)
        )

    def _check_line_names(self, values: list[Value], where: str) -> None:
        known = [CONTACT_LINE, *self.reference_lines]
        for position, value in enumerate(values):
            for name in value.values() if isinstance(value, Mapping) else ():
                if name not in known:
                    what = f"there is no line {name}; there are {', '.join(known)}"
                    raise self._invalid(f"{where}.values[{position}].value", what)
