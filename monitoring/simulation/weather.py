"""Weather as seeded fields: cells of the map and of time that have fog, or wind, or neither.

Weather is what makes misses come together: in one cell every camera is short-sighted at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.simulation.randomness import uniform_field
from monitoring.simulation.scenario import Weather
from monitoring.simulation.sensors import IS_ACOUSTIC, TYPES

Reals = NDArray[np.float64]
Indices = NDArray[np.int64]

IS_OPTICAL: Final = np.array([name in ("eo_ir_tower", "uav_eo_ir", "muzzle_flash_ir") for name in TYPES])
FOG_FACTOR: Final = 0.3
WIND_FACTOR: Final = 0.5
FIELD_FOG, FIELD_WIND = 40, 41
ROWS: Final = 100_000
"""Cells are numbered by column and row; more rows than any map has."""


@dataclass(frozen=True)
class WeatherField:
    """The weather of one run."""

    seed: int
    spec: Weather

    def range_factor(self, kind: Indices, x: Reals, y: Reals, t: Reals) -> Reals:
        """By how much the range of sensors of types `kind` at places x, y (m) and times t (s) is cut. (n,)."""
        factor = np.ones(len(kind))
        spec = self.spec
        if spec.fog_frac == 0.0 and spec.wind_frac == 0.0:
            return factor
        for is_touched, field, frac, cut in (
            (IS_OPTICAL, FIELD_FOG, spec.fog_frac, FOG_FACTOR),
            (IS_ACOUSTIC, FIELD_WIND, spec.wind_frac, WIND_FACTOR),
        ):
            idx = np.flatnonzero(is_touched[kind])
            bad = idx[self._lot(field, x[idx], y[idx], t[idx]) < frac]
            factor[bad] *= cut
        return factor

    def _lot(self, field: int, x: Reals, y: Reals, t: Reals) -> Reals:
        cell_m, cell_s = self.spec.cell_km * 1_000, self.spec.cell_h * 3_600
        cell = np.floor(x / cell_m).astype(np.int64) * ROWS + np.floor(y / cell_m).astype(np.int64)
        return uniform_field(self.seed, field, cell, np.floor(t / cell_s).astype(np.int64))
