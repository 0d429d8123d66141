"""The sensor catalogue: what each type of sensor can see, how well, and how it fails.

Plausible public figures, not those of any maker: range by what is seen, error, false alarms, timing. A
scenario chooses types and places; these are the types' own properties.
"""

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, kw_only=True)
class SensorModel:
    """One type of sensor.

    `range_m`: by object class or weapon, where the detection probability of one look has fallen to half of
    its best. `sigma_floor_m`, `sigma_range_frac`, `bearing_sigma_deg`: the standard deviation per axis is
    hypot(floor, frac * range) in range and the same, or the angle's share if larger, across. `look_s`: time
    between looks at a moving object.
    """

    range_m: dict[str, float] = field(default_factory=dict)
    p_best: float = 0.95
    look_s: float = 10.0
    sigma_floor_m: float = 20.0
    sigma_range_frac: float = 0.0
    bearing_sigma_deg: float = 0.0
    bearing_only_frac: float = 0.0
    false_alarms_per_day: float = 0.0
    false_kind: str = ""
    latency_s: tuple[float, float] = (1.0, 4.0)
    time_sigma_s: float = 0.05
    is_acoustic: bool = False
    arrival_time_frac: float = 0.0
    is_airborne: bool = False
    sees_tracks: bool = False
    sees_fire: bool = False
    class_known_frac: float = 0.9
    affiliation_known_frac: float = 0.0
    heartbeat_s: float = 7_200.0
    fov_width_deg: float = 360.0
    stores_and_forwards: bool = True
    id_prefix: str = "X"


_VEHICLES: Final = ("light_vehicle", "armoured_vehicle", "tank", "artillery", "mlrs", "mortar")


def _ranges(
    person: float = 0,
    group: float = 0,
    vehicle: float = 0,
    tank: float = 0,
    uav_small: float = 0,
    uav_large: float = 0,
    animal: float = 0,
    digging: float = 0,
) -> dict[str, float]:
    named = {"person": person, "group": group or person, **dict.fromkeys(_VEHICLES, vehicle)}
    named |= {"uav_small": uav_small, "uav_large": uav_large, "animal": animal, "digging": digging}
    if tank:
        named |= dict.fromkeys(("armoured_vehicle", "tank", "artillery", "mlrs"), tank)
    return {name: value for name, value in named.items() if value > 0}


def _fire(**by_weapon: float) -> dict[str, float]:
    return dict(by_weapon)


CATALOGUE: Final[dict[str, SensorModel]] = {
    "acoustic_artillery": SensorModel(
        range_m=_fire(
            mortar=8_000,
            artillery=15_000,
            mlrs=18_000,
            tank=10_000,
            impact=14_000,
            blast=12_000,
            thunder=14_000,
            fireworks=3_000,
        ),
        p_best=0.9,
        sigma_floor_m=60,
        sigma_range_frac=0.015,
        false_alarms_per_day=2.0,
        false_kind="explosion",
        latency_s=(2, 20),
        time_sigma_s=0.3,
        is_acoustic=True,
        arrival_time_frac=0.5,
        sees_fire=True,
        id_prefix="AA",
    ),
    "acoustic_uav": SensorModel(
        range_m=_ranges(uav_small=2_500, uav_large=5_000),
        p_best=0.85,
        sigma_floor_m=350,
        sigma_range_frac=0.05,
        false_alarms_per_day=1.0,
        false_kind="sighting",
        latency_s=(2, 10),
        time_sigma_s=2.0,
        is_acoustic=True,
        sees_tracks=True,
        class_known_frac=0.7,
        id_prefix="AU",
    ),
    "acoustic_small_arms": SensorModel(
        range_m=_fire(small_arms=1_400, fireworks=1_400),
        p_best=0.95,
        sigma_floor_m=12,
        sigma_range_frac=0.005,
        false_alarms_per_day=0.3,
        false_kind="shot",
        latency_s=(2, 50),
        time_sigma_s=0.1,
        is_acoustic=True,
        arrival_time_frac=0.2,
        sees_fire=True,
        id_prefix="AS",
    ),
    "geophone": SensorModel(
        range_m=_ranges(person=30, group=50, vehicle=400, tank=500, animal=60, digging=500),
        p_best=0.9,
        sigma_floor_m=20,
        false_alarms_per_day=1.0,
        false_kind="sighting",
        latency_s=(1, 5),
        sees_tracks=True,
        sees_fire=True,
        class_known_frac=0.4,
        heartbeat_s=14_400,
        id_prefix="GP",
    ),
    "seismic_array": SensorModel(
        range_m=_fire(artillery=60_000, mlrs=80_000, blast=120_000, impact=50_000),
        p_best=0.12,
        sigma_floor_m=2_500,
        sigma_range_frac=0.01,
        false_alarms_per_day=0.5,
        false_kind="explosion",
        latency_s=(600, 900),
        time_sigma_s=2.0,
        sees_fire=True,
        heartbeat_s=3_600,
        id_prefix="SA",
    ),
    "ground_radar": SensorModel(
        range_m=_ranges(
            person=8_000,
            group=11_000,
            vehicle=16_000,
            tank=20_000,
            uav_small=5_000,
            uav_large=12_000,
            animal=6_000,
        ),
        p_best=0.93,
        look_s=12,
        sigma_floor_m=10,
        bearing_sigma_deg=0.4,
        false_alarms_per_day=5.0,
        false_kind="track",
        latency_s=(1, 4),
        sees_tracks=True,
        class_known_frac=0.85,
        affiliation_known_frac=0.5,
        heartbeat_s=3_600,
        fov_width_deg=180,
        id_prefix="GR",
    ),
    "eo_ir_tower": SensorModel(
        range_m=_ranges(
            person=4_000,
            group=5_000,
            vehicle=9_000,
            tank=11_000,
            uav_small=2_500,
            uav_large=6_000,
            animal=3_000,
            digging=5_000,
        )
        | _fire(flare=9_000),
        p_best=0.92,
        look_s=10,
        sigma_floor_m=12,
        sigma_range_frac=0.002,
        bearing_sigma_deg=0.1,
        bearing_only_frac=0.1,
        false_alarms_per_day=0.5,
        false_kind="sighting",
        latency_s=(1, 5),
        sees_tracks=True,
        sees_fire=True,
        class_known_frac=0.95,
        affiliation_known_frac=0.9,
        heartbeat_s=3_600,
        fov_width_deg=220,
        id_prefix="ET",
    ),
    "fibre_das": SensorModel(
        range_m=_ranges(person=1_500, group=2_000, vehicle=3_000, tank=3_500, animal=1_200, digging=2_000),
        p_best=0.9,
        sigma_floor_m=10,
        sigma_range_frac=0.004,
        false_alarms_per_day=2.0,
        false_kind="sighting",
        sees_tracks=True,
        sees_fire=True,
        class_known_frac=0.5,
        heartbeat_s=3_600,
        id_prefix="FD",
    ),
    "rf_direction_finder": SensorModel(
        range_m=_ranges(uav_small=9_000, uav_large=20_000),
        p_best=0.7,
        look_s=20,
        bearing_sigma_deg=2.5,
        bearing_only_frac=1.0,
        false_alarms_per_day=1.0,
        false_kind="bearing",
        sees_tracks=True,
        class_known_frac=0.6,
        id_prefix="RF",
    ),
    "uav_eo_ir": SensorModel(
        range_m=_ranges(person=4_000, group=5_000, vehicle=8_000, tank=9_000, animal=3_000, digging=6_000),
        p_best=0.93,
        look_s=8,
        sigma_floor_m=10,
        sigma_range_frac=0.0015,
        false_alarms_per_day=0.3,
        false_kind="sighting",
        latency_s=(1, 10),
        is_airborne=True,
        sees_tracks=True,
        sees_fire=True,
        class_known_frac=0.97,
        affiliation_known_frac=0.95,
        heartbeat_s=600,
        id_prefix="UE",
    ),
    "uav_sar_gmti": SensorModel(
        range_m=_ranges(vehicle=25_000, tank=30_000),
        p_best=0.85,
        look_s=30,
        sigma_floor_m=20,
        sigma_range_frac=0.001,
        false_alarms_per_day=2.0,
        false_kind="sighting",
        latency_s=(5, 40),
        is_airborne=True,
        sees_tracks=True,
        class_known_frac=0.5,
        affiliation_known_frac=0.2,
        heartbeat_s=600,
        id_prefix="UG",
    ),
    "counter_battery_radar": SensorModel(
        range_m=_fire(mortar=20_000, artillery=28_000, mlrs=40_000, tank=12_000),
        p_best=0.9,
        sigma_floor_m=25,
        sigma_range_frac=0.004,
        false_alarms_per_day=1.0,
        false_kind="launch",
        latency_s=(2, 10),
        sees_fire=True,
        heartbeat_s=3_600,
        fov_width_deg=120,
        id_prefix="CB",
    ),
    "muzzle_flash_ir": SensorModel(
        range_m=_fire(mortar=3_000, artillery=8_000, mlrs=9_000, tank=6_000, small_arms=2_000),
        p_best=0.7,
        bearing_sigma_deg=0.3,
        bearing_only_frac=1.0,
        false_alarms_per_day=0.5,
        false_kind="bearing",
        latency_s=(0.2, 1),
        time_sigma_s=0.01,
        sees_fire=True,
        id_prefix="MF",
    ),
    "magnetic": SensorModel(
        range_m=_ranges(vehicle=15, tank=25),
        p_best=0.95,
        sigma_floor_m=15,
        false_alarms_per_day=0.1,
        false_kind="sighting",
        sees_tracks=True,
        class_known_frac=0.3,
        heartbeat_s=14_400,
        id_prefix="MG",
    ),
    "human_report": SensorModel(
        range_m=_fire(
            mortar=6_000,
            artillery=8_000,
            mlrs=10_000,
            tank=6_000,
            small_arms=2_500,
            impact=6_000,
            flare=6_000,
            blast=6_000,
            fireworks=2_500,
            digging=3_000,
        ),
        p_best=0.75,
        sigma_floor_m=200,
        sigma_range_frac=0.06,
        false_alarms_per_day=0.1,
        false_kind="explosion",
        latency_s=(120, 1_500),
        time_sigma_s=30,
        is_acoustic=True,
        sees_fire=True,
        heartbeat_s=14_400,
        id_prefix="HR",
    ),
    "generic": SensorModel(id_prefix="XX"),
}
"""Sensor type → model."""
