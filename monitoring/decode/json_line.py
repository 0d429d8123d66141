"""The strict reading of one JSON record: slow, exact, and the judge of every doubtful line.

It decides what a JSON text may be (RFC 8259, no more) and which JSON type each field takes. Values are judged
afterwards, in `checking`, together with those that came the columnar way.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from monitoring.decode.fields import BY_NAME, Field, Kind
from monitoring.decode.limits import Limits
from monitoring.decode.rows import echo

_INT64: Final = range(-(2**63), 2**63)
_INTEGER_DIGITS_MAX: Final = 400
_NOT_FINITE: Final = frozenset(
    {"nan", "infinity", "-infinity", "+infinity", "inf", "-inf", "+inf", "-nan", "+nan"}
)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BRACKETS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_MEDIA_TEXT_MAX: Final = 2_048


class RowRefused(Exception):
    """One record cannot be read; `reason` is one of `schema.ROW_REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def canonical_json(value: object) -> str:
    """The one way of writing a JSON value: sorted keys, no spaces, no escapes beyond the needed.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_line(line: bytes, limits: Limits) -> dict[str, Any]:
    """The fields of one line, each of its kind; absent fields are left out, unknown ones are in `extra`.

    Raises RowRefused.
    """
    return read_record(load(line, limits), limits, b"\\u" in line)


def load(line: bytes, limits: Limits) -> Any:
    """The JSON value of one line, read without mercy. Raises RowRefused."""
    if len(line) > limits.line_bytes_max:
        raise RowRefused("too_long", f"the line has more than {limits.line_bytes_max} bytes")
    if b"\x00" in line:
        raise RowRefused("control_chars", "a NUL byte")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RowRefused("encoding", f"not UTF-8 at byte {error.start + 1}") from None
    return parse_json(text, limits)


def parse_json(text: str, limits: Limits) -> Any:
    """A JSON value read without mercy: no repeated keys, no NaN, no number beyond its type, no deep nesting.

    Raises RowRefused.
    """
    if _is_too_deep(text, limits.depth_max):
        raise RowRefused("too_deep", f"nested more than {limits.depth_max} deep")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise RowRefused("json_syntax", f"{error.msg} at character {error.pos + 1}") from None


def read_record(
    record: Any, limits: Limits, has_escapes: bool = True, besides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The fields of a parsed JSON object (see `read_line`); `besides` are further unknown ones. Raises
    RowRefused."""
    if not isinstance(record, dict):
        raise RowRefused("not_an_object", f"{json_name(record)}, not an object")
    if has_escapes:
        refuse_bad_characters(record)
    fields: dict[str, Any] = {}
    unknown: dict[str, Any] = dict(besides or {})
    for name, value in record.items():
        if value is None:
            continue
        field = BY_NAME.get(name)
        if field is None:
            unknown[name] = value
            continue
        read = _READERS[field.kind](field, value)
        if read is not None:
            fields[name] = read
    media = fields.get("media")
    if media is not None:
        fields["media"] = _media_text(media, limits)
    if unknown:
        if len(unknown) > limits.unknown_fields_max:
            raise RowRefused("too_long", f"{len(unknown)} unknown fields")
        fields["extra"] = canonical_json(unknown)
    return fields


def _is_too_deep(text: str, depth_max: int) -> bool:
    if text.count("[") + text.count("{") <= depth_max:
        return False
    depth = 0
    for token in _BRACKETS.finditer(text):
        mark = token.group()[:1]
        if mark in "[{":
            depth += 1
            if depth > depth_max:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise RowRefused("duplicate_key", f"{echo(name)} stands twice")
            seen.add(name)
    return record


def _constant(token: str) -> NoReturn:
    raise RowRefused("non_finite", f"{token} is not a number of JSON")


def _integer(digits: str) -> int | float:
    if digits == "-0":
        return -0.0
    if len(digits) > _INTEGER_DIGITS_MAX:
        raise RowRefused("number_range", f"a number of {len(digits)} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise RowRefused("number_range", f"{echo(digits)} is beyond double precision")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
)
_JSON_NAMES: Final = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def json_name(value: Any) -> str:
    """What JSON calls a value."""
    return _JSON_NAMES[type(value)]


def refuse_bad_characters(value: Any) -> None:
    """Refuse what escapes can smuggle in anywhere: U+0000, halves of surrogate pairs. Raises RowRefused."""
    if isinstance(value, str):
        if "\x00" in value:
            raise RowRefused("control_chars", "U+0000")
        if _SURROGATE.search(value):
            raise RowRefused("encoding", "half of a surrogate pair")
    elif isinstance(value, dict):
        for name, item in value.items():
            refuse_bad_characters(name)
            refuse_bad_characters(item)
    elif isinstance(value, list):
        for item in value:
            refuse_bad_characters(item)


def _refuse_type(field: Field, value: Any, wanted: str) -> NoReturn:
    raise RowRefused("type", f"{field.name} is {_JSON_NAMES[type(value)]}, not {wanted}")


def _read_string(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        _refuse_type(field, value, "a string")
    return value


def _read_time(field: Field, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise RowRefused("time_format", f"{field.name} is a number; its unit is never guessed")
    return _read_string(field, value)


def _not_a_number(field: Field, value: Any) -> NoReturn:
    if isinstance(value, str) and value.strip().lower() in _NOT_FINITE:
        raise RowRefused("non_finite", f"{field.name} is {echo(value)}")
    if value == "" and field.reason == "coord_range":
        raise RowRefused("missing_field", f"{field.name} is an empty string")
    _refuse_type(field, value, "a number")


def _read_real(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _not_a_number(field, value)
    try:
        return float(value)
    except OverflowError:
        raise RowRefused("number_range", f"{field.name} is beyond double precision") from None


def _read_integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _not_a_number(field, value)
    if isinstance(value, float):
        if not value.is_integer():
            _refuse_type(field, value, "a whole number")
        value = int(value)
    if value not in _INT64:
        raise RowRefused("number_range", f"{field.name} is beyond 64 bits")
    return int(value)


def _read_truth(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        _refuse_type(field, value, "true or false")
    return value


def _read_media(field: Field, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        _refuse_type(field, value, "a list")
    for entry in value:
        if not isinstance(entry, dict):
            raise RowRefused("type", "media holds something that is not an object")
        for name in ("sha256", "type", "uri"):
            text = entry.get(name)
            if text is not None and not isinstance(text, str):
                raise RowRefused("type", f"media.{name} is {_JSON_NAMES[type(text)]}, not a string")
            if text is not None and len(text) > _MEDIA_TEXT_MAX:
                raise RowRefused("too_long", f"media.{name} has {len(text)} characters")
        if entry.get("sha256") is not None and not _SHA256.fullmatch(entry["sha256"]):
            raise RowRefused("type", "media.sha256 is not 64 hexadecimal digits")
    return value


def _media_text(media: list[dict[str, Any]], limits: Limits) -> str:
    if len(media) > limits.media_max:
        raise RowRefused("too_long", f"media has {len(media)} entries")
    return canonical_json(media)


_READERS: Final[dict[Kind, Callable[[Field, Any], Any]]] = {
    Kind.ID: _read_string,
    Kind.WORD: _read_string,
    Kind.TEXT: _read_string,
    Kind.TIME: _read_time,
    Kind.REAL: _read_real,
    Kind.INTEGER: _read_integer,
    Kind.TRUTH: _read_truth,
    Kind.MEDIA: _read_media,
}
