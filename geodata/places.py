"""Names for places: the settlement nearest to where something happened, in the reader's language."""

import json
from functools import cache
from importlib import resources
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geodata.segments import GEOD

LANGUAGES: Final = ("en", "uk", "ru")


class Places(NamedTuple):
    """Settlements, all of length p: `lon`, `lat` (degrees), `population`, and `names` by language."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    population: NDArray[np.int64]
    names: dict[str, tuple[str, ...]]
    attribution: str

    def nearest(self, lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Position of the nearest settlement to each place and its geodesic distance (m), shape (n,).

        The first of equals; -1 and NaN for what is no place.

        >>> idx, distance_m = packaged_places().nearest([37.80], [48.01])
        >>> packaged_places().names["en"][idx[0]]
        'Donetsk'
        """
        lon_deg, lat_deg = (
            np.atleast_1d(np.asarray(lon, np.float64)),
            np.atleast_1d(np.asarray(lat, np.float64)),
        )
        idx = np.full(len(lon_deg), -1, dtype=np.int64)
        distance_m = np.full(len(lon_deg), np.nan)
        at = np.flatnonzero((np.abs(lon_deg) <= 360.0) & (np.abs(lat_deg) <= 90.0))
        settlements = _unit_vectors(self.lon, self.lat)
        for begin in range(0, len(at), 65_536):
            block = at[begin : begin + 65_536]
            idx[block] = np.argmax(_unit_vectors(lon_deg[block], lat_deg[block]) @ settlements.T, axis=1)
        distance_m[at] = GEOD.inv(lon_deg[at], lat_deg[at], self.lon[idx[at]], self.lat[idx[at]])[2]
        return idx, distance_m


@cache
def packaged_places() -> Places:
    """The settlements around the packaged line."""
    text = resources.files("geodata").joinpath("data/places.json").read_text(encoding="utf-8")
    document = json.loads(text)
    stated = document["places"]
    return Places(
        lon=np.array([place["lon"] for place in stated], dtype=np.float64),
        lat=np.array([place["lat"] for place in stated], dtype=np.float64),
        population=np.array([place["population"] for place in stated], dtype=np.int64),
        names={lang: tuple(place["names"][lang] for place in stated) for lang in LANGUAGES},
        attribution=document["attribution"],
    )


def _unit_vectors(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    lam, phi = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)
