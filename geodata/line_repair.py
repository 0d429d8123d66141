"""Mends what is wrong with a line's document where there is only one way to mend it, and says each change.

Mended: positions that are no places, latitude and longitude exchanged throughout, vertices stated twice or
within 10 cm, digits beyond a centimetre, rings walked the wrong way round or not closed, slivers, a legacy
`crs` that says WGS 84. Not mended, because only the owner of the line knows: where it meets itself, whose
polygons are whose, where a long edge was meant to run, what lies outside the area.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from geodata.line_check import (
    DECIMALS_MAX,
    NEAR_DUPLICATE_M,
    SLIVER_WIDTH_M,
    check,
    decimals,
    document_of,
    ring_size,
)
from geodata.line_file import LineDraft, features_of, load_document
from geodata.projection import unwrap_deg
from geodata.segments import geodesic_length_m
from geodata.strands import Strand, strands_of

if TYPE_CHECKING:
    from geodata.area import Area


@dataclass(frozen=True, slots=True)
class Change:
    """One change to a document. `kind`: that of the fault it mends; `text`: what was done, where.

    `lon`, `lat`: where, after it (None if nowhere in particular); `part`: the strand in the order of the file.
    """

    kind: str
    text: str
    lon: float | None = None
    lat: float | None = None
    part: int = -1


def repair(
    line: LineDraft | dict[str, Any] | bytes, name: str = "line", area: "Area | None" = None
) -> tuple[dict[str, Any], list[Change]]:
    """A copy of the document with what can be mended mended, and every change; the input is left as it is.

    Raises LineInvalid where there is no GeoJSON to mend. Mending twice changes nothing more.

    >>> line = {"type": "LineString", "coordinates": [[37.5, 48.0], [37.5, 48.0], [37.6, 48.0]]}
    >>> mended, changes = repair(line)
    >>> mended["coordinates"], [change.text for change in changes]
    ([[37.5, 48.0], [37.6, 48.0]], ['line, vertex 1: dropped, the same as the one before.'])
    """
    document = document_of(line) if isinstance(line, LineDraft) else load_document(line, name)
    document = copy.deepcopy(document)
    changes: list[Change] = []
    if document.pop("crs", None) is not None:
        changes.append(Change("legacy_crs", "crs: dropped; GeoJSON is in WGS 84 by itself."))
    swapped = {fault.part for fault in check(document, name, area) if fault.kind == "swapped"}
    strands = strands_of(document, name)
    for strand in strands:
        if strand.number in swapped:
            strand.positions[:] = [[p[1], p[0], *p[2:]] for p in strand.positions]
            changes.append(_change(strand, "swapped", f"{strand.name}: latitude and longitude exchanged."))
        changes += _of_strand(strand)
    changes += _without_slivers(document, strands, name)
    return document, changes


def _of_strand(strand: Strand) -> Iterator[Change]:
    """Mends one line part or ring in place."""
    yield from _without_no_places(strand)
    long = [k for k, position in enumerate(strand.positions) if decimals(position) > DECIMALS_MAX]
    for k in long:
        position = strand.positions[k]
        position[:2] = [round(float(value), DECIMALS_MAX) for value in position[:2]]
    if long:
        text = f"{strand.name}: {len(long)} vertices rounded to {DECIMALS_MAX} decimals ({_few(long)})."
        yield _change(strand, "excess_decimals", text)
    if strand.is_ring and len(strand.positions) > 2 and strand.positions[0][:2] != strand.positions[-1][:2]:
        strand.positions.append(list(strand.positions[0]))
        yield _change(strand, "unclosed", f"{strand.name}: closed with its first vertex.")
    yield from _without_duplicates(strand)
    if strand.is_ring and len(strand.positions) > 3:
        area_m2, _ = ring_size(*strand.places())
        if area_m2 != 0.0 and (area_m2 < 0.0) != strand.is_hole:
            strand.positions.reverse()
            yield _change(strand, "clockwise", f"{strand.name}: turned round.")


def _without_no_places(strand: Strand) -> Iterator[Change]:
    lon, lat = strand.places()
    is_bad = ~((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))
    for vertex in np.flatnonzero(is_bad).tolist():
        shown = repr(strand.positions[vertex])[:60]
        yield Change(
            "not_a_place",
            f"{strand.name}, vertex {vertex}: dropped, {shown} is no place.",
            part=strand.number,
        )
    strand.positions[:] = [p for p, bad in zip(strand.positions, is_bad.tolist(), strict=True) if not bad]


def _without_duplicates(strand: Strand) -> Iterator[Change]:
    """Drops each vertex that is within 10 cm of the last one kept; the ends of a strand stay."""
    lon, lat = strand.places()
    if len(lon) < 3:
        return
    kept = [0]
    last = len(lon) - 1
    continuous = unwrap_deg(lon)
    step_m = geodesic_length_m(continuous[:-1], lat[:-1], continuous[1:], lat[1:])
    for vertex in range(1, len(lon)):
        # Most vertices are far from the one before; only the others are measured from the last one kept.
        gap_m = float(step_m[vertex - 1])
        if kept[-1] != vertex - 1:
            at = kept[-1]
            ends = (continuous[[at]], lat[[at]], continuous[[vertex]], lat[[vertex]])
            gap_m = float(geodesic_length_m(*ends)[0])
        if gap_m >= NEAR_DUPLICATE_M or (vertex == last and len(kept) == 1):
            kept.append(vertex)
            continue
        dropped = kept.pop() if vertex == last else vertex
        if vertex == last:
            kept.append(vertex)
        kind = "duplicate_vertex" if gap_m == 0.0 else "near_duplicate_vertex"
        other = "after" if vertex == last else "before"
        why = f"the same as the one {other}" if gap_m == 0.0 else f"{gap_m * 100:.1f} cm from the one {other}"
        yield Change(
            kind,
            f"{strand.name}, vertex {dropped}: dropped, {why}.",
            float(lon[dropped]),
            float(lat[dropped]),
            strand.number,
        )
    if len(kept) < len(lon):
        strand.positions[:] = [strand.positions[k] for k in kept]


def _without_slivers(document: dict[str, Any], strands: list[Strand], name: str) -> Iterator[Change]:
    """Drops holes and closed parts that are slivers, and polygons whose outer ring is one; never the last strand."""
    left = len(strands)
    for strand in strands:
        lon, lat = strand.places()
        is_closed = len(lon) > 3 and lon[0] == lon[-1] and lat[0] == lat[-1]
        if not is_closed or left == 1 or not (strand.is_hole or _stands_alone(strand, document, name)):
            continue
        area_m2, around_m = ring_size(lon, lat)
        if around_m == 0.0 or 2.0 * abs(area_m2) / around_m >= SLIVER_WIDTH_M:
            continue
        strand.holder[:] = [other for other in strand.holder if other is not strand.positions]
        left -= 1
        yield Change(
            "sliver",
            f"{strand.name}: dropped, a sliver of {abs(area_m2):,.0f} m2.",
            float(lon[0]),
            float(lat[0]),
            strand.number,
        )
    _without_empty_polygons(document, name)


def _stands_alone(strand: Strand, document: dict[str, Any], name: str) -> bool:
    """Whether a strand can go without taking anything along: a part among parts, a polygon without holes."""
    if strand.is_ring:
        return len(strand.holder) == 1 and any(
            geometry.get("type") == "MultiPolygon" and strand.holder in geometry["coordinates"]
            for geometry, _ in features_of(document, name)
        )
    return strand.holder is not strand.positions and len(strand.holder) > 1


def _without_empty_polygons(document: dict[str, Any], name: str) -> None:
    for geometry, _ in features_of(document, name):
        if geometry.get("type") == "MultiPolygon":
            geometry["coordinates"][:] = [polygon for polygon in geometry["coordinates"] if polygon]


def _change(strand: Strand, kind: str, text: str) -> Change:
    lon, lat = strand.places()
    return Change(kind, text, float(lon[0]), float(lat[0]), strand.number)


def _few(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:5])
    return f"vertices {shown}{', ...' if len(numbers) > 5 else ''}"
