"""An invented reporting period in the shapes of the API, for looking at the workspace and testing it.

Everything is drawn from one seed: a wandering line, 24 sectors, cases of the three rules with their findings,
incidents, events and decisions. No place, time or count means anything.
"""

import itertools
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from shapely.geometry import LineString, mapping

Json = dict[str, Any]

DAY_START = datetime(2026, 11, 23, 17, 30, tzinfo=UTC)
DAY_END = DAY_START + timedelta(days=1)
KM_PER_DEG_LAT = 111.2
LENGTH_M = 1_200_000.0
SECTOR_NAMES = (
    "Estuary west",
    "Estuary east",
    "Lower river",
    "Antonivka",
    "River bend",
    "Reservoir south",
    "Reservoir east",
    "Power station",
    "Vasylivka",
    "Kamianske",
    "Orikhiv south",
    "Huliaipole south",
    "Velyka Novosilka",
    "Kurakhove west",
    "Pokrovsk south",
    "Toretsk",
    "Chasiv Yar",
    "Siversk",
    "Torske",
    "Svatove west",
    "Kupiansk east",
    "Dvorichna",
    "Vovchansk",
    "Lyptsi north",
)
ANCHORS = (
    (31.5, 46.58),
    (32.62, 46.6),
    (33.45, 46.85),
    (34.45, 47.5),
    (35.8, 47.45),
    (36.85, 47.83),
    (37.3, 48.25),
    (37.9, 48.6),
    (38.0, 49.1),
    (37.75, 49.7),
    (37.4, 50.0),
    (36.45, 50.28),
)
HOSTILE = (
    "<script>alert(1)</script> \u202egpj.exe\u202c ' OR 1=1 -- "
    + "\u0000\u200b"
    + "{{7*7}} ${jndi:ldap://x} Z\u0351\u0323\u0348a\u0489l\u0335g\u0334o "
    + "A" * 900
)
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def stamp(at: datetime) -> str:
    """`at` as RFC 3339 in UTC with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@dataclass
class Line:
    """A self-similar polyline through ANCHORS, its chainage scaled to 1,200 km."""

    points: list[tuple[float, float]]
    chainage_m: list[float]

    @classmethod
    def wander(cls, rng: random.Random) -> "Line":
        points: list[tuple[float, float]] = list(ANCHORS)
        reach = 0.16
        for _ in range(7):
            finer: list[tuple[float, float]] = []
            for (ax, ay), (bx, by) in itertools.pairwise(points):
                push = rng.uniform(-reach, reach) * 0.9
                finer += [(ax, ay), ((ax + bx) / 2 - (by - ay) * push * 2, (ay + by) / 2 + (bx - ax) * push)]
            points = [*finer, points[-1]]
            reach *= 1.06
        along = [0.0]
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            along.append(along[-1] + math.hypot((bx - ax) * math.cos(math.radians(ay)), by - ay))
        return cls(points, [LENGTH_M * d / along[-1] for d in along])

    def at(self, chainage_m: float) -> tuple[float, float, float]:
        """Longitude, latitude and heading (radians, east of north) at `chainage_m`."""
        i = max(1, next((i for i, d in enumerate(self.chainage_m) if d >= chainage_m), len(self.points) - 1))
        (ax, ay), (bx, by) = self.points[i - 1], self.points[i]
        span = self.chainage_m[i] - self.chainage_m[i - 1] or 1.0
        t = min(1.0, max(0.0, (chainage_m - self.chainage_m[i - 1]) / span))
        (cx, cy), (dx, dy) = self.points[max(0, i - 6)], self.points[min(len(self.points) - 1, i + 5)]
        heading = math.atan2((dx - cx) * math.cos(math.radians(ay)), dy - cy)
        return ax + t * (bx - ax), ay + t * (by - ay), heading

    def beside(self, chainage_m: float, left_m: float, ahead_m: float = 0.0) -> tuple[float, float]:
        """A place `left_m` to the left of the line (side A) and `ahead_m` along it."""
        lon, lat, heading = self.at(chainage_m)
        east = ahead_m * math.sin(heading) - left_m * math.cos(heading)
        north = ahead_m * math.cos(heading) + left_m * math.sin(heading)
        return lon + east / (KM_PER_DEG_LAT * 1000 * math.cos(math.radians(lat))), lat + north / (
            KM_PER_DEG_LAT * 1000
        )

    @cached_property
    def geojson(self) -> Json:
        scale = math.cos(math.radians(48))
        flat = LineString([(x * scale, y) for x, y in self.points])
        belts = [
            {
                "type": "Feature",
                "properties": {
                    "role": "buffer",
                    "rule_id": "buffer_incursion",
                    "belt": belt,
                    "side": side,
                    "width_m": width_m,
                },
                "geometry": mapping(
                    shapely.transform(
                        flat.buffer(sign * width_m / 1000 / KM_PER_DEG_LAT, single_sided=True).simplify(
                            0.0005
                        ),
                        lambda places: places / np.array([scale, 1.0]),
                    )
                ),
            }
            for belt, width_m in (("warning", 1000.0), ("critical", 400.0))
            for side, sign in (("A", 1), ("B", -1))
        ]
        sectors = [
            {
                "type": "Feature",
                "properties": {
                    "role": "sector",
                    "id": f"S{i + 1:02d}",
                    "name": name,
                    "chainage_from_m": i * LENGTH_M / 24,
                    "chainage_to_m": (i + 1) * LENGTH_M / 24,
                },
                "geometry": None,
            }
            for i, name in enumerate(SECTOR_NAMES)
        ]
        line = {
            "type": "Feature",
            "properties": {"role": "line", "left_side": "A", "length_m": LENGTH_M, "label": "illustrative 1"},
            "geometry": {
                "type": "LineString",
                "coordinates": [[round(x, 5), round(y, 5)] for x, y in self.points],
            },
        }
        return {"type": "FeatureCollection", "features": [line, *belts, *sectors]}


PERMITTED = 5
"""The case, by its index, whose finding a clause permits."""


@dataclass
class World:
    """One period: cases by number, the unrolled marks, sensors, reports."""

    line: Line
    cases: dict[str, Json] = field(default_factory=dict)
    evidence: dict[str, Json] = field(default_factory=dict)
    marks: list[Json] = field(default_factory=list)
    sensors: list[Json] = field(default_factory=list)
    timeline: dict[str, list[Json]] = field(default_factory=dict)

    @classmethod
    def invent(cls, seed: int = 7, cases: int = 64, *, hostile: bool = False) -> "World":
        rng = random.Random(seed)
        world = cls(Line.wander(rng))
        types = [
            "acoustic_artillery",
            "ground_radar",
            "eo_ir_tower",
            "uav_eo_ir",
            "geophone",
            "acoustic_small_arms",
        ]
        for i in range(72):
            lon, lat = world.line.beside(i * 16_600 + 4_000, rng.uniform(-6000, 6000))
            kind = types[i % len(types)]
            world.sensors.append(
                {
                    "sensor_id": f"{kind.split('_')[0]}-{i + 1:03d}",
                    "type": kind,
                    "host_side": ("A", "B", None)[i % 3],
                    "last_seen": stamp(DAY_END - timedelta(minutes=rng.choice((0.2, 0.5, 1, 2, 3, 400)))),
                    "state": "reporting" if i % 11 else ("silent" if i % 2 else "outage"),
                    "event_count": rng.randrange(20, 9_000),
                    "lon": round(lon, 5),
                    "lat": round(lat, 5),
                }
            )
        clusters = [rng.uniform(60_000, 1_140_000) for _ in range(9)]
        if cases:
            for _ in range(1500):
                world._mark(rng, clusters)
        for i in range(cases):
            world._case(rng, i, clusters, hostile=hostile and i % 4 == 0)
        return world

    def _place(self, rng: random.Random, clusters: list[float]) -> float:
        if rng.random() < 0.75:
            return min(LENGTH_M - 500, max(500, rng.gauss(rng.choice(clusters), 14_000)))
        return rng.uniform(2_000, LENGTH_M - 2_000)

    def _mark(self, rng: random.Random, clusters: list[float]) -> None:
        hour = rng.choice((1, 2, 3, 5, 8, 9, 10, 11, 13, 14, 17, 18, 20, 22)) + rng.gauss(0, 0.8)
        self.marks.append(
            {
                "id": f"inc-{len(self.marks):05d}",
                "kind": "fire" if rng.random() < 0.85 else "movement",
                "t": stamp(DAY_START + timedelta(hours=min(23.9, max(0.1, hour)))),
                "chainage_m": round(self._place(rng, clusters)),
                "party": rng.choice(("A", "B", None)),
                "verdict": rng.choice(("violation", "violation", "undetermined", "permitted")),
                "case_number": None,
                "weight": max(1, int(rng.paretovariate(1.1))),
            }
        )

    def _case(self, rng: random.Random, index: int, clusters: list[float], *, hostile: bool) -> None:
        rule = rng.choice(("ceasefire_fire", "ceasefire_fire", "line_crossing", "buffer_incursion"))
        chainage = self._place(rng, clusters)
        sector_idx = min(23, int(chainage // (LENGTH_M / 24)))
        party = rng.choice(("A", "B", "A", "B", None))
        start = DAY_START + timedelta(minutes=rng.uniform(15, 1180))
        end = start if rule == "line_crossing" else start + timedelta(minutes=rng.uniform(2, 38))
        number = f"2026-{index + 380:05d}"
        status = rng.choice(
            ("filed", "filed", "filed", "triaged", "verifying", "verified", "attribution_proposed", "closed")
            if index > 5
            else ("filed", "verifying")
        )
        scene = self._scene(rng, rule, chainage, start, end, number, hostile=hostile)
        places = [f["geometry"]["coordinates"] for f in scene["features"]]
        lon, lat = (sum(p[axis] for p in places) / len(places) for axis in (0, 1))
        if scene["crossings"]:
            lon, lat, _ = self.line.at(chainage)
        probability = {"line_crossing": 0.98, "buffer_incursion": 0.86, "ceasefire_fire": None}[rule]
        local = (start + timedelta(hours=2)).strftime("%H:%M")
        place = f"near km {chainage / 1000:.0f}, sector {SECTOR_NAMES[sector_idx]}"
        seen = sorted({f["properties"]["sensor_id"] for f in scene["features"]})
        shots = sum(1 for f in scene["features"] if f["properties"]["kind"] != "track")
        whose = {"A": "forces of A", "B": "forces of B", None: "an undetermined party"}[party]
        words = {
            "line_crossing": f"A tracked vehicle of {whose} crossed the line {scene['direction']} {place}; {local}",
            "buffer_incursion": f"A light vehicle of {whose} stayed inside the buffer belt {place}; from {local}",
            "ceasefire_fire": f"At least {shots} explosions {place}, fire by {whose}; from {local}",
        }
        summary = f"{words[rule]}; recorded by {len(seen)} sensors."
        if hostile:
            summary = f"{words[rule]}; reported as “{LONG_WORD}\u202etxt.piz\u202c”; recorded by {len(seen)} sensors."
        common = {
            "rule_id": rule,
            "party": party,
            "sector": f"S{sector_idx + 1:02d}",
            "chainage_m": round(chainage),
            "lon": round(lon, 5),
            "lat": round(lat, 5),
            "time_start": stamp(start),
            "time_end": stamp(end),
            "confidence": rng.choice(("low", "medium", "high", "high")),
            "summary": summary,
        }
        incident_id = f"inc-{number}"
        incident = {
            **common,
            "incident_id": incident_id,
            "revision": 1,
            "state": "final",
            "kind": "fire" if rule == "ceasefire_fire" else "movement",
            "sigma_major_m": 180.0,
            "sigma_minor_m": 90.0,
            "sigma_azimuth_deg": rng.uniform(0, 180),
            "side": rng.choice(("A", "B")),
            "violations_smm": shots or None,
            "rounds_least": shots or None,
            "rounds_best": int(shots * 1.3) or None,
            "count_is_minimum": True,
            "phenomena": {"explosion": shots} if shots else {},
            "event_count": len(scene["features"]),
            "sensor_ids": seen,
            "case_number": number,
        }
        finding = {
            **common,
            "finding_id": f"fnd-{number}",
            "revision": 1,
            "state": "final",
            "clause": {"line_crossing": "2.1", "buffer_incursion": "2.3", "ceasefire_fire": "1.1"}[rule],
            "verdict": "violation" if party else "undetermined",
            "sigma_m": 42.0,
            "side": incident["side"],
            "direction": scene["direction"] if rule == "line_crossing" else None,
            "distance_m": None if rule == "ceasefire_fire" else 0.0 if rule == "line_crossing" else 412.0,
            "line_part": 0,
            "probability": probability,
            "margin": 8.4 if rule == "line_crossing" else None,
            "margin_unit": "sigma" if rule == "line_crossing" else None,
            "count": shots or 1,
            "count_is_minimum": bool(shots),
            "track_id": None if rule == "ceasefire_fire" else "T1",
            "object_class": None if rule == "ceasefire_fire" else "armoured_vehicle",
            "incident_id": incident_id,
            "sensor_ids": seen,
            "event_ids": [f["properties"]["event_id"] for f in scene["features"]],
            "line_version": "sha256:" + "3f" * 32,
            "agreement_version": "sha256:" + "a1" * 32,
            "engine_version": "0.1.0",
            "reasons": ["both_fixes_beyond_k_sigma"] if rule == "line_crossing" else [],
            "detail": {"attribution": weighed(party), "coverage": covered(start)},
        }
        if index == PERMITTED:
            finding["verdict"] = "permitted"
            finding["detail"] |= {"permission": "N-0007", "permission_clause": "8.2"}
        findings = [finding]
        if scene["crossings"]:
            findings = [
                {
                    **finding,
                    **{name: crossing[name] for name in ("finding_id", "direction", "probability")},
                    "time_start": crossing["time"],
                    "time_end": crossing["time"],
                    "detail": {**finding["detail"], **beyond(crossing)},
                }
                for crossing in scene["crossings"]
            ]
        due = DAY_END + timedelta(minutes=rng.uniform(40, 1400))
        if index in (1, 3, 17):
            due = DAY_END - timedelta(minutes=95 + index * 12)
        self.cases[number] = {
            **{k: common[k] for k in ("rule_id", "party", "sector", "chainage_m", "lon", "lat")},
            **{k: common[k] for k in ("time_start", "time_end", "summary", "confidence")},
            "number": number,
            "status": status,
            "sector_name": SECTOR_NAMES[sector_idx],
            "priority": 1 if index < 4 else rng.choice((2, 2, 3, 3, 3, 4, 5)),
            "assignee": rng.choice((None, None, "analyst", "reviewer")),
            "incident_count": 1,
            "finding_count": len(findings),
            "due_at": None if status == "closed" else stamp(due),
            "overdue": due < DAY_END and status != "closed",
            "flags": ["evidence_withdrawn"] if index == 7 else [],
            "probability": probability,
            "verdict": finding["verdict"],
            "filed_at": stamp(end + timedelta(minutes=12)),
            "updated_at": stamp(end + timedelta(minutes=30)),
            "version": 1,
            "findings": findings,
            "incidents": [incident],
            "notes": [],
            "decisions": [],
            "clauses": clauses(finding),
            "priority_reasons": ["severity of the rule: 3", "more urgent: 14 recorded"],
        }
        self.evidence[number] = {
            "events": {"type": "FeatureCollection", "features": scene["features"]},
            "crossings": scene["crossings"],
        }
        self.timeline[number] = [
            {
                "at": stamp(end + timedelta(minutes=12)),
                "actor": "contactline",
                "kind": "filed",
                "summary": f"Filed from finding fnd-{number}",
                "detail": {},
            }
        ]
        self.marks.append(
            {
                "id": incident_id,
                "kind": incident["kind"],
                "t": stamp(start),
                "chainage_m": round(chainage),
                "party": party,
                "verdict": finding["verdict"],
                "case_number": number,
                "weight": max(2, shots),
            }
        )

    def _scene(
        self,
        rng: random.Random,
        rule: str,
        chainage: float,
        start: datetime,
        end: datetime,
        number: str,
        *,
        hostile: bool,
    ) -> Json:
        """The events of one case: a track over the line, a track inside a belt, or explosions heard by several."""
        features: list[Json] = []
        crossings: list[Json] = []
        direction = rng.choice(("A>B", "B>A"))
        sign = -1 if direction == "A>B" else 1

        def add(at: datetime, lon: float, lat: float, sensor: str, **more: Any) -> None:
            event = {
                "event_id": f"{sensor}/{number}-{len(features):03d}",
                "sensor_id": sensor,
                "time": stamp(at),
                "affiliation": "unknown",
                "text": HOSTILE if hostile and len(features) % 5 == 0 else None,
                **more,
            }
            features.append(
                {
                    "type": "Feature",
                    "properties": event,
                    "geometry": {"type": "Point", "coordinates": [round(lon, 5), round(lat, 5)]},
                }
            )

        if rule == "ceasefire_fire":
            count = rng.randint(2, 14)
            for i in range(count):
                at = start + (end - start) * (i / count)
                for _ in range(rng.randint(1, 3)):
                    lon, lat = self.line.beside(chainage, rng.gauss(900, 160), rng.gauss(0, 220))
                    sensor = rng.choice(("acoustic-013", "acoustic-014", "acoustic-019", "eo-015"))
                    add(
                        at + timedelta(seconds=rng.uniform(0, 9)),
                        lon,
                        lat,
                        sensor,
                        kind="explosion",
                        sigma_major_m=rng.uniform(120, 340),
                        sigma_minor_m=rng.uniform(50, 110),
                        sigma_azimuth_deg=rng.uniform(0, 180),
                        count=1,
                    )
            return {"features": features, "crossings": crossings, "direction": None}
        for sensor, sigma, shift in (("ground-008", 45.0, 0.0), ("uav-010", 18.0, 25.0)):
            for i in range(14):
                across = sign * (i - 6.5) * 95 if rule == "line_crossing" else 380 + 90 * math.sin(i / 2)
                lon, lat = self.line.beside(
                    chainage,
                    across + rng.gauss(0, sigma * 0.5),
                    shift + (i - 7) * 60 + rng.gauss(0, sigma * 0.5),
                )
                add(
                    start + timedelta(seconds=(i - 6.5) * 22),
                    lon,
                    lat,
                    sensor,
                    kind="track",
                    track_id="T1",
                    object_class="armoured_vehicle",
                    sigma_m=sigma,
                    speed_mps=4.3,
                )
        if rule == "line_crossing":
            # over and back, and again, all within a stone's throw: as an object does that stays about the line
            back = {"A>B": "B>A", "B>A": "A>B"}[direction]
            for i in range(rng.choice((1, 2, 4))):
                lon, lat, _ = self.line.at(chainage + i * 18)
                crossings.append(
                    {
                        "finding_id": f"fnd-{number}" + (f"-{i}" if i else ""),
                        "time": stamp(start + timedelta(seconds=i * 31)),
                        "lon": round(lon, 5),
                        "lat": round(lat, 5),
                        "direction": back if i % 2 else direction,
                        "chainage_m": round(chainage) + i * 18,
                        "probability": (0.98, 0.86, 0.993, 0.71)[i],
                    }
                )
        return {"features": features, "crossings": crossings, "direction": direction}


def weighed(party: str | None) -> Json:
    """What attribution would leave: a party at 0.9, or two parties that cannot be told apart."""
    even = {"A": 0.36, "A_as_B": 0.04, "B": 0.36, "B_as_A": 0.04}
    named = {"A": {"A": 0.86, "A_as_B": 0.04, "B": 0.02, "B_as_A": 0.01}, None: even}
    named["B"] = {"B": 0.86, "B_as_A": 0.04, "A": 0.02, "A_as_B": 0.01}
    rest = (1 - sum(named[party].values())) / 4
    priors = {"A": 0.3, "A_as_B": 0.05, "B": 0.3, "B_as_A": 0.05}
    told = {**named[party], **dict.fromkeys(("third", "natural", "sensor_fault", "spoofing"), rest)}
    seen = {"argument": "Two sensors of type camera tower took them for forces of that party."}
    heard = {"argument": "Two sensors recorded it.", "likelihood_ratio": 1.2}
    return {
        "hypotheses": [
            {
                "id": name,
                "probability": round(p, 4),
                "prior": priors.get(name, 0.075),
                "for": [{**seen, "likelihood_ratio": 7.8}] if name == party else [heard],
                "against": [{**seen, "likelihood_ratio": 0.02}] if party and name[0] != party else [],
            }
            for name, p in told.items()
        ],
        "proposal": party or "undetermined",
        "confidence": "high" if party else "low",
        "capped_by": None if party else "Nobody saw whose forces they were; everything rests on the place.",
    }


def clauses(finding: Json) -> list[Json]:
    """The clause of a finding's rule, and the one that permits it if one does."""
    texts = {
        "line_crossing": "Forces of neither party cross the contact line.",
        "buffer_incursion": "Forces of neither party enter or stay inside the buffer.",
        "ceasefire_fire": "No weapon is fired inside, or into, the security zone.",
    }
    rule_id, source = finding["rule_id"], "illustrative"
    judged = {"id": finding["clause"], "rule_id": rule_id, "kind": None, "title": "What is forbidden"}
    told = [{**judged, "text": texts[rule_id], "source": source}]
    if "permission_clause" in finding["detail"]:
        permit = {"id": "8.2", "rule_id": None, "kind": "convoy", "title": "Notified convoys"}
        told.append({**permit, "text": "A convoy that was notified passes.", "source": source})
    return told


def covered(start: datetime) -> Json:
    """What a finding says of its hour: the one before it, which was over."""
    hour = start.replace(minute=0, second=0, microsecond=0)
    return {
        "kind": "crossing_vehicle",
        "from": stamp(hour - timedelta(hours=1)),
        "to": stamp(hour),
        "status": "partly_observed",
        "watched_frac": 0.33,
        "detection_prob": 0.79,
        "is_upper_bound": True,
    }


def coverage(sector: str, kind: str, begin: datetime, end: datetime) -> list[Json]:
    """Hours of coverage in [begin, end): every third nobody was looking."""
    told = []
    for i in range(int((end - begin) / timedelta(hours=1))):
        from_, watched = begin + timedelta(hours=i), (0.0, 50.0, 20.0)[i % 3]
        told.append(
            {
                "sector": sector,
                "kind": kind,
                "time_start": stamp(from_),
                "time_end": stamp(from_ + timedelta(hours=1)),
                "status": ("not_observed", "observed", "partly_observed")[i % 3],
                "line_km_h": 50.0,
                "watched_km_h": watched,
                "effective_km_h": watched * 0.8,
                "lost_km_h": 0.0,
                "detection_prob": 0.8 if watched else None,
                "working_count": 4 if watched else 0,
                "down_count": 1,
                "is_upper_bound": True,
            }
        )
    return told


def beyond(crossing: Json) -> Json:
    """What a tracking filter would leave in the finding: how probable the new side was after each fix."""
    at = datetime.fromisoformat(crossing["time"])
    told = [(-33, 0.02), (-22, 0.06), (-11, 0.21), (11, 0.64), (22, 0.93), (33, crossing["probability"])]
    times = [stamp(at + timedelta(seconds=offset)) for offset, _ in told]
    return {
        "before": {"time": stamp(at - timedelta(seconds=44)), "side": crossing["direction"][0]},
        "after": {"time": times[-1], "side": crossing["direction"][-1]},
        "beyond_prob": [[time, p] for time, (_, p) in zip(times, told, strict=True)],
    }
