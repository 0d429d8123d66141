"""The JSON Schema of an agreement file, made from what the steps and the rules declare."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from monitoring.agreement.catalogue import SECTIONS, SIDES, Parameter
from monitoring.agreement.published_terms import closed, term_sections

_TEXT = {"type": "string", "minLength": 1}


def agreement_schema(rules: Mapping[str, Iterable[Parameter]]) -> dict[str, Any]:
    """The schema (draft 2020-12) of agreements whose rules declare these parameters, by rule id."""
    sections = {**SECTIONS, **{rule_id: tuple(declared) for rule_id, declared in rules.items()}}
    clause = {key: dict(_TEXT) for key in ("id", "rule", "title", "text", "source")}
    clause["rule"] = {"enum": sorted(rules)}
    top = {
        "agreement_format": {"const": 1},
        "label": dict(_TEXT),
        "title": dict(_TEXT),
        "source": dict(_TEXT),
        "reporting": closed({"zone": dict(_TEXT), "cut_off": {"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}}),
        "clauses": {"type": "array", "items": closed(clause)},
        "parameters": {
            "type": "object",
            "properties": {name: _section(declared) for name, declared in sorted(sections.items())},
            "required": [name for name in sorted(SECTIONS) if _section(SECTIONS[name])["required"]],
            "additionalProperties": False,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Agreement",
        "description": "Clauses and dated values of a ceasefire agreement, as the monitor reads them.",
        **closed(top, term_sections()),
    }


def _section(declared: tuple[Parameter, ...]) -> dict[str, Any]:
    return closed(
        {parameter.name: _dated(parameter) for parameter in declared if parameter.default is None},
        {parameter.name: _dated(parameter) for parameter in declared if parameter.default is not None},
    )


def _dated(parameter: Parameter) -> dict[str, Any]:
    entry = closed(
        {
            "from": {"type": "string", "description": "`always`, or an RFC 3339 time with offset"},
            "value": _value(parameter),
        }
    )
    values = {
        "type": "array",
        "items": entry,
        "minItems": 1,
        "description": "by rising date, the first `always`",
    }
    return closed({"unit": {"const": parameter.unit}, "meaning": _TEXT, "source": _TEXT, "values": values})


def _value(parameter: Parameter) -> dict[str, Any]:
    number: dict[str, Any] = {"type": "number", "minimum": parameter.least}
    if parameter.most != inf:
        number["maximum"] = parameter.most
    word: dict[str, Any] = {"enum": list(parameter.words)} if parameter.words else dict(_TEXT)
    if parameter.shape in ("number", "word"):
        return number if parameter.shape == "number" else word
    if parameter.shape == "numbers by party and name":
        return closed(dict.fromkeys(SIDES, _by_name(parameter.names, number)))
    items = {"numbers by name": number, "word by name": word}
    return _by_name(parameter.names, items.get(parameter.shape, {"type": "array", "items": word}))


def _by_name(names: tuple[str, ...], item: dict[str, Any]) -> dict[str, Any]:
    if names:
        return closed(dict.fromkeys(names, item))
    return {"type": "object", "additionalProperties": item}
