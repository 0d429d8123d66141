"""Real tracks carried onto another line: noise and gaps that nobody here made, with a truth.

The recordings (a glider, city buses, ships) each lie with a test line and the exact places where they cross it.
A *copy* of a track takes the fixes within `AROUND_S` of one crossing, or of its nearest approach where it
crosses nowhere, and moves them rigidly (azimuth and geodesic distance from that place are kept): the place goes
to a seeded place of the new line, and the direction of the test line there goes to the direction of the new
one, so that the copy crosses, or passes, the new line as the original does its own.

What the object really did is not known. Taken for it is the smooth path through its fixes (local-linear
regression over time, Cleveland 1979, with half the median time between fixes as bandwidth); what a fix departs
from it is its noise. Truth are the exact crossings of the new line by the moved smooth path; observed are the moved
fixes as they were recorded, all of them or a seeded choice of them.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyproj import Geod

from geodata.contact_line import ContactLine
from geodata.crossings import step_crossings
from monitoring.decode import Format, decode
from monitoring.simulation.run import DEMO_DATE, period
from monitoring.simulation.terms import Terms
from monitoring.simulation.truth import Happening, Place, RuleTruth, Truth, band
from monitoring.simulation.truth_facts import STAY_GAP_S

Reals = NDArray[np.float64]

GEOD = Geod(ellps="WGS84")
SOURCES = {"glider_franconia": "aircraft", "liverpool_bus": "light_vehicle", "ais_us": "boat"}
"""Recording → class of its objects."""
AROUND_S = 2_700.0
FIXES_MIN = 5
PASSES_WITHIN_M = 5_000.0
EVERY_M = 25.0
BANDWIDTH = 0.5
"""Of the smooth path, in median times between fixes."""
DAY_S = 86_400.0


@dataclass(frozen=True)
class Piece:
    """Part of a recorded track around one place of its test line.

    `t` seconds from the passage, `x`, `y` metres from the place in the azimuthal plane whose `y` runs along the
    test line, `smooth_x`, `smooth_y` the same of the smooth path; shapes (n,).
    """

    source: str
    name: str
    t: Reals
    x: Reals
    y: Reals
    smooth_x: Reals
    smooth_y: Reals


@dataclass(frozen=True)
class Copy:
    """A piece on the new line: `t` seconds of the day, fixes and smooth path in degrees; shapes (n,)."""

    piece: Piece
    track_id: str
    t: Reals
    lon: Reals
    lat: Reals
    smooth_lon: Reals
    smooth_lat: Reals


def pieces(folder: Path, source: str) -> list[Piece]:
    """The pieces of one recording: one for each crossing, and one for each track that only passes."""
    with gzip.open(folder / f"tracks_{source}.events.csv.gz", "rt", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["track_id"], row["time"]))
    with (folder / f"tracks_{source}.crossings.csv").open(encoding="utf-8") as file:
        crossed = [row for row in csv.DictReader(file) if row["degenerate"] == "0"]
    document = json.loads((folder / f"tracks_{source}.line.geojson").read_text(encoding="utf-8"))
    line_lon, line_lat = np.array(document["features"][0]["geometry"]["coordinates"]).T
    made = []
    for name in sorted({row["track_id"] for row in rows}):
        own = [row for row in rows if row["track_id"] == name]
        t = np.array([datetime.fromisoformat(row["time"]).timestamp() for row in own])
        lon, lat = (np.array([float(row[axis]) for row in own]) for axis in ("lon", "lat"))
        if len(own) < FIXES_MIN:
            continue
        places = [
            (_seconds(row["t_cross"]), float(row["lon"]), float(row["lat"]), int(row["line_edge"]))
            for row in crossed
            if row["track"] == name
        ] or list(_passage(t, lon, lat, line_lon, line_lat))
        for number, (at_s, at_lon, at_lat, edge) in enumerate(places):
            ends = line_lon[edge], line_lat[edge], line_lon[edge + 1], line_lat[edge + 1]
            along_deg = GEOD.inv(*ends)[0]
            near = np.abs(t - at_s) <= AROUND_S
            if near.sum() >= FIXES_MIN:
                x, y = _plane(at_lon, at_lat, along_deg, lon[near], lat[near])
                fixes = (t[near] - at_s, x, y)
                made.append(Piece(source, f"{name}-{number}", *fixes, *smoothed(*fixes)))
    return made


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _passage(
    t: Reals, lon: Reals, lat: Reals, line_lon: Reals, line_lat: Reals
) -> Iterator[tuple[float, float, float, int]]:
    """Where a track that does not cross comes nearest: time, nearest place of the line (to ~50 m), edge."""
    count = 200
    part = np.tile(np.arange(count) / count, len(line_lon) - 1)
    edge = np.repeat(np.arange(len(line_lon) - 1), count)
    on_lon = line_lon[edge] + part * np.diff(line_lon)[edge]
    on_lat = line_lat[edge] + part * np.diff(line_lat)[edge]
    shape = (len(t), len(edge))
    distance = GEOD.inv(
        *(np.broadcast_to(v, shape).ravel() for v in (lon[:, None], lat[:, None], on_lon, on_lat))
    )[2]
    fix, at = np.unravel_index(int(np.argmin(distance)), shape)
    if float(np.min(distance)) <= PASSES_WITHIN_M:
        yield float(t[fix]), float(on_lon[at]), float(on_lat[at]), int(edge[at])


def _plane(at_lon: float, at_lat: float, along_deg: float, lon: Reals, lat: Reals) -> tuple[Reals, Reals]:
    whole = np.ones_like(lon)
    azimuth_deg, _, distance_m = GEOD.inv(at_lon * whole, at_lat * whole, lon, lat)
    turned = np.radians(np.asarray(azimuth_deg) - along_deg)
    return np.asarray(distance_m) * np.sin(turned), np.asarray(distance_m) * np.cos(turned)


def smoothed(t: Reals, x: Reals, y: Reals) -> tuple[Reals, Reals]:
    """The smooth path at the times of the fixes."""
    gap = (t[None, :] - t[:, None]) / (BANDWIDTH * float(np.median(np.diff(t))))
    w = np.exp(-0.5 * gap * gap)
    s0, s1, s2 = w.sum(axis=1), (w * gap).sum(axis=1), (w * gap * gap).sum(axis=1)
    spread = s0 * s2 - s1 * s1
    is_alone = spread < 1e-6 * s0 * s0
    whole = np.where(is_alone, 1.0, spread)
    fits = [np.where(is_alone, w @ v / s0, (s2 * (w @ v) - s1 * ((w * gap) @ v)) / whole) for v in (x, y)]
    return fits[0], fits[1]


def noise_m(many: list[Piece]) -> float:
    """Standard deviation per axis of the fixes of a recording about their smooth paths, metres."""
    off = np.concatenate([np.concatenate([p.x - p.smooth_x, p.y - p.smooth_y]) for p in many])
    return float(np.sqrt(np.mean(off * off)))


def copies(many: list[Piece], line: ContactLine, seed: int) -> list[Copy]:
    """Each piece once on the line, at seeded places far apart and at seeded times of the day."""
    rng = np.random.default_rng([seed, 20])
    room_m = line.length_m / len(many)
    at_m = (rng.permutation(len(many)) + rng.uniform(0.2, 0.8, len(many))) * room_m
    at_s = rng.uniform(AROUND_S + 600.0, DAY_S - AROUND_S - 600.0, len(many))
    made = []
    for number, (piece, chainage_m, passes_s) in enumerate(zip(many, at_m, at_s, strict=True)):
        (lon, before_lon, after_lon), (lat, before_lat, after_lat) = line.place_at(
            [chainage_m, max(chainage_m - 250.0, 0.0), min(chainage_m + 250.0, line.length_m)]
        )
        along_deg = GEOD.inv(before_lon, before_lat, after_lon, after_lat)[0]
        places = [
            _moved(lon, lat, along_deg, x, y)
            for x, y in ((piece.x, piece.y), (piece.smooth_x, piece.smooth_y))
        ]
        made.append(Copy(piece, f"{piece.name}-{number}", piece.t + passes_s, *places[0], *places[1]))
    return made


def _moved(lon: float, lat: float, along_deg: float, x: Reals, y: Reals) -> tuple[Reals, Reals]:
    azimuth_deg = np.degrees(np.arctan2(x, y)) + along_deg
    whole = np.ones_like(x)
    moved_lon, moved_lat, _ = GEOD.fwd(lon * whole, lat * whole, azimuth_deg, np.hypot(x, y))
    return np.asarray(moved_lon), np.asarray(moved_lat)


JUDGED = ("line_crossing", "buffer_incursion")
"""The rules of which a recorded track can say what is true."""


class MovedRun:
    """Copies as a run that the detectors of the benchmarks take: deliveries, registry, truth."""

    def __init__(
        self,
        many: list[Copy],
        line: ContactLine,
        terms: Terms,
        sigma_m: dict[str, float],
        kept_frac: float,
        seed: int,
    ) -> None:
        self.from_ns, self.to_ns = period(DEMO_DATE, "Europe/Kyiv", "19:30")
        self._copies, self._line, self._terms, self._sigma_m = many, line, terms, sigma_m
        rng = np.random.default_rng([seed, round(1_000 * kept_frac)])
        self._is_kept = [rng.uniform(size=len(copy.t)) < kept_frac for copy in many]

    @property
    def registry(self) -> list[dict[str, Any]]:
        """A sensor for each recording, without a post."""
        unknown = dict.fromkeys(("lon", "lat", "host_side", "detection_prob"))
        return [
            {"id": source, "type": "generic", "sigma_m": sigma_m, **unknown}
            for source, sigma_m in sorted(self._sigma_m.items())
        ]

    @property
    def notices(self) -> dict[str, Any]:
        """Nothing was announced."""
        return {"crossing_points": [], "announced": []}

    def deliveries(self, step_s: float) -> Iterator[tuple[int, pa.Table]]:
        """Fixes as they are made, cut each `step_s`."""
        table = self._events()
        time_ns = table["time_ns"].to_numpy()
        cuts_ns = self.from_ns + (np.arange(step_s, DAY_S + step_s, step_s) * 1e9).astype(np.int64)
        ends = np.searchsorted(time_ns, cuts_ns)
        begin = 0
        for cut_ns, end in zip(cuts_ns.tolist(), ends.tolist(), strict=True):
            yield min(cut_ns, self.to_ns), table.slice(begin, end - begin)
            begin = end

    def _events(self) -> pa.Table:
        """The kept fixes in order of time, by way of the decoder, as any feed would come."""
        records = []
        for copy, kept in zip(self._copies, self._is_kept, strict=True):
            source = copy.piece.source
            same = {
                "sensor_id": source,
                "kind": "track",
                "track_id": copy.track_id,
                "object_class": SOURCES[source],
                "sigma_m": self._sigma_m[source],
            }
            fixes = zip(copy.t[kept].tolist(), copy.lon[kept].tolist(), copy.lat[kept].tolist(), strict=True)
            records += [
                (
                    t,
                    {
                        **same,
                        "id": f"{copy.track_id}.{i}",
                        "time": _text(self.from_ns, t),
                        "lon": lon,
                        "lat": lat,
                    },
                )
                for i, (t, lon, lat) in enumerate(fixes)
            ]
        records.sort(key=lambda record: record[0])
        lines = b"".join(json.dumps(record).encode() + b"\n" for _, record in records)
        decoded = decode(Format.NDJSON, lines)
        assert decoded.table.num_rows == len(records), next(iter(decoded.detail.values()))
        return decoded.table

    def truth(self) -> Truth:
        """Excursions beyond the line and stays in the buffer of the smooth paths."""
        happenings = []
        for copy, kept in zip(self._copies, self._is_kept, strict=True):
            happenings += self._happenings(copy, copy.t[kept])
        header = {
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "rules": list(JUDGED),
            "line_m": self._line.length_m,
        }
        return Truth(header, tuple(happenings))

    def _happenings(self, copy: Copy, seen_s: Reals) -> list[Happening]:
        """What the smooth path of one copy did; `seen_s` are the times of its kept fixes."""
        path = _Path(copy, self._line)
        home = int(path.side[np.flatnonzero(path.side)[0]])
        width = np.where(path.left_m > 0, self._terms.buffer_left_m, self._terms.buffer_right_m)
        inside_m = width - np.abs(path.left_m)
        beyond_m = -home * self._line.left_sign * path.left_m
        stays = [
            (begin, end) for begin, end in _spans(path.t, inside_m > 0) if end - begin >= self._terms.dwell_s
        ]
        excursions = [
            (begin, min(end, begin + self._terms.excursion_s)) for begin, end in path.excursions(home)
        ]
        party = {1: "A", -1: "B"}[home]
        made = []
        for rule_id, kind, spans, depth_m in (
            ("line_crossing", "crossing", excursions, beyond_m),
            ("buffer_incursion", "incursion", stays, inside_m),
        ):
            for number, (begin, end) in enumerate(spans):
                own = np.flatnonzero((path.t >= begin) & (path.t <= end))
                deepest = own[np.argmax(depth_m[own])] if len(own) else np.searchsorted(path.t, begin)
                at = path.places({"at": begin, "deepest": float(path.t[deepest]), "exit": end})
                depth = max(float(depth_m[deepest]), 0.0)
                sigmas = depth / self._sigma_m[copy.piece.source]
                is_in = (seen_s >= begin) & (seen_s <= end)
                # An excursion shows only to who saw the object beyond the line and at home.
                is_seen = bool(is_in.any()) and (kind == "incursion" or not is_in.all())
                p = 1.0 if is_seen else 0.5
                far = GEOD.inv(
                    *(np.broadcast_to(v, own.shape) for v in (at[0].lon, at[0].lat)),
                    path.lon[own],
                    path.lat[own],
                )[2]
                made.append(
                    Happening(
                        id=f"{copy.track_id}-{kind}-{number}",
                        kind=kind,  # type: ignore[arg-type]  # the two of the loop
                        actor=copy.piece.source,
                        party=party,
                        object_class=SOURCES[copy.piece.source],
                        objects=1,
                        time_start_ns=self.from_ns + round(begin * 1e9),
                        time_end_ns=self.from_ns + round(end * 1e9),
                        places=at,
                        extent_m=float(np.max(far, initial=0.0)),
                        rules=(RuleTruth(rule_id, "undetermined"),),
                        detection_prob=p,
                        band=band(p, sigmas),
                        depth_m=depth,
                        depth_sigmas=sigmas,
                    )
                )
        return made


class _Path:
    """The smooth path of a copy, every `EVERY_M` of it, with signed distances and its exact crossings."""

    def __init__(self, copy: Copy, line: ContactLine) -> None:
        lon, lat = copy.smooth_lon, copy.smooth_lat
        step_m = GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]
        count = np.maximum(np.ceil(step_m / EVERY_M), 1).astype(np.int64)
        step = np.repeat(np.arange(len(count)), count)
        position = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
        vertex = np.append(step + position / count[step], len(count))
        self._vertex, self._copy, self._line = vertex, copy, line
        whole = np.arange(len(lon))
        self.t, self.lon, self.lat = (np.interp(vertex, whole, v) for v in (copy.t, lon, lat))
        located = line.locator.locate(self.lon, self.lat)
        self.side = np.asarray(located.side)
        self.left_m = np.asarray(located.signed_distance_m) * line.left_sign
        found = step_crossings(line, lon[:-1], lat[:-1], lon[1:], lat[1:])
        self._crossed_s = copy.t[found.step_idx] + found.fraction * np.diff(copy.t)[found.step_idx]
        self._direction = found.direction

    def excursions(self, home: int) -> list[tuple[float, float]]:
        """From each crossing away from home to the one back, or the end; short returns do not part two."""
        spans: list[tuple[float, float]] = []
        away: float | None = None
        for at_s, direction in zip(self._crossed_s.tolist(), self._direction.tolist(), strict=True):
            if direction == home:
                away = at_s
            elif away is not None:
                spans.append((away, at_s))
                away = None
        if away is not None:
            spans.append((away, float(self.t[-1])))
        return _merged(spans)

    def places(self, at_s: dict[str, float]) -> tuple[Place, ...]:
        """Places of the path by role."""
        moments = list(at_s.values())
        lon, lat = np.interp(moments, self.t, self.lon), np.interp(moments, self.t, self.lat)
        located = self._line.locator.locate(lon, lat)
        rows = zip(at_s, lon, lat, located.signed_distance_m, located.chainage_m, strict=True)
        return tuple(Place(role, *map(float, values)) for role, *values in rows)


def _spans(t: Reals, is_inside: NDArray[np.bool_]) -> list[tuple[float, float]]:
    edges = np.diff(np.concatenate([[False], is_inside, [False]]).astype(np.int8))
    begins, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0) - 1
    return _merged(list(zip(t[begins].tolist(), t[ends].tolist(), strict=True)))


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans with less than the simulator's gap between them as one."""
    made: list[tuple[float, float]] = []
    for begin, end in spans:
        if made and begin - made[-1][1] < STAY_GAP_S:
            made[-1] = (made[-1][0], end)
        else:
            made.append((begin, end))
    return made


def _text(from_ns: int, t: float) -> str:
    return datetime.fromtimestamp(from_ns / 1e9 + t, UTC).isoformat(timespec="milliseconds")
