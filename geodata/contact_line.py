"""The contact line: a validated, immutable polyline with side A on one hand, and its versions over time.

The line is data, never a constant. It is walked from its start; `left_side` says whose side lies on the left.
It may have further parts: pockets, enclaves, runs apart from the main one (`geodata.line_parts` says how sides
follow). Edges are straight in lon/lat. Its version is the hash of what decides results (vertices, left side,
sigma); the label is for people and is not hashed.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cache, cached_property
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from geodata.compiled_crossings import Edges, edges_of
from geodata.edge_raster import EdgeRaster
from geodata.errors import LineInvalid
from geodata.line_file import LineDraft, Vertex, parse_line, read_line
from geodata.line_parts import arranged, left_signs
from geodata.projection import Frame, unwrap_deg, wrap_deg
from geodata.segments import Segments, cut
from geodata.simplicity import self_contacts

if TYPE_CHECKING:
    from geodata.locator import Locator

__all__ = ["ContactLine", "LineDraft", "LineHistory", "packaged_line", "parse_line", "read_line"]

Reals = NDArray[np.float64]

BEGINNING_OF_TIME_NS: Final = -(2**63)
VERTEX_COUNT_MAX: Final = 2_000_000
PART_COUNT_MAX: Final = 10_000


class ContactLine:
    """A line that is known to be usable. Made by `from_draft`; arrays are read-only.

    `lon`, `lat`: the vertices of all parts one after the other, the main part first, shape (v,), degrees;
    part p has those from `part_begin[p]` to before `part_begin[p + 1]`, and edge i is the one from vertex i to
    vertex i + 1 of the same part. `chainage_m`: geodesic distance along its part to each vertex, shape (v,).
    `is_closed`, `left_signs`: shape (parts,). `frame`: the metric plane fitted to the line. `segments`: the
    pieces that computations run on.
    """

    def __init__(
        self,
        lon: Reals,
        lat: Reals,
        label: str,
        left_side: str,
        sigma_m: float,
        part_begin: Sequence[int] | None = None,
    ) -> None:
        assert left_side in ("A", "B")
        self.lon, self.lat = _frozen(lon), _frozen(lat)
        self.label, self.left_side, self.sigma_m = label, left_side, sigma_m
        self.part_begin = np.array([0, len(self.lon)] if part_begin is None else part_begin, dtype=np.int64)
        self.part_begin.setflags(write=False)
        first, last = self.part_begin[:-1], self.part_begin[1:] - 1
        self.is_closed = (self.lon[first] == self.lon[last]) & (self.lat[first] == self.lat[last])
        """Whether each part ends where it began, shape (parts,)."""
        self.frame = Frame.fit(self.lon, self.lat)
        self.lon_continuous = _frozen(unwrap_deg(self.lon))
        """Longitudes continuous along the line, shape (v,): as stated unless it crosses the antimeridian."""
        self.lon_centre = float(np.min(self.lon_continuous) + np.max(self.lon_continuous)) / 2.0
        self.left_signs = left_signs(
            self.lon_continuous, self.lat, self.part_begin, 1 if left_side == "A" else -1
        )
        """+1 for each part that has side A on the left of its walk, else -1, shape (parts,)."""
        self.version = _version(self.parts, left_side, sigma_m)

    @classmethod
    def from_draft(cls, draft: LineDraft, *, allow_self_contacts: bool = False) -> Self:
        """The line of a draft; raises LineInvalid with the place of the first fault.

        Parts that begin where another ends are joined to it, and the main part becomes the first. With
        `allow_self_contacts` a line that crosses or touches itself is taken: crossings of its edges then still
        have a direction each, but a side is only that of the nearest edge.

        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "meridian"))
        >>> round(line.length_m, 3), line.left_side
        (111200.037, 'A')
        >>> ContactLine.from_draft(LineDraft(((37.0, 48.0),), "dot", where="dot.geojson"))
        Traceback (most recent call last):
        geodata.errors.LineInvalid: dot.geojson: has one point; a line needs at least two
        """
        parts = arranged(_checked_parts(draft))
        lon, lat = (np.concatenate([part[axis] for part in parts]) for axis in (0, 1))
        begin = np.cumsum([0, *(len(part[0]) for part in parts)])
        contacts = self_contacts(unwrap_deg(lon), lat, begin)
        if contacts and not allow_self_contacts:
            first = contacts[0]
            more = f" ({len(contacts) - 1} more such places)" if len(contacts) > 1 else ""
            raise LineInvalid(
                "line_invalid",
                f"{draft.where}: edges {_edge_name(first.edge_a, begin)}, {_edge_name(first.edge_b, begin)}"
                f" at {first.lon:.7f}, {first.lat:.7f}",
                f"crosses or touches itself, so it has no left and right there{more}",
            )
        try:
            return cls(lon, lat, draft.label, draft.left_side, draft.sigma_m, begin.tolist())
        except LineInvalid as error:
            raise LineInvalid(error.reason, f"{draft.where}, {error.where}", error.what) from error

    @classmethod
    def from_geojson(cls, document: dict[str, Any], name: str = "line") -> Self:
        """The line of a GeoJSON object such as `to_geojson` gives; raises LineInvalid."""
        return cls.from_draft(parse_line(document, name))

    def to_geojson(self) -> dict[str, Any]:
        """The line as a GeoJSON Feature with every property that `from_geojson` reads, and its version.

        A LineString, or a MultiLineString with the main part first.
        """
        parts = [np.stack(part, axis=1).tolist() for part in self.parts]
        kind, coordinates = ("LineString", parts[0]) if len(parts) == 1 else ("MultiLineString", parts)
        return {
            "type": "Feature",
            "properties": {
                "label": self.label,
                "left_side": self.left_side,
                "sigma_m": self.sigma_m,
                "version": self.version,
            },
            "geometry": {"type": kind, "coordinates": coordinates},
        }

    @property
    def left_sign(self) -> int:
        """+1 where side A is on the left of the main part's walk, -1 where it is on the right."""
        return int(self.left_signs[0])

    @property
    def parts(self) -> list[tuple[Reals, Reals]]:
        """Longitudes and latitudes of each part, the main one first."""
        at = list(pairwise(self.part_begin.tolist()))
        return [(self.lon[begin:end], self.lat[begin:end]) for begin, end in at]

    @cached_property
    def part_of_vertex(self) -> NDArray[np.int16]:
        """The part of each vertex, and so of the edge that begins with it, shape (v,)."""
        return np.repeat(np.arange(len(self.is_closed), dtype=np.int16), np.diff(self.part_begin))

    @property
    def length_m(self) -> float:
        """Geodesic length of the main part."""
        return float(self.part_length_m[0])

    @property
    def part_length_m(self) -> Reals:
        """Geodesic length of each part, shape (parts,)."""
        return self.chainage_m[self.part_begin[1:] - 1]

    @cached_property
    def segments(self) -> Segments:
        """The line cut into short pieces (see `geodata.segments`)."""
        return cut(self.lon_continuous, self.lat, self.part_begin, self.frame)

    @cached_property
    def chainage_m(self) -> Reals:
        """Geodesic chainage of each vertex along its part, shape (v,), metres."""
        lengths = np.zeros(len(self.lon))
        np.add.at(lengths, self.segments.edge + 1, self.segments.length_m)
        along = [np.cumsum(lengths[begin:end]) for begin, end in pairwise(self.part_begin.tolist())]
        return _frozen(np.concatenate(along))

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
    def edge_raster(self) -> EdgeRaster:
        """How far from a place the nearest edge is, in cells; for steps that cannot meet the line."""
        return EdgeRaster.of(self)

    @cached_property
    def edges_compiled(self) -> Edges:
        """What the compiled crossings read."""
        return edges_of(self)

    @cached_property
    def neighbour_edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The edge with length before and after each edge, shape (v - 1,); -1 at the ends of open parts."""
        edges, part = self.edges_with_length, self.part_of_vertex
        at = np.arange(len(self.lon) - 1)
        before, after = np.full(len(at), -1), np.full(len(at), -1)
        for begin, end in pairwise(self.part_begin.tolist()):
            own = edges[np.searchsorted(edges, begin) : np.searchsorted(edges, end)]
            here = at[begin : end - 1]
            first, last = (own[-1], own[0]) if self.is_closed[part[begin]] else (-1, -1)
            padded = np.concatenate([[first], own, [last]])
            before[begin : end - 1] = padded[np.searchsorted(own, here, side="left")]
            after[begin : end - 1] = padded[np.searchsorted(own, here, side="right") + 1]
        return before, after

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

    def place_at(self, chainage_m: ArrayLike, part: int = 0) -> tuple[Reals, Reals]:
        """Longitude and latitude (degrees) at each chainage along a part; beyond its ends those of the ends.

        >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "meridian"))
        >>> lon, lat = line.place_at([0.0, line.length_m / 2])
        >>> lat.round(3)
        array([48. , 48.5])
        """
        pieces = self.segments
        first, last = np.searchsorted(pieces.part, [part, part + 1])
        begin_m = pieces.chainage0_m[first:last]
        chainage = np.clip(np.asarray(chainage_m, dtype=np.float64), 0.0, self.part_length_m[part])
        known = np.nan_to_num(chainage)
        idx = first + np.clip(np.searchsorted(begin_m, known, side="right") - 1, 0, len(begin_m) - 1)
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
        parts = f" in {len(self.is_closed)} parts" if len(self.is_closed) > 1 else ""
        return f"ContactLine({self.label!r}, {len(self.lon)} vertices{parts}, {self.version[:19]})"

    def __reduce__(self) -> tuple[Any, ...]:
        stated = (self.lon, self.lat, self.label, self.left_side, self.sigma_m, self.part_begin.tolist())
        return type(self), stated


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
        """The history in which `line` holds from `valid_from_ns` on, until the next version already known.

        A version from exactly that instant is replaced; the line of the beginning of time stays.
        """
        known = dict(zip(self.valid_from_ns, self.lines, strict=True))
        known[valid_from_ns] = line
        instants = sorted(known)
        return LineHistory([known[instant] for instant in instants], instants)

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


def _version(parts: Sequence[tuple[Reals, Reals]], left_side: str, sigma_m: float) -> str:
    coordinates = [np.stack(part, axis=1).tolist() for part in parts]
    content = {
        "coordinates": coordinates[0] if len(coordinates) == 1 else coordinates,
        "left_side": left_side,
        "sigma_m": sigma_m,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _edge_name(edge: int, part_begin: NDArray[np.int64]) -> str:
    """An edge by its number in its part."""
    part = int(np.searchsorted(part_begin, edge, side="right")) - 1
    own = edge - int(part_begin[part])
    return str(own) if len(part_begin) == 2 else f"{own} of part {part}"


def _checked_parts(draft: LineDraft) -> list[tuple[Reals, Reals]]:
    """Each part's vertices as arrays, each known to be a place on the globe; at least two of a part differ."""
    count = sum(len(part) for part in draft.parts)
    if count == 0:
        raise LineInvalid("line_invalid", draft.where, "has no points; a line needs at least two")
    if count > VERTEX_COUNT_MAX:
        raise LineInvalid(
            "size_limit", draft.where, f"has {count:,} vertices; at most {VERTEX_COUNT_MAX:,} are read"
        )
    if len(draft.parts) > PART_COUNT_MAX:
        raise LineInvalid(
            "size_limit", draft.where, f"has {len(draft.parts):,} parts; at most {PART_COUNT_MAX:,} are read"
        )
    if len(draft.parts) == 1:
        return [_checked_vertices(draft.parts[0], draft.where)]
    return [_checked_vertices(part, f"{draft.where}, part {idx}") for idx, part in enumerate(draft.parts)]


def _checked_vertices(vertices: tuple[Vertex, ...], where: str) -> tuple[Reals, Reals]:
    if not vertices:
        raise LineInvalid("line_invalid", where, "has no points; a line needs at least two")
    places = np.array(vertices, dtype=np.float64) + 0.0  # turns -0.0 into 0.0: one place, one hash
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
            f"{where}, vertex {idx}",
            f"({lon[idx]}, {lat[idx]}) is no place on the globe{hint}",
        )
    if np.all((lon == lon[0]) & (lat == lat[0])):
        what = "has one point" if len(lon) == 1 else f"has {len(lon)} vertices at one place"
        raise LineInvalid("line_invalid", where, f"{what}; a line needs at least two")
    return lon, lat
