"""Makes the packaged, illustrative line and its sectors: `python -m geodata.generator`.

The line is a stand-in for what the parties of an agreement would agree on. It is made from coarse, public
places and a seed; it is undated, follows no publication, and lies up to 10 km aside of anything real. About
a third of it runs along water, where it wanders little; on land it wanders to one and a half times its
straight length.
"""

import json
import random
import sys
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from geodata.contact_line import ContactLine
from geodata.line_file import LineDraft
from geodata.projection import Frame
from geodata.sectors import Sectors, polygons_along
from geodata.wander import Stretch, wander

SEED: Final = 20_260_106
LENGTH_M: Final = 1_200_000.0
DATA: Final = Path(__file__).parent / "data"


class CoarsePlace(NamedTuple):
    """A place that the line passes at a distance; `on_water`: the way from it to the next follows water."""

    lon: float
    lat: float
    on_water: bool
    note: str


COARSE_PLACES: Final = (
    CoarsePlace(31.50, 46.58, True, "Kinburn Spit tip"),
    CoarsePlace(32.00, 46.55, True, "Dnipro-Buh estuary"),
    CoarsePlace(32.62, 46.60, True, "Kherson"),
    CoarsePlace(32.73, 46.68, True, "Antonivka"),
    CoarsePlace(33.35, 46.78, True, "Kozatske"),
    CoarsePlace(33.45, 46.85, True, "Beryslav bend"),
    CoarsePlace(33.90, 47.10, True, "reservoir south"),
    CoarsePlace(34.45, 47.52, True, "Nikopol-Enerhodar"),
    CoarsePlace(34.62, 47.53, True, "Enerhodar north"),
    CoarsePlace(35.10, 47.50, False, "Vasylivka west"),
    CoarsePlace(35.37, 47.53, False, "Kamianske"),
    CoarsePlace(35.80, 47.47, False, "Orikhiv south"),
    CoarsePlace(35.84, 47.43, False, "Robotyne"),
    CoarsePlace(36.27, 47.60, False, "Huliaipole south"),
    CoarsePlace(36.85, 47.83, False, "Velyka Novosilka"),
    CoarsePlace(37.15, 47.97, False, "Kurakhove west"),
    CoarsePlace(37.15, 48.18, False, "Pokrovsk south"),
    CoarsePlace(37.35, 48.28, False, "Pokrovsk east"),
    CoarsePlace(37.85, 48.38, False, "Toretsk"),
    CoarsePlace(37.83, 48.58, False, "Chasiv Yar"),
    CoarsePlace(37.95, 48.72, False, "Bakhmut north-west"),
    CoarsePlace(38.12, 48.86, False, "Siversk"),
    CoarsePlace(38.07, 48.95, False, "Dronivka"),
    CoarsePlace(37.98, 49.03, False, "Torske"),
    CoarsePlace(38.05, 49.25, False, "Makiivka"),
    CoarsePlace(37.95, 49.45, False, "Svatove west"),
    CoarsePlace(37.75, 49.68, False, "Kupiansk east"),
    CoarsePlace(37.68, 49.85, False, "Dvorichna"),
    CoarsePlace(37.72, 50.05, False, "Topoli"),
    CoarsePlace(36.94, 50.30, False, "Vovchansk"),
    CoarsePlace(36.45, 50.28, False, "Lyptsi north"),
)

LAND_SHIFT_M: Final = 3_000.0
WATER_SHIFT_M: Final = 600.0
MOVE_M_MAX: Final = 2_500.0
LAND_SWAY: Final = 0.40
WATER_SWAY: Final = 0.14
LAND_PIECE_M: Final = 240.0
WATER_PIECE_M: Final = 220.0

SECTOR_NAMES: Final = (
    ("Kinburn", "Кінбурн", "Кинбурн"),
    ("Kherson", "Херсон", "Херсон"),
    ("Antonivka", "Антонівка", "Антоновка"),
    ("Beryslav", "Берислав", "Берислав"),
    ("Novovorontsovka", "Нововоронцовка", "Нововоронцовка"),
    ("Nikopol", "Нікополь", "Никополь"),
    ("Enerhodar", "Енергодар", "Энергодар"),
    ("Kamianske", "Кам’янське", "Каменское"),
    ("Orikhiv", "Оріхів", "Орехов"),
    ("Huliaipole", "Гуляйполе", "Гуляйполе"),
    ("Temyrivka", "Темирівка", "Темировка"),
    ("Velyka Novosilka", "Велика Новосілка", "Великая Новосёлка"),
    ("Kurakhove", "Курахове", "Курахово"),
    ("Pokrovsk", "Покровськ", "Покровск"),
    ("Toretsk", "Торецьк", "Торецк"),
    ("Chasiv Yar", "Часів Яр", "Часов Яр"),
    ("Siversk", "Сіверськ", "Северск"),
    ("Torske", "Торське", "Торское"),
    ("Svatove", "Сватове", "Сватово"),
    ("Kupiansk", "Куп’янськ", "Купянск"),
    ("Dvorichna", "Дворічна", "Двуречная"),
    ("Topoli", "Тополі", "Тополи"),
    ("Vovchansk", "Вовчанськ", "Волчанск"),
    ("Lyptsi", "Липці", "Липцы"),
)
"""English, Ukrainian, Russian, from the south-west; the number of a sector is its place here, for ever."""


def make_line() -> ContactLine:
    """The illustrative line: 1,200 km, about 5,000 vertices, walked from south-west to north-east, A on the
    left."""
    lon, lat = (np.array([getattr(place, axis) for place in COARSE_PLACES]) for axis in ("lon", "lat"))
    frame = Frame.fit(lon, lat)
    x, y = frame.forward(lon, lat)
    rng = random.Random(SEED)  # noqa: S311  a landscape, not a secret
    for idx, place in enumerate(COARSE_PLACES):
        shift_m = WATER_SHIFT_M if place.on_water else LAND_SHIFT_M
        x[idx] += rng.uniform(-shift_m, shift_m)
        y[idx] += rng.uniform(-shift_m, shift_m)
    stretches = [
        Stretch(
            x0=float(x[idx]),
            y0=float(y[idx]),
            x1=float(x[idx + 1]),
            y1=float(y[idx + 1]),
            sway=WATER_SWAY if place.on_water else LAND_SWAY,
            move_m_max=MOVE_M_MAX,
            piece_m=WATER_PIECE_M if place.on_water else LAND_PIECE_M,
        )
        for idx, place in enumerate(COARSE_PLACES[:-1])
    ]
    line_lon, line_lat = wander(stretches, frame, LENGTH_M, SEED)
    vertices = tuple(zip(line_lon.tolist(), line_lat.tolist(), strict=True))
    return ContactLine.from_draft(LineDraft(vertices, "illustrative line", "A", 0.0, "generator"))


def make_sectors(line: ContactLine) -> Sectors:
    """Sectors S01 to S24: equal stretches of the illustrative line, reaching at least 30 km to each side."""
    count = len(SECTOR_NAMES)
    bounds = np.linspace(0.0, line.length_m, count + 1).round(3)
    names = [dict(zip(("en", "uk", "ru"), name, strict=True)) for name in SECTOR_NAMES]
    ids = [f"S{number:02d}" for number in range(1, count + 1)]
    return Sectors(ids, names, polygons_along(line, bounds), bounds[:-1], bounds[1:])


def main(folder: Path = DATA) -> None:
    """Writes `line.geojson` and `sectors.geojson` into `folder`, always with the same bytes."""
    line = make_line()
    _write(folder / "line.geojson", line.to_geojson())
    sectors = make_sectors(line).to_geojson()
    _write(folder / "sectors.geojson", sectors)


def _write(path: Path, document: dict[str, object]) -> None:
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    # A line of text a vertex or feature would bloat diffs; one a feature keeps them readable.
    path.write_text(text.replace('},{"geometry"', '},\n{"geometry"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
    sys.stdout.write(f"wrote line.geojson and sectors.geojson to {DATA}\n")
