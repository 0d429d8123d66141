# ruff: noqa: ARG002
"""What the agreement, and the notices given under it, allow at a place and time: the exculpation paths.

Every question is asked for many places at once; `permission` asks it for one. Places are degrees, instants int64
ns UTC, shape (n,). Who acts is a word of `schema.AFFILIATIONS` (`A`, `B`, `civilian`, `monitor`) or None where
nobody said; contradicting statements are for the caller to keep out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Instants = NDArray[np.int64]
Codes = NDArray[np.int8]


@dataclass(frozen=True)
class Permission:
    """What excuses a happening: crossing point or activity `id` of a `kind`, by `clause`; `reason` in words."""

    id: str
    kind: str
    clause: str
    reason: str


class Depths(NamedTuple):
    """Per place the zone that it is deepest in: `idx` in `Terms.zones`, and metres inside its edge, both (n,).

    Where no zone of the purpose is in force -1 and -inf; outside all of them the nearest one and a negative depth.
    """

    idx: Instants
    depth_m: Reals


class Near(NamedTuple):
    """Per place the nearest protected place within reach: `idx` in `Terms.protected_places` (-1 = none) and metres
    to its edge, 0 inside (inf = none), both (n,)."""

    idx: Instants
    distance_m: Reals


class Terms:
    """The questions rules ask of agreement and notices."""

    def permissions_at(
        self,
        rule_id: str,
        lon: Reals,
        lat: Reals,
        from_ns: Instants,
        to_ns: Instants,
        object_class: Codes,
        party: Codes,
        sigma_m: Reals,
    ) -> list[Permission | None]:
        """What excuses each of n happenings from a rule; None where nothing does.

        `object_class` and `party` are positions in `schema.OBJECT_CLASSES` and `schema.AFFILIATIONS`, -1 = not
        stated; `sigma_m` is the standard deviation of the place per axis.
        """
        return [None] * len(lon)

    def permission(
        self,
        rule_id: str,
        lon: float,
        lat: float,
        from_ns: int,
        to_ns: int,
        object_class: str | None,
        party: str | None,
        sigma_m: float,
    ) -> Permission | None:
        """What excuses one happening from a rule, or None."""
        return None

    def zones_at(self, purpose: str, lon: Reals, lat: Reals, time_ns: Instants) -> Depths:
        """The zone of a purpose (`disengagement_area`, `exercise_range`, `no_fly`, `other`) that each place is in."""
        n = len(lon)
        return Depths(np.full(n, -1, dtype=np.int64), np.full(n, -np.inf))

    def protected_near(self, lon: Reals, lat: Reals, time_ns: Instants, within_m: float) -> Near:
        """The protected place (settlement, water, power, school, hospital) next to each place."""
        n = len(lon)
        return Near(np.full(n, -1, dtype=np.int64), np.full(n, np.inf))

    def is_own_aircraft(
        self, sensor_ids: Sequence[str], track_ids: Sequence[str | None], time_ns: Instants
    ) -> NDArray[np.bool_]:
        """Whether each track is that of an aircraft of the monitors, (n,)."""
        return np.zeros(len(time_ns), dtype=bool)
