"""Building the daily report: results of one period in the fixed order of earlier missions' reports.

Only final results count, by the time they began. Figures of fire are recorded phenomena in incidents inside the
security zone ("violations"); what lies outside it, or too near its edge to say, is counted apart. Nothing is
inferred from silence.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from monitoring.attribution import as_judged
from monitoring.incidents.wording import month
from monitoring.reports import observed, places, presence, wording
from monitoring.reports.content import (
    EvidenceLine,
    Material,
    Mission,
    Report,
    Section,
    SectorLine,
    Totals,
)
from monitoring.reports.period import Period
from monitoring.reports.watch import Watch, coverage_of, watch_of

_FIRE_RULE: Final = "ceasefire_fire"
_VERDICT_ORDER: Final = tuple(wording.VERDICTS)
_FIXED_ORDER: Final = (
    ("casualties", "Casualties and damage"),
    ("own_assets", "Fire at the mission's own assets"),
    ("disengagement", "Disengagement areas"),
    ("weapons", "Weapons in violation of withdrawal lines, new positions, mines"),
    ("air", "Military aircraft over the security zone"),
    ("repairs", "Local ceasefires for repairs of infrastructure"),
    ("checkpoints", "Civilians at entry-exit checkpoints"),
    ("restrictions", "Restrictions of the monitors' movement, interference with navigation"),
)


def totals(period: Period, findings: pa.Table, incidents: pa.Table) -> Totals:
    """Figures of one period from its final results (also how the period before is summed up)."""
    verdicts = _verdicts(_standing(findings, period))
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    minimum: set[str] = set()
    for row in _standing(incidents, period):
        sector = row["sector"] or ""
        if row["kind"] != "fire":
            continue
        sums["fire_incidents"][sector] += 1
        if verdicts.get(row["incident_id"]) != "violation":
            sums["other_fire"][sector] += row["violations_smm"] or 0
            continue
        sums["violations"][sector] += row["violations_smm"] or 0
        by_kind = json.loads(row["phenomena"])
        sums["explosions"][sector] += by_kind.get("explosion", 0) + by_kind.get("launch", 0)
        sums["rounds_least"][sector] += row["rounds_least"] or 0
        sums["rounds_best"][sector] += row["rounds_best"] or 0
        if row["count_is_minimum"]:
            minimum.add(sector)
    for name, rule_id in (("crossings", "line_crossing"), ("incursions", "buffer_incursion")):
        for happening in _happenings(_standing(findings, period), rule_id):
            sums[name][happening[0]["sector"] or ""] += 1
    names = (
        "violations",
        "explosions",
        "other_fire",
        "rounds_least",
        "rounds_best",
        "fire_incidents",
        "crossings",
        "incursions",
    )
    return Totals(is_minimum=frozenset(minimum), **{name: dict(sorted(sums[name].items())) for name in names})


def build(material: Material) -> Report:
    """The report of one period."""
    mission, period = material.mission, material.period
    now = totals(period, material.findings, material.incidents)
    sectors, total = _sector_lines(mission, now, material.previous)
    findings = list(_standing(material.findings, period))
    case_of = {incident: case.number for case in material.cases for incident in case.incident_ids}
    lines = _evidence(material, findings, case_of)
    is_preliminary = material.as_of_ns < period.to_ns
    watch = watch_of(material.coverage, period, findings)
    fire = tuple(line for line in lines if line.kind == "fire")
    movement = tuple(line for line in lines if line.kind == "movement")
    changed = [
        row
        for row in material.findings.select(["state", "revision", "time_start_ns"]).to_pylist()
        if period.holds(row["time_start_ns"])
    ]
    return Report(
        title=f"Daily ceasefire monitoring report, {period.date.day} {month(period.date)} {period.date.year}",
        mission=mission,
        period=period,
        as_of_ns=material.as_of_ns,
        is_preliminary=is_preliminary,
        header=tuple(_header(material, is_preliminary)),
        sections=tuple(_sections(material, sectors, total, findings, lines, watch)),
        sectors=tuple(sectors),
        total=total,
        fire=fire,
        movement=movement,
        other=tuple(line for line in lines if line.kind not in ("fire", "movement")),
        cases=tuple(sorted(material.cases, key=lambda case: case.number)),
        sensors=tuple(sorted(material.sensors, key=lambda line: line.type)),
        received=material.received,
        amended=sum(row["revision"] > 1 and row["state"] == "final" for row in changed),
        withdrawn=sum(row["state"] == "withdrawn" for row in changed),
        coverage=observed.words_for(watch),
        watch=watch,
    )


def _standing(table: pa.Table, period: Period) -> Iterable[dict[str, Any]]:
    """Final rows that began in the period, in a fixed order.

    They are taken as the rules gave them: a report says what sensors stated of the party, never who is proposed.
    """
    rows = [
        row
        for row in as_judged(table).to_pylist()
        if row["state"] == "final" and period.holds(row["time_start_ns"])
    ]
    name = "finding_id" if "finding_id" in table.column_names else "incident_id"
    return sorted(rows, key=lambda row: (row["time_start_ns"], row[name]))


def _verdicts(findings: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The weightiest verdict on each incident of fire."""
    verdicts: dict[str, str] = {}
    for row in findings:
        if row["rule_id"] == _FIRE_RULE and row["incident_id"] is not None:
            before = verdicts.get(row["incident_id"], _VERDICT_ORDER[-1])
            verdicts[row["incident_id"]] = min(before, row["verdict"], key=_VERDICT_ORDER.index)
    return verdicts


def _sector_lines(
    mission: Mission, now: Totals, previous: Totals | None
) -> tuple[list[SectorLine], SectorLine]:
    names = [(sector.sector_id, sector.name) for sector in mission.sectors]
    known = {sector_id for sector_id, _ in names}
    elsewhere = {s for counts in (now.fire_incidents, now.crossings, now.incursions) for s in counts} - known
    if elsewhere or (previous and set(previous.violations) - known):
        names.append(("", "outside the sectors"))

    def of(counts: Mapping[str, int], sector_id: str) -> int:
        if sector_id:
            return counts.get(sector_id, 0)
        return sum(count for name, count in counts.items() if name not in known)

    def is_least(figures: Totals, sector_id: str) -> bool:
        return sector_id in figures.is_minimum or (not sector_id and bool(figures.is_minimum - known))

    lines = [
        SectorLine(
            sector_id=sector_id,
            name=name,
            violations=of(now.violations, sector_id),
            is_minimum=is_least(now, sector_id),
            explosions=of(now.explosions, sector_id),
            other_fire=of(now.other_fire, sector_id),
            rounds_least=of(now.rounds_least, sector_id),
            rounds_best=of(now.rounds_best, sector_id),
            fire_incidents=of(now.fire_incidents, sector_id),
            crossings=of(now.crossings, sector_id),
            incursions=of(now.incursions, sector_id),
            previous=None if previous is None else of(previous.violations, sector_id),
            previous_is_minimum=previous is not None and is_least(previous, sector_id),
        )
        for sector_id, name in names
    ]
    figures = (
        "violations",
        "explosions",
        "other_fire",
        "rounds_least",
        "rounds_best",
        "fire_incidents",
        "crossings",
        "incursions",
    )
    total = SectorLine(
        sector_id="",
        name="whole line",
        is_minimum=any(line.is_minimum for line in lines),
        previous=None if previous is None else sum(line.previous or 0 for line in lines),
        previous_is_minimum=any(line.previous_is_minimum for line in lines),
        **{name: sum(getattr(line, name) for line in lines) for name in figures},
    )
    return lines, total


def _header(material: Material, is_preliminary: bool) -> Iterable[str]:
    period = material.period
    begins, ends = period.from_at, period.to_at
    hours = f"{period.hours:g} hours"
    yield (
        f"Reporting period: {wording.moment(begins)} ({wording.offset(begins)}) to {wording.moment(ends)} "
        f"({wording.offset(ends)}), {hours}; times are {period.zone} time."
    )
    as_of = period.local(min(material.as_of_ns, period.to_ns))
    yield f"Based on information as of {wording.moment(as_of)} ({wording.offset(as_of)})."
    if is_preliminary:
        yield "Preliminary: the reporting period is not over, or not all of its results are final yet."
    if begins.utcoffset() != ends.utcoffset():
        yield f"Clocks changed within this period, which therefore has {hours}."


def _sections(
    material: Material,
    sectors: list[SectorLine],
    total: SectorLine,
    findings: list[dict[str, Any]],
    lines: list[EvidenceLine],
    watch: Watch | None,
) -> Iterable[Section]:
    yield Section("violations", "Ceasefire violations", tuple(_violation_sentences(sectors, total)))
    across = places.across(findings, lines, material.mission.rules, "Fire across the contact line")
    if across is not None:
        yield across
    yield Section(
        "crossings", "Crossings of the contact line", tuple(_movement_sentences(findings, "line_crossing"))
    )
    yield Section(
        "incursions", "Presence inside the buffer", tuple(_movement_sentences(findings, "buffer_incursion"))
    )
    for key, title in _FIXED_ORDER:
        made = _COMPUTED[key](findings, lines, material.mission.rules, title) if key in _COMPUTED else None
        sentence = f"{title}: {wording.NOT_COMPUTED} in this version."
        yield made or Section(key, title, (sentence,), is_computed=False)
    recorded = Counter(line.sector or "" for line in lines if line.kind != "outage")
    yield observed.section(watch, material.mission.sectors, recorded, material.period.hours)
    yield Section("cases", "Cases", tuple(_case_sentences(material)))
    yield Section("received", "Reports received and refused", tuple(_received_sentences(material)))
    yield Section("sensors", "Sensors", tuple(_sensor_sentences(material, watch)))


def _weapons(
    findings: list[dict[str, Any]], lines: list[EvidenceLine], rules: tuple[str, ...], title: str
) -> Section | None:
    """Weapons and build-ups, then new positions and mines: one section by the fixed order."""
    parts = [made(findings, lines, rules, title) for made in (presence.weapons, places.works)]
    made = [part for part in parts if part is not None]
    sentences = tuple(sentence for part in made for sentence in part.sentences)
    tables = tuple(table for part in made for table in part.tables)
    return Section("weapons", title, sentences, tables=tables) if made else None


_COMPUTED: Final = {
    "own_assets": places.assets,
    "weapons": _weapons,
    "air": presence.air,
    "restrictions": places.restrictions,
}
"""Sections of the fixed order that rules fill; each gives None where the agreement has none of these rules."""


def _violation_sentences(sectors: list[SectorLine], total: SectorLine) -> Iterable[str]:
    if total.violations:
        including = (
            f", including {wording.number(total.explosions, total.is_minimum)} explosions"
            if total.explosions
            else ""
        )
        yield (
            f"The system recorded {wording.number(total.violations, total.is_minimum)} ceasefire violations along the "
            f"line{including}. {wording.compared(total.previous, total.previous_is_minimum)}"
        )
        yield (
            f"By estimate these were {total.rounds_least:,} to {total.rounds_best:,} rounds; this figure is not "
            "comparable with the count of recorded violations."
        )
    else:
        yield (
            "The system recorded no ceasefire violations by fire. "
            + wording.compared(total.previous, total.previous_is_minimum)
        )
    if total.other_fire:
        yield (
            f"A further {wording.counted(total.other_fire, 'phenomenon', 'phenomena')} of fire lay beyond the security "
            "zone, too near its edge to say, or rest on one report alone; these are not counted as violations."
        )
    most = sorted(
        (line for line in sectors if line.violations), key=lambda line: (-line.violations, line.sector_id)
    )[:3]
    if most:
        named = "; ".join(
            f"{_sector(line)} {wording.number(line.violations, line.is_minimum)}" for line in most
        )
        yield f"Most were recorded in {named}."


def _sector(line: SectorLine) -> str:
    return f"sector {line.sector_id} ({line.name})" if line.sector_id else line.name


def _happenings(findings: Iterable[dict[str, Any]], rule_id: str) -> list[list[dict[str, Any]]]:
    """Findings of one rule by incident: out and back, and what several sensors saw, is one."""
    by_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in findings:
        if row["rule_id"] == rule_id:
            by_incident[row["incident_id"] or row["finding_id"]].append(row)
    return list(by_incident.values())


def _movement_sentences(findings: list[dict[str, Any]], rule_id: str) -> Iterable[str]:
    happenings = _happenings(findings, rule_id)
    noun = ("crossing", "crossings") if rule_id == "line_crossing" else ("stay", "stays")
    if not happenings:
        yield f"The system recorded no {noun[1]}."
        return
    verdicts = Counter(min((row["verdict"] for row in rows), key=_VERDICT_ORDER.index) for rows in happenings)
    told = wording.verdicts(verdicts)
    counting = (
        "out and back count as one" if rule_id == "line_crossing" else "each object or group counts once"
    )
    yield f"The system recorded {wording.counted(len(happenings), *noun)} ({counting}): {told}."
    breaches = [rows for rows in happenings if any(row["verdict"] == "violation" for row in rows)]
    stated = [{row["party"] for row in rows} - {None} for rows in breaches]
    parties = Counter(next(iter(names)) if len(names) == 1 else None for names in stated)
    if breaches:
        named = ", ".join(f"party {party} {parties[party]:,}" for party in ("A", "B") if parties[party])
        rest = f"{', ' if named else ''}not determined {parties[None]:,}" if parties[None] else ""
        yield f"By the affiliation that sensors stated, those in violation were: {named}{rest}."


def _case_sentences(material: Material) -> Iterable[str]:
    cases = material.cases
    if not cases:
        yield "No case has its first finding in this period."
        return
    open_count = sum(case.status != "closed" for case in cases)
    counted = wording.counted(len(cases), "case has its", "cases have their")
    yield f"{counted} first finding in this period; {open_count:,} of them {'is' if open_count == 1 else 'are'} open."
    withdrawn = [case.number for case in cases if "evidence_withdrawn" in case.flags]
    if withdrawn:
        yield f"Evidence was withdrawn in {', '.join(withdrawn)}."


def _received_sentences(material: Material) -> Iterable[str]:
    received = material.received
    refused = sum(received.rejected.values())
    yield (
        f"{wording.counted(received.accepted, 'report was', 'reports were')} accepted, {received.duplicates:,} came "
        f"more than once, {refused:,} were refused and are kept in quarantine."
    )
    late = received.flagged.get("late", 0)
    if late:
        counted = wording.counted(late, "report", "reports")
        yield f"{counted} came late; what they changed stands in this report as amendments."


def _sensor_sentences(material: Material, watch: Watch | None) -> Iterable[str]:
    registered = sum(line.registered for line in material.sensors)
    heard = sum(line.heard for line in material.sensors)
    if not registered:
        yield "Nothing is known of the sensors."
        return
    yield f"Of {registered:,} registered sensors {heard:,} reported in this period; {registered - heard:,} did not."
    if watch is None:
        yield "Which stretches of the line the silent ones leave unobserved is not computed."
    else:
        yield f"What that leaves unobserved is told under “{observed.TITLE}”."


def _evidence(
    material: Material, findings: list[dict[str, Any]], case_of: Mapping[str, str]
) -> list[EvidenceLine]:
    by_incident: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in findings:
        by_incident[row["incident_id"]].append(row)
    return [
        _evidence_line(row, by_incident[row["incident_id"]], case_of.get(row["incident_id"]), material.period)
        for row in _standing(material.incidents, material.period)
    ]


def _evidence_line(
    row: dict[str, Any], findings: list[dict[str, Any]], case_number: str | None, period: Period
) -> EvidenceLine:
    detail = json.loads(row["detail"])
    is_fire = row["kind"] == "fire"
    verdict = min((f["verdict"] for f in findings), key=_VERDICT_ORDER.index, default="undetermined")
    classes = [f["object_class"] for f in findings if f["object_class"] not in (None, "unknown")]
    distance_m = None if row["signed_distance_m"] is None else abs(row["signed_distance_m"])
    count, is_least = presence.objects(findings)
    watched = coverage_of(findings)
    location = "away from the line" if row["lon"] is not None else "no one place"
    if row["chainage_m"] is not None:
        location = f"km {row['chainage_m'] / 1_000:,.1f}"
    return EvidenceLine(
        incident_id=row["incident_id"],
        revision=row["revision"],
        kind=row["kind"],
        time_start_ns=row["time_start_ns"],
        time_end_ns=row["time_end_ns"],
        when=wording.clock(period.local(row["time_start_ns"]), period.local(row["time_end_ns"])),
        means=wording.means(detail.get("sensor_types", [])),
        observation=_observed(row, findings, classes),
        location=location + (f", side {row['side']}" if row["side"] else ""),
        distance=wording.distance_band(distance_m) if is_fire else _depth(findings),
        direction=", ".join(
            dict.fromkeys(f["direction"].replace(">", " to ") for f in findings if f["direction"])
        )
        or wording.UNKNOWN,
        party=row["party"] or "undetermined",
        weapon=wording.UNKNOWN if is_fire or not classes else wording.CLASSES.get(classes[0], classes[0]),
        verdict=verdict,
        confidence=row["confidence"] or wording.UNKNOWN,
        sensor_count=len(row["sensor_ids"]),
        violations=row["violations_smm"],
        is_minimum=bool(row["count_is_minimum"]),
        rounds_least=row["rounds_least"],
        rounds_best=row["rounds_best"],
        sector=row["sector"],
        chainage_m=row["chainage_m"],
        side=row["side"],
        lon=row["lon"],
        lat=row["lat"],
        sigma_m=row["sigma_major_m"],
        case_number=case_number,
        summary=row["summary"],
        rules=tuple(sorted({f["rule_id"] for f in findings})),
        objects=count,
        objects_is_minimum=is_least,
        limit_m=presence.limit_m(findings),
        watched_frac=watched.get("watched_frac"),
        detection_prob=watched.get("detection_prob"),
    )


def _observed(row: dict[str, Any], findings: list[dict[str, Any]], classes: list[str]) -> str:
    if row["kind"] == "fire":
        return wording.phenomena(json.loads(row["phenomena"]).items(), bool(row["count_is_minimum"]))
    did = dict.fromkeys(wording.RULES.get(f["rule_id"], f["rule_id"]).lower() for f in findings)
    if row["kind"] != "movement" and did and not classes:
        return ", ".join(did)
    what = wording.CLASSES.get(classes[0], classes[0]) if classes else "object of unknown class"
    return f"{what}: {', '.join(did)}" if did else what


def _depth(findings: list[dict[str, Any]]) -> str:
    """How near to the line a movement came, where a rule measured it."""
    depths = [
        f["distance_m"] for f in findings if f["rule_id"] != "line_crossing" and f["distance_m"] is not None
    ]
    return wording.distance_band(min(depths)) if depths else wording.UNKNOWN
