"""The JSON Schema of what an agreement says besides clauses and parameters, and of a file of notices."""

from typing import Any, Final

from monitoring import schema
from monitoring.agreement.catalogue import SIDES
from monitoring.agreement.hours import WEEKDAYS
from monitoring.agreement.notices import PARTIES, PLACES, PURPOSES
from monitoring.agreement.permits import ACTIVITIES, KINDS
from monitoring.agreement.shapes import RADIUS_M_MAX
from monitoring.agreement.standards import DECISIONS, LADDER
from monitoring.agreement.weapons import CALIBRE_MM_MAX

_TEXT: Final = {"type": "string", "minLength": 1}
_TIME: Final = {"type": "string", "description": "`always`, or an RFC 3339 time with offset"}
_LON: Final = {"type": "number", "minimum": -180, "maximum": 180}
_LAT: Final = {"type": "number", "minimum": -89, "maximum": 89}
_RADIUS: Final = {"type": "number", "minimum": 1, "maximum": RADIUS_M_MAX}
_DATES: Final = {"from": _TIME, "to": _TIME}
_CIRCLE: Final = {"lon": _LON, "lat": _LAT, "radius_m": _RADIUS}


def closed(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    """An object with exactly these properties, and perhaps the optional ones."""
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def term_sections() -> dict[str, Any]:
    """The optional sections of an agreement, by name."""
    return {
        "reference_lines": {
            "type": "object",
            "additionalProperties": closed(
                {
                    "title": _TEXT,
                    "source": _TEXT,
                    "versions": {"type": "array", "minItems": 1, "items": _line_version()},
                }
            ),
        },
        "permits": _list(
            closed(
                {
                    "id": _TEXT,
                    "kind": {"enum": list(KINDS)},
                    "title": _TEXT,
                    "text": _TEXT,
                    "source": _TEXT,
                    "rules": _list({"enum": list(schema.RULE_IDS)}),
                },
                {
                    "whose": _list({"enum": list(schema.AFFILIATIONS)}),
                    "classes": _list({"enum": list(schema.OBJECT_CLASSES)}),
                    **_DATES,
                },
            )
        ),
        "weapon_classes": _list(
            closed(
                {
                    "id": _TEXT,
                    "title": _TEXT,
                    "source": _TEXT,
                    "object_classes": _list({"enum": list(schema.OBJECT_CLASSES)}),
                },
                {name: _calibre() for name in ("calibre_mm_above", "calibre_mm_to")},
            )
        ),
        "standards": closed(
            {},
            {
                decision: closed({"standard": {"enum": list(LADDER)}, "source": _TEXT})
                for decision in DECISIONS
            },
        ),
        **_told(),
    }


def notices_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a file of notices."""
    sections = {
        **_told(),
        "source": _TEXT,
        "withdrawn": _list({**_TEXT, "description": "ids of earlier notices that no longer hold"}),
        "announced": {"type": "array", "description": "what `contactline simulate --notices` writes"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Notices",
        "description": "What a mission was told under an agreement: crossing points, activities, zones, places.",
        **closed({}, {"notices_format": {"const": 1}, **sections}),
    }


def _told() -> dict[str, Any]:
    span = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-4]):[0-5][0-9]$"}
    named = {"name": _TEXT, "source": _TEXT, **_DATES}
    hours = closed({}, dict.fromkeys((*WEEKDAYS, "every_day"), _list(span)))
    return {
        "crossing_points": _list(
            {
                "oneOf": [
                    closed({"id": _TEXT, **_CIRCLE, "hours": {**hours, "minProperties": 1}}, named),
                    closed({"id": _TEXT, **_CIRCLE, "opens_h": _hour(), "closes_h": _hour()}, named),
                ]
            }
        ),
        "notified": _list(
            closed(
                {
                    "id": _TEXT,
                    "kind": {"enum": list(ACTIVITIES)},
                    "party": {"enum": list(PARTIES)},
                    "area": _area(),
                    **_DATES,
                    "source": _TEXT,
                },
                {"classes": _list({"enum": list(schema.OBJECT_CLASSES)}), "text": _TEXT},
            )
        ),
        "zones": _list(
            _geometry_or_file(
                {"id": _TEXT, "purpose": {"enum": list(PURPOSES)}, "source": _TEXT},
                {"name": _TEXT, **_DATES},
                {},
                _geojson("Polygon", "MultiPolygon"),
            )
        ),
        "protected_places": _list(closed({"id": _TEXT, "kind": {"enum": list(PLACES)}, **_CIRCLE}, named)),
        "monitor_aircraft": _list(closed({"id": _TEXT, "tracks": _list({"pattern": "^.+/.+$"})}, named)),
    }


def _line_version() -> dict[str, Any]:
    told = {
        "left_side": {"enum": list(SIDES)},
        "sigma_m": {"type": "number", "minimum": 0, "maximum": 50_000},
    }
    return _geometry_or_file({"from": _TIME}, {}, told, _geojson("LineString", "MultiLineString"))


def _geometry_or_file(
    required: dict[str, Any],
    optional: dict[str, Any],
    with_geometry: dict[str, Any],
    geometry: dict[str, Any],
) -> dict[str, Any]:
    return {
        "oneOf": [
            closed({**required, "geometry": geometry}, {**optional, **with_geometry}),
            closed({**required, "file": _TEXT}, optional),
        ]
    }


def _area() -> dict[str, Any]:
    corridor = {"line": _geojson("LineString"), "width_m": _RADIUS}
    return {
        "oneOf": [
            closed({"circle": closed(_CIRCLE)}),
            closed({"polygon": _geojson("Polygon", "MultiPolygon")}),
            closed({"corridor": closed(corridor)}),
        ]
    }


def _geojson(*types: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"type": {"enum": list(types)}, "coordinates": {"type": "array"}},
        "required": ["type", "coordinates"],
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _hour() -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "maximum": 24}


def _calibre() -> dict[str, Any]:
    return {"type": "number", "minimum": 0, "maximum": CALIBRE_MM_MAX}
