"""The strands of a line's document: every LineString and every ring, with its place in words.

A strand shares its list of positions with the document, so that a repair can write them anew.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geodata.errors import LineInvalid
from geodata.line_file import LINE_KINDS, POLYGON_KINDS, features_of

Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strand:
    """`positions`: as the document has them (any JSON); `is_ring`: of a polygon; `is_hole`: not its outer one.

    `number`: its place among all strands; `name`: for people; `holder`: the list that holds it; `side`: of its
    feature, if stated.
    """

    number: int
    name: str
    positions: list[Any]
    holder: list[Any]
    is_ring: bool
    is_hole: bool
    side: str | None

    def places(self) -> tuple[Reals, Reals]:
        """Longitudes and latitudes; NaN for whatever is no pair of numbers."""
        pairs = [_pair(position) for position in self.positions]
        array = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        return array[:, 0], array[:, 1]


def strands_of(document: dict[str, Any], name: str) -> list[Strand]:
    """All strands of a document; raises LineInvalid where a geometry has none."""
    features = features_of(document, name)
    strands: list[Strand] = []
    for idx, (geometry, properties) in enumerate(features):
        of_feature = f"feature {idx}, " if len(features) > 1 else ""
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind not in LINE_KINDS | POLYGON_KINDS:
            continue
        if not isinstance(coordinates, list):
            raise LineInvalid("format", name, f"{of_feature}{kind} has no list of coordinates")
        side = properties.get("side")
        nested: list[tuple[str, Any, list[Any], bool, bool]] = []
        if kind == "LineString":
            nested = [(f"{of_feature}line", coordinates, coordinates, False, False)]
        elif kind == "MultiLineString":
            nested = [
                (f"{of_feature}part {k}", part, coordinates, False, False)
                for k, part in enumerate(coordinates)
            ]
        else:
            for k, polygon in enumerate([coordinates] if kind == "Polygon" else coordinates):
                if not isinstance(polygon, list):
                    raise LineInvalid("format", name, f"{of_feature}polygon {k} is no list of rings")
                nested += [
                    (f"{of_feature}polygon {k}{f', hole {h}' if h else ''}", ring, polygon, True, h > 0)
                    for h, ring in enumerate(polygon)
                ]
        for words, positions, holder, is_ring, is_hole in nested:
            if not isinstance(positions, list):
                raise LineInvalid("format", name, f"{words} is no list of positions")
            strands.append(
                Strand(
                    len(strands),
                    words,
                    positions,
                    holder,
                    is_ring,
                    is_hole,
                    side if side in ("A", "B") else None,
                )
            )
    return strands


def _pair(position: Any) -> tuple[float, float]:
    if not isinstance(position, list) or len(position) < 2:
        return float("nan"), float("nan")
    numbers = []
    for value in position[:2]:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            numbers.append(float(value) if is_number else float("nan"))
        except OverflowError:
            numbers.append(float("nan"))
    return numbers[0], numbers[1]
