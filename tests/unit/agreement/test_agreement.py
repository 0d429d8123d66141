"""Agreements: what is read, what is asked of them, and that a bad file is refused by file and key."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import monitoring.agreement
from monitoring.agreement import Agreement, AgreementInvalid, notices_schema
from monitoring.agreement.notices import canonical
from monitoring.rules import bind, discover, published_agreement_schema

JANUARY_NS = 1_767_225_600_000_000_000
"""2026-01-01T00:00:00Z."""


def content() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(Agreement.load("minimal").to_json())
    return made


def read(changed: dict[str, Any]) -> Agreement:
    made = Agreement.parse(json.dumps(changed), "changed.yaml")
    bind(made)
    return made


def test_the_packaged_agreement_is_complete_for_every_rule_it_has_a_clause_for() -> None:
    minimal = Agreement.load("minimal")
    assert [rule.RULE_ID for rule in bind(minimal)] == sorted(clause.rule_id for clause in minimal.clauses)
    assert (minimal.reporting.zone, minimal.reporting.cut_off) == ("Europe/Kyiv", "19:30")
    assert minimal.value("buffer_incursion.width_m", 0) == {"A": 2000.0, "B": 2000.0}


def test_equal_content_has_equal_version_however_it_is_written(tmp_path: Path) -> None:
    minimal = Agreement.load("minimal")
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps(content(), indent=3), encoding="utf-8")
    assert Agreement.load(path).version == minimal.version
    changed = content()
    changed["parameters"]["stream"]["lateness_s"]["values"][0]["value"] = 600.0
    assert read(changed).version == minimal.version
    changed["parameters"]["stream"]["lateness_s"]["values"][0]["value"] = 601
    assert read(changed).version != minimal.version


def test_a_value_changes_at_its_date_and_a_batch_may_straddle_it() -> None:
    changed = content()
    changed["parameters"]["association"]["gap_s"]["values"].append(
        {"from": "2026-01-01T02:00:00+02:00", "value": 300}
    )
    made = read(changed)
    assert made.value("association.gap_s", JANUARY_NS - 1) == 600.0
    assert made.value("association.gap_s", JANUARY_NS) == 300.0
    times_ns = np.array([JANUARY_NS - 1, JANUARY_NS], dtype=np.int64)
    assert made.numbers("association.gap_s", times_ns).tolist() == [600.0, 300.0]


def test_a_key_that_nobody_declared_is_a_mistake_of_the_program() -> None:
    with pytest.raises(KeyError, match=r"filing\.colour"):
        Agreement.load("minimal").value("filing.colour", 0)


def drop_width(changed: dict[str, Any]) -> None:
    del changed["parameters"]["buffer_incursion"]["width_m"]


def set_value(section: str, name: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(changed: dict[str, Any]) -> None:
        changed["parameters"][section][name]["values"] = [{"from": "always", "value": value}]

    return change


def set_dates(*dates: object) -> Callable[[dict[str, Any]], None]:
    def change(changed: dict[str, Any]) -> None:
        values = [{"from": date, "value": 600} for date in dates]
        changed["parameters"]["association"]["gap_s"]["values"] = values

    return change


def set_key(*path: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    def change(changed: dict[str, Any]) -> None:
        at: Any = changed
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (drop_width, "parameters.buffer_incursion.width_m"),
        (
            set_value("buffer_incursion", "width_m", {"A": 2000}),
            "parameters.buffer_incursion.width_m.values[0].value",
        ),
        (
            set_value("buffer_incursion", "width_m", 2000),
            "parameters.buffer_incursion.width_m.values[0].value",
        ),
        (set_value("association", "gap_s", -1), "parameters.association.gap_s.values[0].value"),
        (set_value("association", "gap_s", "ten"), "parameters.association.gap_s.values[0].value"),
        (set_value("association", "gap_s", True), "parameters.association.gap_s.values[0].value"),
        (set_value("filing", "place", "village"), "parameters.filing.place.values[0].value"),
        (
            set_value("filing", "opens_on", {"line_crossing": ["maybe"]}),
            "parameters.filing.opens_on.values[0].value",
        ),
        (set_dates("2026-01-01T00:00:00Z"), "parameters.association.gap_s.values[0].from"),
        (set_dates("always", "2026-01-01T00:00:00"), "parameters.association.gap_s.values[1].from"),
        (set_dates("always", "soon"), "parameters.association.gap_s.values[1].from"),
        (
            set_dates("always", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            "parameters.association.gap_s.values[2].from",
        ),
        (set_dates(), "parameters.association.gap_s.values"),
        (set_key("parameters", "stream", "speed", value={}), "parameters.stream.speed"),
        (set_key("parameters", "weather", value={}), "parameters.weather"),
        (set_key("colour", value="red"), "colour"),
        (set_key("agreement_format", value=2), "agreement_format"),
        (set_key("label", value=""), "label"),
        (set_key("reporting", "zone", value="Europe/Atlantis"), "reporting.zone"),
        (set_key("reporting", "cut_off", value="24:00"), "reporting.cut_off"),
        (set_key("clauses", 1, "rule", value="line_crossing"), "clauses[1]"),
        (set_key("clauses", 0, "rule", value="no_such_rule"), "clauses[0].rule"),
        (
            set_key("parameters", "association", "gap_s", "unit", value="min"),
            "parameters.association.gap_s.unit",
        ),
    ],
)
def test_a_bad_agreement_is_refused_by_file_and_key(
    change: Callable[[dict[str, Any]], None], key: str
) -> None:
    changed = content()
    change(changed)
    with pytest.raises(AgreementInvalid) as refused:
        read(changed)
    assert (refused.value.file, refused.value.key) == ("changed.yaml", key)
    assert str(refused.value).startswith("changed.yaml: ")


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "a: 1\na: 2\n", "agreement_format: 1"])
def test_a_file_that_is_no_agreement_is_refused(text: str) -> None:
    with pytest.raises(AgreementInvalid, match=r"^bad\.yaml: "):
        Agreement.parse(text, "bad.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgreementInvalid, match=r"none\.yaml"):
        Agreement.load(tmp_path / "none.yaml")


def test_the_published_schema_accepts_the_packaged_agreement_and_refuses_unknown_keys() -> None:
    validator = jsonschema.Draft202012Validator(published_agreement_schema())
    validator.check_schema(validator.schema)
    assert not list(validator.iter_errors(content()))
    changed = content()
    changed["parameters"]["stream"]["speed"] = {}
    assert list(validator.iter_errors(changed))


def test_the_published_schema_is_the_one_that_the_rules_declare() -> None:
    path = Path(monitoring.agreement.__file__).parent / "agreement_schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == published_agreement_schema(), (
        "write it again: python -c 'import json; from monitoring.rules import published_agreement_schema as s;"
        f" print(json.dumps(s(), indent=1))' > {path}"
    )


def test_the_published_schema_knows_every_parameter_of_every_rule() -> None:
    sections = published_agreement_schema()["properties"]["parameters"]["properties"]
    for rule in discover():
        assert set(sections[rule.RULE_ID]["properties"]) == {parameter.name for parameter in rule.PARAMETERS}


def test_the_published_schema_of_notices_is_the_one_that_is_read() -> None:
    path = Path(monitoring.agreement.__file__).parent / "notices_schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == notices_schema(), (
        "write it again: python -c 'import json; from monitoring.agreement import notices_schema as s;"
        f" print(json.dumps(s(), indent=1))' > {path}"
    )


def test_the_published_schemas_accept_what_is_read_and_refuse_unknown_keys() -> None:
    circle = {"lon": 37.0, "lat": 48.0, "radius_m": 500}
    square = [[37, 48], [37.1, 48], [37.1, 48.1], [37, 48]]
    line = {"type": "LineString", "coordinates": [[37, 48], [37, 49]]}
    dates = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    told: dict[str, Any] = {
        "crossing_points": [{"id": "CP", **circle, "hours": {"monday": ["08:00-24:00"]}, **dates}],
        "notified": [
            {"id": f"N{i}", "kind": "works", "party": "A", "area": area, "source": "s", **dates}
            for i, area in enumerate(
                [{"circle": circle}, {"corridor": {"line": line, "width_m": 20}}]
            )
        ],
        "zones": [
            {"id": "Z", "purpose": "no_fly", "source": "s",
             "geometry": {"type": "Polygon", "coordinates": [square]}}
        ],
        "protected_places": [{"id": "P", "kind": "water", **circle}],
        "monitor_aircraft": [{"id": "U", "tracks": ["GPS-1/*"]}],
    }  # fmt: skip
    whole = {
        **content(),
        **told,
        "reference_lines": {
            "old": {"title": "t", "source": "s", "versions": [{"from": "always", "geometry": line}]}
        },
        "weapon_classes": [
            {"id": "g", "title": "t", "source": "s", "object_classes": ["artillery"], "calibre_mm_above": 100}
        ],
    }
    read(whole)
    canonical(told, "told.yaml")
    of_agreement = jsonschema.Draft202012Validator(published_agreement_schema())
    of_notices = jsonschema.Draft202012Validator(notices_schema())
    assert not list(of_agreement.iter_errors(whole))
    assert not list(of_notices.iter_errors(told))
    for section in told:
        wrong = {**told, section: [told[section][0] | {"colour": "red"}]}
        assert list(of_notices.iter_errors(wrong)), section
        with pytest.raises(AgreementInvalid):
            canonical(wrong, "told.yaml")
