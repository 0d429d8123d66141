"""The published JSON Schema of the event record, made from `fields`; `python -m
monitoring.decode.json_schema`.

The committed copy is `monitoring/event.schema.json`; a test holds the two together. A schema cannot say
everything: registry, area, clocks, repeated keys, CSV and the order of time and time_end are the
decoder's and admission's.
"""

import json
import sys
from typing import Any, Final

from monitoring import schema
from monitoring.decode.fields import FIELDS, REQUIRED, Field, Kind
from monitoring.decode.limits import DEFAULT_LIMITS
from monitoring.events import WORDS

_ID_PATTERN: Final = r"^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$"
_TIME_PATTERN: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
_NOT_NULL: Final = {"not": {"type": "null"}}


def document() -> dict[str, Any]:
    """The schema as a JSON value (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://contactline.example/event.schema.json",
        "title": f"Event record, schema_version {schema.SCHEMA_VERSION}",
        "description": "One observation by one sensor. Unknown fields are kept and ignored by the rules. "
        "null for an optional field means that it is absent.",
        "type": "object",
        "required": list(REQUIRED),
        "properties": {field.name: _property(field) for field in FIELDS},
        "allOf": [
            _together("sensor_lon", "sensor_lat"),
            _together("sigma_major_m", "sigma_minor_m", "sigma_azimuth_deg"),
            _together("lon", "lat"),
            {
                "if": {"properties": {"kind": {"const": "track"}}},
                "then": _given("track_id"),
            },
            {
                "if": {
                    "not": {
                        "anyOf": [
                            {"properties": {"kind": {"enum": list(schema.STATUS_KINDS)}}},
                            {"allOf": [_given("bearing_deg"), {"not": _given("range_m")}]},
                        ]
                    }
                },
                "then": _given("lon", "lat"),
            },
        ],
    }


def text() -> str:
    """The schema as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _property(field: Field) -> dict[str, Any]:
    types: dict[Kind, dict[str, Any]] = {
        Kind.ID: {
            "type": "string",
            "pattern": _ID_PATTERN,
            "minLength": 1,
            "maxLength": DEFAULT_LIMITS.id_chars_max,
        },
        Kind.TIME: {"type": "string", "format": "date-time", "pattern": _TIME_PATTERN},
        Kind.WORD: {"type": "string", "enum": list(WORDS.get(field.name, ()))},
        Kind.REAL: {"type": "number"},
        Kind.INTEGER: {"type": "integer"},
        Kind.TRUTH: {"type": "boolean"},
        Kind.TEXT: {"type": "string", "maxLength": DEFAULT_LIMITS.text_chars_max},
        Kind.MEDIA: {
            "type": "array",
            "maxItems": DEFAULT_LIMITS.media_max,
            "items": {
                "type": "object",
                "properties": {
                    "sha256": {"type": ["string", "null"], "pattern": "^[0-9a-fA-F]{64}$"},
                    "type": {"type": ["string", "null"], "maxLength": 2048},
                    "uri": {"type": ["string", "null"], "maxLength": 2048},
                },
            },
        },
    }
    described = {"description": field.meaning, **types[field.kind]}
    if field.least is not None:
        described["exclusiveMinimum" if field.above else "minimum"] = field.least
    if field.most is not None:
        described["maximum"] = field.most
    if field.name in REQUIRED:
        return described
    described["type"] = [described["type"], "null"]
    if "enum" in described:
        described["enum"] = [*described["enum"], None]
    return described


def _given(*names: str) -> dict[str, Any]:
    """All of these fields are there and not null."""
    return {"required": list(names), "properties": dict.fromkeys(names, _NOT_NULL)}


def _together(*names: str) -> dict[str, Any]:
    """All of these fields are given, or none of them."""
    return {"if": {"anyOf": [_given(name) for name in names]}, "then": _given(*names)}


if __name__ == "__main__":
    sys.stdout.write(text())
