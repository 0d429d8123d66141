"""What is wrong with a line as an operator has it, fault by fault with its place, and which faults are fatal.

A fatal fault keeps the line from being used; any other is worth knowing and harmless, or is dealt with on
loading as its text says. `geodata.line_repair` mends what can be mended without guessing what was meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.errors import LineInvalid
from geodata.line_file import LINE_KINDS, POLYGON_KINDS, LineDraft, features_of, load_document, parse_line
from geodata.projection import unwrap_deg
from geodata.segments import GEOD, geodesic_length_m
from geodata.simplicity import self_contacts
from geodata.strands import Strand, strands_of

if TYPE_CHECKING:
    from geodata.area import Area

Reals = NDArray[np.float64]

NEAR_DUPLICATE_M: Final = 0.1
LONG_EDGE_M: Final = 10_000.0
SLIVER_WIDTH_M: Final = 10.0
DECIMALS_MAX: Final = 7
"""1e-7 degrees are 1 cm; more say nothing about the ground."""

NOTES: Final = {
    "legacy_crs": "a reference system is stated the old way",
    "excess_decimals": "coordinates have more digits than the ground",
    "clockwise": "rings are walked the wrong way round",
    "unclosed": "rings do not close",
    "sliver": "slivers",
    "hole": "holes",
    "duplicate_vertex": "vertices are stated twice",
    "near_duplicate_vertex": "vertices nearly coincide",
    "long_edge": "edges are long",
    "parts": "the line is in parts",
    "ring_walk": "closed parts contradict what surrounds them",
    "outside_area": "places lie outside the area of operations",
    "no_side": "polygons do not say whose they are",
    "not_a_place": "positions are no places",
    "swapped": "latitude and longitude look swapped",
    "one_point": "strands have no length",
    "meets_itself": "the line meets itself",
    "unusable": "the file cannot be used",
}
"""Kind of fault → its heading, for grouping; in the order in which a note names those that are not fatal."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `kind`: a key of `NOTES`; `lon`, `lat`: where (None if nowhere in particular).

    `part`: the strand (line part or ring) in the order of the file, `edge`, `vertex`: 0-based in it; -1 where
    the fault has none. `text`: a sentence that says what, where and what to do.
    """

    kind: str
    is_fatal: bool
    text: str
    lon: float | None = None
    lat: float | None = None
    part: int = -1
    edge: int = -1
    vertex: int = -1


def check(
    line: LineDraft | dict[str, Any] | bytes, name: str = "line", area: "Area | None" = None
) -> list[Fault]:
    """Every fault of a line (a draft, a GeoJSON object or text), fatal ones first; an empty list is praise.

    With `area` it is also said what lies outside. Never raises on input, whatever it holds.

    >>> for fault in check({"type": "LineString", "coordinates": [[37.5, 48.0], [37.5, 48.0]]}):
    ...     print(fault.kind, fault.is_fatal, fault.text)
    one_point True line: has 2 vertices at one place; a line needs two that differ.
    >>> check({"type": "LineString", "coordinates": [[37.5, 48.0], [37.5, 48.01]]})
    []
    """
    try:
        document = document_of(line) if isinstance(line, LineDraft) else load_document(line, name)
        strands = strands_of(document, name)
        faults = [*_of_document(document, name), *(f for strand in strands for f in _of_strand(strand))]
        faults += _of_all(strands, area)
    except LineInvalid as error:
        return [Fault("unusable", True, f"{error}.")]
    if not any(fault.is_fatal for fault in faults):
        # Whatever the loader would still refuse is said in its own words.
        try:
            faults += _of_walks(ContactLine.from_draft(parse_line(document, name)))
        except LineInvalid as error:
            faults.append(Fault("unusable", True, f"{error}."))
    return sorted(faults, key=lambda fault: (not fault.is_fatal, list(NOTES).index(fault.kind)))


def document_of(draft: LineDraft) -> dict[str, Any]:
    """A GeoJSON object that says what a draft says."""
    properties = {"label": draft.label, "left_side": draft.left_side, "sigma_m": draft.sigma_m}
    parts = [[list(vertex) for vertex in part] for part in draft.parts]
    if len(parts) == 1:
        geometry: dict[str, Any] = {"type": "LineString", "coordinates": parts[0]}
    else:
        geometry = {"type": "MultiLineString", "coordinates": parts}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def as_note(faults: list[Fault], name: str, each_max: int = 3) -> str:
    """The faults as a colleague would write them down: what keeps the line from being used, then what is worth
    knowing, alike ones together with the first few places.

    >>> print(as_note([], "line.geojson"))
    line.geojson: nothing to complain about.
    """
    if not faults:
        return f"{name}: nothing to complain about."
    fatal = sum(fault.is_fatal for fault in faults)
    verdict = f"cannot be used as it is ({fatal} fatal)" if fatal else "can be used"
    lines = [f"{name}: {verdict}; {len(faults)} remark{'s' * (len(faults) > 1)}."]
    for kind in sorted({fault.kind for fault in faults}, key=lambda k: _rank(k, faults)):
        alike = [fault for fault in faults if fault.kind == kind]
        mark = "FATAL" if any(fault.is_fatal for fault in alike) else "note"
        lines.append(f"- {mark}: {NOTES[kind]} ({len(alike)}).")
        lines += [f"    {fault.text}" for fault in alike[:each_max]]
        if len(alike) > each_max:
            lines.append(f"    and {len(alike) - each_max} more like these.")
    return "\n".join(lines)


def _rank(kind: str, faults: list[Fault]) -> tuple[bool, int]:
    is_fatal = any(fault.is_fatal for fault in faults if fault.kind == kind)
    return not is_fatal, list(NOTES).index(kind)


def _of_document(document: dict[str, Any], name: str) -> Iterator[Fault]:
    """Faults of the file as a whole."""
    if document.get("crs") is not None:
        yield Fault(
            "legacy_crs",
            False,
            "crs: states WGS 84, which GeoJSON means anyway (RFC 7946 dropped the member).",
        )
    features = features_of(document, name)
    for idx, (geometry, properties) in enumerate(features):
        kind = str(geometry.get("type"))[:40]
        words = f"feature {idx}: " if len(features) > 1 else ""
        if kind not in LINE_KINDS | POLYGON_KINDS:
            yield Fault(
                "unusable", True, f"{words}is a {kind}; a contact line is lines, or polygons with side."
            )
        elif kind in POLYGON_KINDS and properties.get("side") not in ("A", "B"):
            yield Fault(
                "no_side",
                True,
                f"{words}{kind} has no property side, so nobody knows whose it is; give each side's polygons"
                ' "side": "A" or "B", or draw the line itself.',
            )


def _of_strand(strand: Strand) -> Iterator[Fault]:
    """Faults of one line part or ring."""
    lon, lat = strand.places()
    if len(lon) == 0:
        yield Fault("one_point", True, f"{strand.name}: is empty.", part=strand.number)
        return
    is_place = (np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)
    if not is_place.all():
        yield from _no_places(strand, lon, lat, is_place)
        return
    if np.all((lon == lon[0]) & (lat == lat[0])):
        what = "has one point" if len(lon) == 1 else f"has {len(lon)} vertices at one place"
        yield _at(strand, lon, lat, 0, "one_point", f"{what}; a line needs two that differ.", is_fatal=True)
        return
    yield from _of_vertices(strand, lon, lat)
    if lon[0] == lon[-1] and lat[0] == lat[-1]:
        yield from _of_ring(strand, lon, lat)
    elif strand.is_ring:
        yield _at(strand, lon, lat, len(lon) - 1, "unclosed", "ends elsewhere than it began.", is_fatal=True)


def _no_places(strand: Strand, lon: Reals, lat: Reals, is_place: NDArray[np.bool_]) -> Iterator[Fault]:
    is_swapped = (np.abs(lon) <= 90.0) & (np.abs(lat) <= 180.0)
    if is_swapped.all():
        text = f"({lon[0]:g}, {lat[0]:g}) and the rest are places only with latitude and longitude exchanged."
        yield _at(strand, lon, lat, 0, "swapped", text, is_fatal=True)
        return
    for vertex in np.flatnonzero(~is_place).tolist():
        shown = repr(strand.positions[vertex])[:60]
        yield Fault(
            "not_a_place",
            True,
            f"{strand.name}, vertex {vertex}: {shown} is no longitude and latitude in degrees.",
            part=strand.number,
            vertex=vertex,
        )


def _of_vertices(strand: Strand, lon: Reals, lat: Reals) -> Iterator[Fault]:
    """Faults of single vertices and edges."""
    step_m = geodesic_length_m(unwrap_deg(lon)[:-1], lat[:-1], unwrap_deg(lon)[1:], lat[1:])
    is_same = (lon[1:] == lon[:-1]) & (lat[1:] == lat[:-1])
    for edge in np.flatnonzero(is_same).tolist():
        yield _at(strand, lon, lat, edge + 1, "duplicate_vertex", "is the same as the one before.")
    for edge in np.flatnonzero(~is_same & (step_m < NEAR_DUPLICATE_M)).tolist():
        text = f"is {step_m[edge] * 100:.1f} cm from the one before."
        yield _at(strand, lon, lat, edge + 1, "near_duplicate_vertex", text)
    for edge in sorted(np.flatnonzero(step_m > LONG_EDGE_M).tolist(), key=lambda e: -step_m[e]):
        bow_m = _bow_m(lon, lat, edge)
        text = (
            f"is {step_m[edge] / 1000:.1f} km long. It is taken straight in lon/lat, up to {bow_m:.1f} m aside of"
            " the geodesic; put in vertices if another course is meant."
        )
        yield _at(strand, lon, lat, edge, "long_edge", text, is_edge=True)
    digits = [decimals(position) for position in strand.positions]
    if max(digits) > DECIMALS_MAX:
        many = sum(count > DECIMALS_MAX for count in digits)
        text = (
            f"{strand.name}: {many} of {len(digits)} vertices with more than {DECIMALS_MAX} decimals, up to"
            f" {max(digits)}; {DECIMALS_MAX} are a centimetre."
        )
        yield Fault("excess_decimals", False, text, part=strand.number)


def _of_ring(strand: Strand, lon: Reals, lat: Reals) -> Iterator[Fault]:
    """Faults of a closed strand: how it is walked, how wide it is."""
    area_m2, around_m = ring_size(lon, lat)
    if strand.is_ring and (area_m2 < 0.0) != strand.is_hole:
        wanted, is_walked = (
            ("clockwise", "counter-clockwise") if strand.is_hole else ("counter-clockwise", "clockwise")
        )
        text = f"is walked {is_walked}, RFC 7946 has it {wanted}; sides do not depend on it here."
        yield _at(strand, lon, lat, 0, "clockwise", text)
    size = f"{abs(area_m2):,.0f} m2 within {around_m / 1000:.2f} km around"
    if 2.0 * abs(area_m2) / around_m < SLIVER_WIDTH_M:
        yield _at(strand, lon, lat, 0, "sliver", f"is a sliver: {size}. Probably left over from drawing.")
    elif strand.is_hole:
        yield _at(strand, lon, lat, 0, "hole", f"is a hole of {size}: an enclave, if it is meant.")


def ring_size(lon: Reals, lat: Reals) -> tuple[float, float]:
    """Signed area (m2, positive where walked counter-clockwise; good to a per cent) and length (m) of a ring."""
    x, y = unwrap_deg(lon) - lon[0], lat - lat[0]
    square_degree_m2 = np.cos(np.radians(float(lat.mean()))) * 111_320.0 * 111_200.0
    area_m2 = 0.5 * float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) * float(square_degree_m2)
    return area_m2, float(np.sum(geodesic_length_m(x[:-1], lat[:-1], x[1:], lat[1:])))


def _of_all(strands: list[Strand], area: "Area | None") -> Iterator[Fault]:
    """Faults between strands, and of where they lie."""
    sound = [
        (strand, lon, lat)
        for strand in strands
        for lon, lat in (strand.places(),)
        if len(lon) > 1 and np.all((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))
    ]
    if not sound:
        return
    lon, lat = (np.concatenate([item[axis] for item in sound]) for axis in (1, 2))
    begin = np.cumsum([0, *(len(item[1]) for item in sound)])

    def named(edge: int) -> tuple[Strand, int]:
        at = int(np.searchsorted(begin, edge, side="right")) - 1
        return sound[at][0], edge - int(begin[at])

    open_ends = _open_ends(sound)
    for contact in self_contacts(unwrap_deg(lon), lat, begin):
        (one, edge_one), (other, edge_other) = named(contact.edge_a), named(contact.edge_b)
        is_polygons = one.is_ring and other.is_ring and one is not other
        is_joint = (contact.lon, contact.lat) in open_ends and one is not other
        if is_polygons or is_joint:
            continue  # neighbours among polygons share borders; parts may go on from each other
        text = (
            f"{one.name}, edge {edge_one} and {other.name}, edge {edge_other} meet at {contact.lon:.7f},"
            f" {contact.lat:.7f}: there is no left and right there. Decide which way the line goes and redraw it."
        )
        yield Fault("meets_itself", True, text, contact.lon, contact.lat, one.number, edge_one)
    lines = [strand for strand in strands if not strand.is_ring]
    if len(lines) > 1:
        yield Fault("parts", False, f"{len(lines)} parts: the longest open one is the main line, 0.")
    if area is not None:
        yield from _outside(area, sound)


def _of_walks(line: ContactLine) -> Iterator[Fault]:
    """Rings whose stated side A on the left would be the side that surrounds them as well."""
    stated = 1 if line.left_side == "A" else -1
    for part in np.flatnonzero(line.left_signs != stated).tolist():
        vertex = int(line.part_begin[part])
        lon, lat = float(line.lon[vertex]), float(line.lat[vertex])
        text = (
            f"line part {part}, closed at {lon:.5f}, {lat:.5f}: is walked as if its inside were the side that"
            " surrounds it; its inside is taken as the other side. Turn it round, or drop it."
        )
        yield Fault("ring_walk", False, text, lon, lat)


def _open_ends(sound: list[tuple[Strand, Reals, Reals]]) -> set[tuple[float, float]]:
    """Places (rounded as contacts are) where one open strand ends and another begins."""
    starts = [(round(float(lon[0]), 7), round(float(lat[0]), 7)) for _, lon, lat in sound]
    ends = [(round(float(lon[-1]), 7), round(float(lat[-1]), 7)) for _, lon, lat in sound]
    return {
        place
        for place in set(starts) & set(ends)
        if starts.count(place) == ends.count(place) == 1 and starts.index(place) != ends.index(place)
    }


def _outside(area: "Area", sound: list[tuple[Strand, Reals, Reals]]) -> Iterator[Fault]:
    for strand, lon, lat in sound:
        outside = np.flatnonzero(~area.contains(lon, lat))
        if len(outside) == 0:
            continue
        exchanged = np.abs(lon) <= 90.0
        if len(outside) == len(lon) and exchanged.all() and area.contains(lat, lon).all():
            text = "lies outside the area, and inside it with latitude and longitude exchanged."
            yield _at(strand, lon, lat, 0, "swapped", text, is_fatal=True)
        else:
            text = f"and {len(outside) - 1} more lie outside the area of operations."
            yield _at(strand, lon, lat, int(outside[0]), "outside_area", text)


def _at(
    strand: Strand,
    lon: Reals,
    lat: Reals,
    at: int,
    kind: str,
    text: str,
    is_fatal: bool = False,
    is_edge: bool = False,
) -> Fault:
    """A fault at a vertex or edge, which its text names first."""
    is_whole = kind in ("clockwise", "sliver", "hole", "one_point", "swapped")
    word = "" if is_whole else f", {'edge' if is_edge else 'vertex'} {at}"
    where = f"{strand.name}{word} at {lon[at]:.5f}, {lat[at]:.5f}"
    return Fault(
        kind,
        is_fatal,
        f"{strand.name if kind in ('one_point', 'swapped') else where}: {text}",
        float(lon[at]),
        float(lat[at]),
        strand.number,
        at if is_edge else -1,
        -1 if is_edge or is_whole else at,
    )


def _bow_m(lon: Reals, lat: Reals, edge: int) -> float:
    """How far the middle of an edge straight in lon/lat is from that of the geodesic, metres."""
    (x0, x1), (y0, y1) = unwrap_deg(lon)[edge : edge + 2], lat[edge : edge + 2]
    middle = GEOD.npts(x0, y0, x1, y1, 1)[0]
    return float(GEOD.inv((x0 + x1) / 2.0, (y0 + y1) / 2.0, middle[0], middle[1])[2])


def decimals(position: Any) -> int:
    """Digits after the point that a position is written with, at most."""
    shown = [np.format_float_positional(float(value), trim="-") for value in position[:2]]
    return max(len(text.partition(".")[2]) for text in shown)
