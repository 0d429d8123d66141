"""Sections on what should not be where it was: heavy weapons, gathered forces, aircraft, each with its table."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from monitoring.reports import wording
from monitoring.reports.content import Column, EvidenceLine, Section, Table

HEAVY: Final = "heavy_weapon_zone"
BUILD_UP: Final = "force_build_up"
AIR: Final = "air_violation"

_COLUMNS: Final = (
    Column("when", "When"),
    Column("sector", "Sector"),
    Column("place", "Place"),
    Column("number", "Number", is_number=True),
    Column("type", "Type"),
    Column("distance", "Distance"),
    Column("allowed", "Allowed from"),
    Column("height", "Height"),
    Column("party", "Party"),
    Column("means", "Means"),
    Column("verdict", "Verdict"),
    Column("case", "Case"),
)

Findings = Sequence[dict[str, Any]]


def weapons(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """Heavy weapons nearer to the line than allowed, and build-ups of forces; None where no rule judges them."""
    if HEAVY not in rules and BUILD_UP not in rules:
        return None
    sentences: list[str] = []
    tables: list[Table] = []
    if HEAVY in rules:
        happened = _by_incident(findings, HEAVY)
        noun = ("stay of heavy weapons", "stays of heavy weapons")
        sentences += _told(
            happened, noun, "nearer to the line than allowed", "each weapon or group counts once"
        )
        sentences += _numbers(happened)
        rows = _rows(happened, lines)
        tables += (
            [_table("weapons", "Weapons nearer to the line than allowed", rows, without="height")]
            if rows
            else []
        )
    if BUILD_UP in rules:
        happened = _by_incident(findings, BUILD_UP)
        noun = ("build-up", "build-ups")
        sentences += _told(
            happened, noun, "of heavy objects", "more at once than the place's own past explains"
        )
        rows = _rows(happened, lines)
        tables += [_table("build_ups", "Build-ups of forces", rows, without="height")] if rows else []
    return Section("weapons", title, tuple(sentences), tables=tuple(tables))


def air(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """Aircraft in closed air; None where no rule judges them."""
    if AIR not in rules:
        return None
    happened = _by_incident(findings, AIR)
    noun = ("flight", "flights")
    sentences = [*_told(happened, noun, "in closed air", "out and back count as one"), *_numbers(happened)]
    sentences.append("Heights are above the ellipsoid; the height of the ground is not known.")
    rows = _rows(happened, lines)
    tables = (_table("air", "Aircraft in closed air", rows, without="allowed"),) if rows else ()
    return Section("air", title, tuple(sentences), tables=tables)


def limit_m(findings: Iterable[dict[str, Any]]) -> float | None:
    """From how far from the line on the nearest of some heavy weapons would have been allowed."""
    near = [f for f in findings if f["rule_id"] == HEAVY and f["distance_m"] is not None]
    if not near:
        return None
    nearest = min(near, key=lambda f: (f["distance_m"], f["finding_id"]))
    stated = json.loads(nearest["detail"]).get("limit_m")
    return None if stated is None else float(stated)


def objects(findings: Iterable[dict[str, Any]]) -> tuple[int | None, bool | None]:
    """The most objects that findings of one happening count, and whether that is the least."""
    counted = [
        (f["count"], bool(f["count_is_minimum"]))
        for f in findings
        if f["count"] and f["rule_id"] in _COUNTING
    ]
    return max(counted) if counted else (None, None)


_COUNTING: Final = (HEAVY, BUILD_UP, AIR)


def _by_incident(findings: Findings, rule_id: str) -> dict[str, list[dict[str, Any]]]:
    happened: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in findings:
        if row["rule_id"] == rule_id:
            happened[row["incident_id"] or row["finding_id"]].append(row)
    return happened


def _told(
    happened: dict[str, list[dict[str, Any]]], noun: tuple[str, str], what: str, counting: str
) -> Iterator[str]:
    if not happened:
        yield f"The system recorded no {noun[1]} {what}."
        return
    verdicts = Counter(wording.weightiest(row["verdict"] for row in rows) for rows in happened.values())
    told = wording.verdicts(verdicts)
    yield f"The system recorded {wording.counted(len(happened), *noun)} {what} ({counting}): {told}."


def _numbers(happened: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """How many objects of each class there were, over all happenings."""
    of_class: Counter[str] = Counter()
    for rows in happened.values():
        stated = [row for row in rows if row["object_class"]]
        if stated:
            most = max(stated, key=lambda row: (row["count"] or 1, row["finding_id"]))
            of_class[most["object_class"]] += most["count"] or 1
    if of_class:
        parts = [
            f"{wording.CLASSES.get(word, word)} {of_class[word]:,}"
            for word in sorted(of_class, key=lambda w: (-of_class[w], w))
        ]
        yield f"At least, by class: {', '.join(parts)}."


def _rows(happened: dict[str, list[dict[str, Any]]], lines: Sequence[EvidenceLine]) -> list[tuple[Any, ...]]:
    made = []
    for line in lines:
        rows = happened.get(line.incident_id)
        if not rows:
            continue
        count, is_least = objects(rows)
        nearest_m = min((row["distance_m"] for row in rows if row["distance_m"] is not None), default=None)
        made.append(
            (
                line.when,
                line.sector,
                line.location,
                wording.UNKNOWN if count is None else wording.number(count, bool(is_least)),
                line.weapon,
                wording.distance_band(nearest_m).removesuffix(" from the line"),
                wording.kilometres(limit_m(rows)),
                _height(rows),
                line.party,
                line.means,
                wording.weightiest(row["verdict"] for row in rows),
                line.case_number,
            )
        )
    return made


def _height(rows: list[dict[str, Any]]) -> str:
    """From the lowest to the highest height that was stated."""
    stated = [
        height
        for row in rows
        for height in json.loads(row["detail"]).get("altitude_m", [])
        if height is not None
    ]
    if not stated:
        return wording.UNKNOWN
    low, high = round(min(stated)), round(max(stated))
    return f"{low:,} m" if low == high else f"{low:,}-{high:,} m"


def _table(key: str, title: str, rows: list[tuple[Any, ...]], without: str) -> Table:
    kept = [i for i, column in enumerate(_COLUMNS) if column.key != without]
    return Table(
        key, title, tuple(_COLUMNS[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows)
    )
