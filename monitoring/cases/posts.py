"""Who stands where: whether anybody but those who reported something could have confirmed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement import SensorFacts
from monitoring.incidents import geometry


@dataclass(frozen=True)
class Posts:
    """Registered sensors with a fixed post; arrays (n,)."""

    names: NDArray[np.object_]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]

    @classmethod
    def of(cls, sensors: Mapping[str, SensorFacts]) -> "Posts":
        """The posts of a registry; sensors without one are left out."""
        known = [(name, facts.lon, facts.lat) for name, facts in sensors.items() if facts.lon is not None]
        return cls(
            np.array([name for name, _, _ in known], dtype=object),
            np.array([lon for _, lon, _ in known], dtype=np.float64),
            np.array([lat for _, _, lat in known], dtype=np.float64),
        )

    def is_nobody_near(self, row: Mapping[str, Any], within_m: float) -> bool:
        """Whether no sensor but those of the finding (row of FINDINGS) has its post within a distance of it.

        >>> posts = Posts.of({"a": SensorFacts(lon=37.0, lat=48.0), "b": SensorFacts(lon=37.1, lat=48.0)})
        >>> finding = {"lon": 37.0, "lat": 48.0, "sensor_ids": ["a"]}
        >>> posts.is_nobody_near(finding, 1_000.0), posts.is_nobody_near(finding, 9_000.0)
        (True, False)
        """
        if row["lon"] is None or row["lat"] is None:
            return True
        here = np.full(len(self.lon), row["lon"]), np.full(len(self.lon), row["lat"])
        east_m, north_m = geometry.offsets_m(*here, self.lon, self.lat)
        others = self.names[np.hypot(east_m, north_m) <= within_m].tolist()
        return not set(others) - set(row["sensor_ids"])
