"""The contact line: a validated, immutable polyline with side A on one hand, and its versions over time.

The line is data, never a constant. It is walked from its start; `left_side` says whose side lies on the left.
Edges are straight in lon/lat. Its version is the hash of what decides results (vertices, left side, sigma);
the label is for people and is not hashed.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata.errors import LineInvalid
from geodata.line_file import LineDraft, parse_line, read_line
from geodata.projection import Frame, unwrap_deg, wrap_deg
from geodata.segments import Segments, cut
from geodata.simplicity import self_contacts

if TYPE_CHECKING:
    from geodata.locator import Locator

__all__ = ["ContactLine", "LineDraft", "LineHistory", "packaged_line", "parse_line", "read_line"]

Reals = NDArray[np.float64]

BEGINNING_OF_TIME_NS: Final = -(2**63)
VERTEX_COUNT_MAX: Final = 2_000_000


class ContactLine:
    """A line that is known to be usable. Made by `from_draft`; arrays are read-only.

    `lon`, `lat`: the vertices as stated, shape (v,), degrees. `chainage_m`: geodesic distance along the line
    from its start to each vertex, shape (v,). `length_m`: that of the last one. `frame`: the metric plane
    fitted to it. `segments`: the pieces that computations run on.
    """

    def __init__(self, lon: Reals, lat: Reals, label: str, left_side: str, sigma_m: float) -> None:
        assert left_side in ("A", "B")
        self.lon, self.lat = _frozen(lon), _frozen(lat)
        self.label, self.left_side, self.sigma_m = label, left_side, sigma_m
        self.frame = Frame.fit(self.lon, self.lat)
        self.lon_continuous = _frozen(unwrap_deg(self.lon))
        """Longitudes continuous along the line, shape (v,): as stated unless it crosses the antimeridian."""
        self.lon_centre = float(np.min(self.lon_continuous) + np.max(self.lon_continuous)) / 2.0
        self.version = _version(self.lon, self.lat, left_side, sigma_m)

    @classmethod
    def from_draft(cls, draft: LineDraft, *, allow_self_contacts: bool = False) -> Self:
        """The line of a draft; raises LineInvalid with the place of the first fault.

        With `allow_self_contacts` a line that crosses or touches itself is taken: crossings of its edges then
        still have a direction each, but a side is only that of the nearest edge.

        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "meridian"))
        >>> round(line.length_m, 3), line.left_side
        (111200.037, 'A')
        >>> ContactLine.from_draft(LineDraft(((37.0, 48.0),), "dot", where="dot.geojson"))
        Traceback (most recent call last):
        geodata.errors.LineInvalid: dot.geojson: has one point; a line needs at least two
        """
        lon, lat = _checked_vertices(draft)
        contacts = self_contacts(unwrap_deg(lon), lat)
        if contacts and not allow_self_contacts:
            first = contacts[0]
            more = f" ({len(contacts) - 1} more such places)" if len(contacts) > 1 else ""
            raise LineInvalid(
                "line_invalid",
                f"{draft.where}: edges {first.edge_a}, {first.edge_b} at {first.lon:.7f}, {first.lat:.7f}",
                f"crosses or touches itself, so it has no left and right there{more}",
            )
        try:
            return cls(lon, lat, draft.label, draft.left_side, draft.sigma_m)
        except LineInvalid as error:
            raise LineInvalid(error.reason, f"{draft.where}, {error.where}", error.what) from error

    @classmethod
    def from_geojson(cls, document: dict[str, Any], name: str = "line") -> Self:
        """The line of a GeoJSON object such as `to_geojson` gives; raises LineInvalid."""
        return cls.from_draft(parse_line(document, name))

    def to_geojson(self) -> dict[str, Any]:
        """The line as a GeoJSON Feature with every property that `from_geojson` reads, and its version."""
        return {
            "type": "Feature",
            "properties": {
                "label": self.label,
                "left_side": self.left_side,
                "sigma_m": self.sigma_m,
                "version": self.version,
            },
            "geometry": {
                "type": "LineString",
                "coordinates": np.stack([self.lon, self.lat], axis=1).tolist(),
            },
        }

    @property
    def left_sign(self) -> int:
        """+1 where side A is on the left of the walk, -1 where it is on the right."""
        return 1 if self.left_side == "A" else -1

    @property
    def length_m(self) -> float:
        """Geodesic length of the whole line."""
        return float(self.chainage_m[-1])

    @cached_property
    def segments(self) -> Segments:
        """The line cut into short pieces (see `geodata.segments`)."""
        return cut(self.lon_continuous, self.lat, self.frame)

    @cached_property
    def chainage_m(self) -> Reals:
        """Geodesic chainage of each vertex, shape (v,), metres."""
        lengths = np.zeros(len(self.lon))
        np.add.at(lengths, self.segments.edge + 1, self.segments.length_m)
        return _frozen(np.cumsum(lengths))

    @cached_property
    def locator(self) -> "Locator":
        """The index that answers side, distance and chainage for places; built at first use."""
        from geodata.locator import Locator  # noqa: PLC0415  the locator is built on lines

        return Locator(self)

    @cached_property
    def edges_with_length(self) -> NDArray[np.int64]:
        """Positions of the edges whose two vertices differ, ascending."""
        return np.unique(self.segments.edge).astype(np.int64)

    @cached_property
    def edge_tree(self) -> shapely.STRtree:
        """Boxes of the edges in `edges_with_length`, in continuous degrees."""
        edge = self.edges_with_length
        ends = np.stack([self.lon_continuous, self.lat], axis=1)
        return shapely.STRtree(
            np.asarray(shapely.linestrings(np.stack([ends[edge], ends[edge + 1]], axis=1)))
        )

    @cached_property
    def neighbour_edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The edge with length before and after each edge, shape (v - 1,); -1 at the line's ends."""
        edges = self.edges_with_length
        at = np.arange(len(self.lon) - 1)
        before, after = np.searchsorted(edges, at, side="left") - 1, np.searchsorted(edges, at, side="right")
        padded = np.concatenate([edges, [-1]])
        return padded[before], padded[after]

    def chainage_on_edge(
        self, edge: NDArray[np.int64], lon: Reals, lat: Reals
    ) -> tuple[Reals, NDArray[np.int16]]:
        """Chainage and line part of places on known edges, shape (n,); `lon` continuous, degrees."""
        pieces = self.segments
        dlon, dlat = np.diff(self.lon_continuous)[edge], np.diff(self.lat)[edge]
        is_wide = np.abs(dlon) > np.abs(dlat)
        from_lon, from_lat = lon - self.lon_continuous[edge], lat - self.lat[edge]
        with np.errstate(divide="ignore", invalid="ignore"):
            along = np.clip(np.where(is_wide, from_lon / dlon, from_lat / dlat), 0.0, 1.0)
        first = np.searchsorted(pieces.edge, edge, side="left")
        count = np.searchsorted(pieces.edge, edge, side="right") - first
        rank = np.minimum((along * count).astype(np.int64), count - 1)
        piece = first + rank
        rest = np.clip(along * count - rank, 0.0, 1.0)
        return pieces.chainage0_m[piece] + rest * pieces.length_m[piece], pieces.part[piece]

    def place_at(self, chainage_m: ArrayLike) -> tuple[Reals, Reals]:
        """Longitude and latitude (degrees) at each chainage; chainages beyond the ends give the ends.

        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "meridian"))
        >>> lon, lat = line.place_at([0.0, line.length_m / 2])
        >>> lat.round(3)
        array([48. , 48.5])
        """
        pieces = self.segments
        chainage = np.clip(np.asarray(chainage_m, dtype=np.float64), 0.0, self.length_m)
        known = np.nan_to_num(chainage)
        idx = np.clip(np.searchsorted(pieces.chainage0_m, known, side="right") - 1, 0, len(pieces) - 1)
        t = np.clip((chainage - pieces.chainage0_m[idx]) / pieces.length_m[idx], 0.0, 1.0)
        lon = pieces.lon0[idx] + t * (pieces.lon1[idx] - pieces.lon0[idx])
        lat = pieces.lat0[idx] + t * (pieces.lat1[idx] - pieces.lat0[idx])
        return wrap_deg(lon), lat

    def continuous(self, lon: ArrayLike) -> Reals:
        """Longitudes on the line's own turn of the globe: within 180 degrees of its centre, else unchanged.

        >>> draft = LineDraft(((179.0, 1.0), (-179.0, 1.0)), "dateline")
        >>> ContactLine.from_draft(draft).continuous([179.5, -179.5])
        array([179.5, 180.5])
        """
        lon_deg = np.asarray(lon, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return lon_deg + 360.0 * np.round((self.lon_centre - lon_deg) / 360.0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContactLine) and other.version == self.version

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"ContactLine({self.label!r}, {len(self.lon)} vertices, {self.version[:19]})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.lon, self.lat, self.label, self.left_side, self.sigma_m)


class LineHistory:
    """Versions of the line with validity [valid_from_ns, valid_to_ns) in event time, without gaps.

    The first version holds from the beginning of time, the last one for ever.
    """

    def __init__(
        self, lines: Sequence[ContactLine], valid_from_ns: Sequence[int] = (BEGINNING_OF_TIME_NS,)
    ) -> None:
        if not lines or len(lines) != len(valid_from_ns):
            raise LineInvalid(
                "line_invalid", "line history", "needs at least one line, each with its first instant"
            )
        if valid_from_ns[0] != BEGINNING_OF_TIME_NS or np.any(
            np.diff(np.array(valid_from_ns, dtype=object)) <= 0
        ):
            raise LineInvalid(
                "line_invalid", "line history", "instants must grow, the first being the beginning of time"
            )
        self.lines = tuple(lines)
        self.valid_from_ns = tuple(int(instant) for instant in valid_from_ns)

    @property
    def versions(self) -> tuple[str, ...]:
        """The hash of each line, in order of validity."""
        return tuple(line.version for line in self.lines)

    def at(self, time_ns: ArrayLike) -> NDArray[np.int64]:
        """Position in `lines` of the line in force at each instant (int64 ns UTC), shape as given.

        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "one"))
        >>> LineHistory([line]).with_line(line, 1_000).at([999, 1_000])
        array([0, 1])
        """
        starts = np.array(self.valid_from_ns, dtype=np.int64)
        return np.searchsorted(starts, np.asarray(time_ns, dtype=np.int64), side="right") - 1

    def with_line(self, line: ContactLine, valid_from_ns: int) -> "LineHistory":
        """The history in which `line` holds from `valid_from_ns` on; later versions are superseded."""
        kept = [idx for idx, instant in enumerate(self.valid_from_ns) if instant < valid_from_ns]
        return LineHistory(
            [*(self.lines[idx] for idx in kept), line],
            [*(self.valid_from_ns[idx] for idx in kept), valid_from_ns],
        )

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        versions = [
            {"valid_from_ns": instant, "line": line.to_geojson()}
            for instant, line in zip(self.valid_from_ns, self.lines, strict=True)
        ]
        return {"format_version": 1, "versions": versions}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The history that `to_json` described."""
        return cls(
            [ContactLine.from_geojson(version["line"]) for version in data["versions"]],
            [int(version["valid_from_ns"]) for version in data["versions"]],
        )


@cache
def packaged_line() -> ContactLine:
    """The illustrative line that ships with the package: about 1,200 km, following no publication."""
    text = resources.files("geodata").joinpath("data/line.geojson").read_bytes()
    return ContactLine.from_draft(parse_line(text, "line.geojson"))


def _frozen(values: ArrayLike) -> Reals:
    array = np.array(values, dtype=np.float64)
    array.setflags(write=False)
    return array


def _version(lon: Reals, lat: Reals, left_side: str, sigma_m: float) -> str:
    content = {
        "coordinates": np.stack([lon, lat], axis=1).tolist(),
        "left_side": left_side,
        "sigma_m": sigma_m,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _checked_vertices(draft: LineDraft) -> tuple[Reals, Reals]:
    """Vertices as arrays, each known to be a place on the globe; at least two of them differ."""
    count = len(draft.vertices)
    if count == 0:
        raise LineInvalid("line_invalid", draft.where, "has no points; a line needs at least two")
    if count > VERTEX_COUNT_MAX:
        raise LineInvalid(
            "size_limit", draft.where, f"has {count:,} vertices; at most {VERTEX_COUNT_MAX:,} are read"
        )
    places = np.array(draft.vertices, dtype=np.float64) + 0.0  # turns -0.0 into 0.0: one place, one hash
    lon, lat = places[:, 0], places[:, 1]
    is_bad = ~((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))
    if is_bad.any():
        idx = int(np.flatnonzero(is_bad)[0])
        swapped = abs(lon[idx]) <= 90.0 and 90.0 < abs(lat[idx]) <= 180.0
        hint = (
            "; latitude and longitude look swapped"
            if swapped
            else "; lon is within 180, lat within 90 degrees"
        )
        raise LineInvalid(
            "line_invalid",
            f"{draft.where}, vertex {idx}",
            f"({lon[idx]}, {lat[idx]}) is no place on the globe{hint}",
        )
    if np.all((lon == lon[0]) & (lat == lat[0])):
        what = "has one point" if count == 1 else f"has {count} vertices at one place"
        raise LineInvalid("line_invalid", draft.where, f"{what}; a line needs at least two")
    return lon, lat
