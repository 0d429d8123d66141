"""The agreement's values that decide what counts as a happening and which rule it breaks."""

from dataclasses import dataclass, field
from typing import Final

from monitoring import schema
from monitoring.agreement import Agreement

_WEAPONS_M: Final = {"tank": 15_000.0, "mortar": 15_000.0, "artillery": 25_000.0, "mlrs": 35_000.0}
_AIRCRAFT_M: Final = {"uav_small": 15_000.0, "uav_large": 15_000.0}

_OF_ITS_OWN: Final = {
    "missed_count": "sensor_outage.missed_count",
    "build_up_window_s": "force_build_up.window_s",
    "build_up_least": "force_build_up.objects_least",
    "build_up_prior": "force_build_up.prior_objects",
    "build_up_per_year": "force_build_up.false_alarms_per_year",
}
"""Terms that are read where the agreement has them, each with its key."""


@dataclass(frozen=True)
class Terms:
    """Values by hand of the line are indexed `[hand]`: +1 left, -1 right (metres, seconds)."""

    buffer_left_m: float = 2_000.0
    buffer_right_m: float = 2_000.0
    dwell_s: float = 30.0
    zone_left_m: float = 30_000.0
    zone_right_m: float = 30_000.0
    fire_gap_s: float = 600.0
    fire_move_m: float = 1_000.0
    excursion_s: float = 21_600.0
    weapon_left_m: dict[str, float] = field(default_factory=lambda: dict(_WEAPONS_M))
    weapon_right_m: dict[str, float] = field(default_factory=lambda: dict(_WEAPONS_M))
    """How near to the line no weapon of a class may be, by whose it is (figures of earlier withdrawals)."""
    air_left_m: dict[str, float] = field(default_factory=lambda: dict(_AIRCRAFT_M))
    air_right_m: dict[str, float] = field(default_factory=lambda: dict(_AIRCRAFT_M))
    """How near to the line no aircraft of a class may fly, by the side it is over."""
    missed_count: float = 2.0
    """How many reports of health in a row a silent post has missed before anybody can know."""
    build_up_window_s: float = 21_600.0
    build_up_least: float = 6.0
    build_up_prior: float = 2.0
    build_up_per_year: float = 1.0
    """What makes a build-up, as in the section `force_build_up` (see `build_ups`)."""
    rule_ids: tuple[str, ...] = ("line_crossing", "buffer_incursion", "ceasefire_fire")
    """The rules for which the agreement has a clause: only these can be broken in the score."""
    agreement_version: str = ""

    @classmethod
    def of(cls, agreement: Agreement, time_ns: int, left_side: str) -> "Terms":
        """The terms in force at `time_ns` (the simulation holds them for the whole scenario)."""
        right_side = "B" if left_side == "A" else "A"
        width = agreement.value("buffer_incursion.width_m", time_ns)
        zone = agreement.value("ceasefire_fire.zone_m", time_ns)
        weapons, air = (
            agreement.value(key, time_ns) if agreement.has(key) else {"A": default, "B": default}
            for key, default in (
                ("heavy_weapon_zone.distance_m", _WEAPONS_M),
                ("air_violation.depth_m", _AIRCRAFT_M),
            )
        )
        return cls(
            weapon_left_m=weapons[left_side],
            weapon_right_m=weapons[right_side],
            air_left_m=air[left_side],
            air_right_m=air[right_side],
            buffer_left_m=width[left_side],
            buffer_right_m=width[right_side],
            dwell_s=agreement.number("buffer_incursion.dwell_s", time_ns),
            zone_left_m=zone[left_side],
            zone_right_m=zone[right_side],
            fire_gap_s=agreement.number("association.gap_s", time_ns),
            fire_move_m=agreement.number("association.move_m", time_ns),
            excursion_s=agreement.number("association.excursion_s", time_ns),
            **{
                name: agreement.number(key, time_ns)
                for name, key in _OF_ITS_OWN.items()
                if agreement.has(key)
            },
            rule_ids=tuple(rule for rule in schema.RULE_IDS if agreement.clause(rule) is not None),
            agreement_version=agreement.version,
        )
