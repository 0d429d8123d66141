"""Sections on places: fire across the line, new positions and mines, fire at the mission's assets, interference."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from monitoring.reports import wording
from monitoring.reports.content import Column, EvidenceLine, Section, Table

ACROSS: Final = "cross_line_fire"
WORKS: Final = "engineering_works"
INTERFERENCE: Final = "monitor_interference"
_AT_ASSETS: Final = ("fire at a sensor",)

Findings = Sequence[dict[str, Any]]
_Row = dict[str, Any]


def across(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """Fire from one side to the other; None where no rule judges it."""
    if ACROSS not in rules:
        return None
    told = _of(findings, ACROSS)
    courses = Counter(row["direction"] for row, _ in told if row["direction"])
    sentences = [_counted(told, ("happening of fire", "happenings of fire"), "across the contact line")]
    if courses:
        by_way = ", ".join(f"{way.replace('>', ' to ')} {courses[way]:,}" for way in sorted(courses))
        sentences.append(f"By direction: {by_way}. The direction is not whose fire it was.")
    columns = (
        *_HEAD, Column("direction", "Direction"), Column("from", "Came from"), Column("to", "Fell"),
        Column("protected", "Protected place"), *_TAIL,
    )  # fmt: skip
    rows = [
        (
            *_head(line),
            (row["direction"] or wording.UNKNOWN).replace(">", " to "),
            _end(detail.get("origin")),
            _end(detail.get("impact")),
            (detail.get("protected_place") or {}).get("name"),
            *_tail(row, line),
        )
        for line, row, detail in _joined(told, lines)
    ]
    return Section("across", title, tuple(sentences), tables=_tables("across", title, columns, rows))


def works(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """New positions, trenches and mines; None where no rule judges them."""
    if WORKS not in rules:
        return None
    told = _of(findings, WORKS)
    sentences = [_counted(told, ("site", "sites"), "of works or mines inside the security zone")]
    columns = (
        *_HEAD, Column("what", "What"), Column("lasted", "Seen for"), Column("extent", "Extent"),
        Column("machines", "Machines", is_number=True), Column("party", "Party"), *_TAIL,
    )  # fmt: skip
    rows = [
        (
            *_head(line),
            {"works": "works", "mine": "mines"}.get(str(detail.get("what")), wording.UNKNOWN),
            _lasted(detail.get("duration_s")),
            _extent(detail.get("extent_m")),
            wording.UNKNOWN if detail.get("machines") is None else f"{detail['machines']:,}",
            line.party,
            *_tail(row, line),
        )
        for line, row, detail in _joined(told, lines)
    ]
    table_title = "Works and mines inside the security zone"
    return Section("works", title, tuple(sentences), tables=_tables("works", table_title, columns, rows))


def assets(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """Fire at the mission's own assets; None where no rule judges it."""
    if INTERFERENCE not in rules:
        return None
    told = [one for one in _of(findings, INTERFERENCE) if one[1].get("how") in _AT_ASSETS]
    sentence = _counted(told, ("happening of fire", "happenings of fire"), "at posts of sensors")
    return _interference("own_assets", title, [sentence], told, lines)


def restrictions(
    findings: Findings, lines: Sequence[EvidenceLine], rules: Sequence[str], title: str
) -> Section | None:
    """Denied access, jamming, tampering; None where no rule judges them."""
    if INTERFERENCE not in rules:
        return None
    told = [one for one in _of(findings, INTERFERENCE) if one[1].get("how") not in _AT_ASSETS]
    sentences = [_counted(told, ("instance", "instances"), "of interference with the monitors")]
    ways = Counter(detail.get("how", wording.UNKNOWN) for _, detail in told)
    if ways:
        sentences.append(f"By kind: {', '.join(f'{way} {ways[way]:,}' for way in sorted(ways))}.")
    if ways["jamming"]:
        sentences.append(
            "A jammer may stand anywhere within the error given with its place, and is counted once however many heard "
            "it."
        )
    return _interference("restrictions", title, sentences, told, lines)


def _interference(
    key: str, title: str, sentences: list[str], told: list[tuple[_Row, _Row]], lines: Sequence[EvidenceLine]
) -> Section:
    columns = (
        *_HEAD, Column("how", "How"), Column("lasted", "Lasted"), Column("located", "Located by"),
        Column("within", "Within"), Column("party", "Party"), *_TAIL,
    )  # fmt: skip
    rows = [
        (
            *_head(line),
            detail.get("how"),
            _lasted(detail.get("duration_s")),
            (detail.get("place") or {}).get("method") if detail.get("how") == "jamming" else None,
            wording.UNKNOWN if row["sigma_m"] is None else f"{2.146 * row['sigma_m'] / 1_000:,.1f} km",
            line.party,
            *_tail(row, line),
        )
        for line, row, detail in _joined(told, lines)
    ]
    return Section(key, title, tuple(sentences), tables=_tables(key, title, columns, rows))


_HEAD: Final = (Column("when", "When"), Column("sector", "Sector"), Column("place", "Place"))
_TAIL: Final = (
    Column("means", "Means"),
    Column("probability", "Probability", is_number=True),
    Column("verdict", "Verdict"),
    Column("case", "Case"),
)


def _head(line: EvidenceLine) -> tuple[str | None, ...]:
    return line.when, line.sector, line.location


def _tail(row: _Row, line: EvidenceLine) -> tuple[str | None, ...]:
    return line.means, _likely(row["probability"]), row["verdict"], line.case_number


def _likely(probability: float | None) -> str:
    """To two places, but never 0 or 1.

    >>> _likely(0.9999), _likely(0.314), _likely(0.001), _likely(None)
    ('> 0.99', '0.31', '< 0.01', 'N/K')
    """
    if probability is None:
        return wording.UNKNOWN
    if not 0.005 <= probability < 0.995:
        return "> 0.99" if probability > 0.5 else "< 0.01"
    return f"{probability:.2f}"


def _of(findings: Findings, rule_id: str) -> list[tuple[_Row, _Row]]:
    """Findings of one rule with their details read; each is a happening."""
    return [(row, json.loads(row["detail"])) for row in findings if row["rule_id"] == rule_id]


def _joined(
    told: list[tuple[_Row, _Row]], lines: Sequence[EvidenceLine]
) -> Iterator[tuple[EvidenceLine, _Row, _Row]]:
    """Findings with the lines of their incidents, in the order of the lines."""
    by_incident = {row["incident_id"]: (row, detail) for row, detail in told}
    for line in lines:
        if line.incident_id in by_incident:
            yield line, *by_incident[line.incident_id]


def _counted(told: list[tuple[_Row, _Row]], noun: tuple[str, str], what: str) -> str:
    if not told:
        return f"The system recorded no {noun[1]} {what}."
    verdicts = Counter(row["verdict"] for row, _ in told)
    return f"The system recorded {wording.counted(len(told), *noun)} {what}: {wording.verdicts(verdicts)}."


def _end(end: _Row | None) -> str:
    """`2-3 km, side A`; of an end that nobody saw, that it was inferred from the azimuth."""
    if end is None:
        return wording.UNKNOWN
    if not end.get("is_seen", True):
        return "by azimuth"
    distance_m = end.get("signed_distance_m")
    band = wording.distance_band(None if distance_m is None else abs(distance_m)).removesuffix(
        " from the line"
    )
    return f"{band}, side {end['side']}" if end.get("side") else band


def _lasted(seconds: float | None) -> str:
    """`5 min`, `2 h 10 min`.

    >>> _lasted(300.0), _lasted(7_800.0), _lasted(None), _lasted(0.0)
    ('5 min', '2 h 10 min', 'N/K', 'seen once')
    """
    if seconds is None:
        return wording.UNKNOWN
    if seconds <= 0.0:
        return "seen once"
    hours, minutes = divmod(max(round(seconds / 60.0), 1), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _extent(extent_m: float | None) -> str:
    return wording.UNKNOWN if not extent_m else f"{round(extent_m):,} m around"


def _tables(
    key: str, title: str, columns: tuple[Column, ...], rows: list[tuple[str | None, ...]]
) -> tuple[Table, ...]:
    return (Table(key, title, columns, tuple(rows)),) if rows else ()
