"""Fire events as association reads them: in canonical order, each with a place, its error and a number.

Columns beside those of the event:

- `ordinal`: position in canonical order over everything ever fed, so that comparing ordinals is comparing
  (time, sensor, id) without touching a string;
- `at_lon`, `at_lat`: the place, computed from bearing and range where only these are given, null = no place;
- `var_e`, `cov_en`, `var_n`: its error (m²); `sigma_m_max`: along the worse axis;
- `run`: the run it belongs to (ordinal of the run's first event), -1 = none yet;
- `part`: the part of its activity, once that is decided (see `parts.decided`), -1 = not yet.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events, schema
from monitoring.agreement import SensorFacts
from monitoring.incidents import geometry

EVENT_COLUMNS: Final = (
    "journal_seq",
    "row",
    "sensor_id",
    "id",
    "time_ns",
    "time_sigma_s",
    "time_basis",
    "kind",
    "bearing_deg",
    "bearing_sigma_deg",
    "group_id",
    "affiliation",
    "count",
    "count_is_minimum",
    "rounds",
    "direction",
    "object_class",
    "calibre_mm",
    "fire_azimuth_deg",
    "confidence",
)
STRIDE: Final = 1 << 20
"""Ordinals of consecutive events are so far apart that late events find a place between them."""
ROWS: Final = pa.schema(
    [
        *(schema.PLACED_EVENTS.field(name) for name in EVENT_COLUMNS),
        pa.field("ordinal", pa.int64(), nullable=False),
        pa.field("at_lon", pa.float64()),
        pa.field("at_lat", pa.float64()),
        pa.field("var_e", pa.float64()),
        pa.field("cov_en", pa.float64()),
        pa.field("var_n", pa.float64()),
        pa.field("sigma_m_max", pa.float64()),
        pa.field("from_lon", pa.float64()),
        pa.field("from_lat", pa.float64()),
        pa.field("run", pa.int64(), nullable=False),
        pa.field("part", pa.int64()),
    ]
)
_ARRIVAL: Final = schema.TIME_BASES.index("arrival")
_FIRE: Final = np.array([kind in schema.FIRE_KINDS for kind in schema.KINDS] + [False])


def read(placed: pa.Table, sensors: Mapping[str, SensorFacts], ordinal_next: int) -> pa.Table:
    """The fire events of `placed` as ROWS in canonical order, numbered from `ordinal_next` on."""
    fire = placed.filter(pa.array(_FIRE[events.codes(placed, "kind")]))
    fire = events.in_canonical_order(fire)
    from_lon, from_lat = _observer(fire, sensors)
    bearing_deg, range_m = events.reals(fire, "bearing_deg"), events.reals(fire, "range_m")
    lon, lat, polar = _places(fire, from_lon, from_lat)
    var_e, cov_en, var_n = _errors(fire, polar, bearing_deg, range_m)
    worst, _, _ = geometry.ellipse(var_e, cov_en, var_n)
    has_place = np.isfinite(lon) & np.isfinite(lat)
    columns = {
        "ordinal": pa.array(ordinal_next + STRIDE * np.arange(len(lon), dtype=np.int64)),
        "at_lon": _reals(np.where(has_place, lon, np.nan)),
        "at_lat": _reals(np.where(has_place, lat, np.nan)),
        "var_e": _reals(var_e),
        "cov_en": _reals(cov_en),
        "var_n": _reals(var_n),
        "sigma_m_max": _reals(worst),
        "from_lon": _reals(from_lon),
        "from_lat": _reals(from_lat),
        "run": pa.array(np.full(len(lon), -1, dtype=np.int64)),
        "part": pa.array(np.full(len(lon), -1, dtype=np.int64)),
    }
    arrays = [columns[name] if name in columns else fire.column(name).combine_chunks() for name in ROWS.names]
    return pa.Table.from_arrays(arrays, schema=ROWS)


def of_former_versions(rows: pa.Table) -> pa.Table:
    """ROWS of a snapshot of this or a former version; what that did not keep is null."""
    arrays = [
        rows.column(field.name) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in ROWS
    ]
    return pa.Table.from_arrays(arrays, schema=ROWS)


def anchors(fire: pa.Table, sensors: Mapping[str, SensorFacts]) -> tuple[geometry.Reals, geometry.Reals]:
    """Where each report of fire (EVENTS) bears on, degrees, (n,): its place, else that of its observer, else NaN."""
    from_lon, from_lat = _observer(fire, sensors)
    lon, lat, _ = _places(fire, from_lon, from_lat)
    has_place = np.isfinite(lon) & np.isfinite(lat)
    return np.where(has_place, lon, from_lon), np.where(has_place, lat, from_lat)


def is_arrival(rows: pa.Table) -> NDArray[np.bool_]:
    """Whether each report's time is that of arrival of the sound, (n,)."""
    return np.asarray(events.codes(rows, "time_basis") == _ARRIVAL)


def group_numbers(rows: pa.Table) -> NDArray[np.int64]:
    """Number of each report's (sensor, group), -1 = none; (n,)."""
    group = rows.column("group_id").combine_chunks()
    number = np.full(rows.num_rows, -1, dtype=np.int64)
    if group.null_count == len(group):
        return number
    named = np.flatnonzero(np.asarray(group.is_valid()))
    sensors = rows.column("sensor_id").combine_chunks().take(pa.array(named)).dictionary_encode()
    groups = group.take(pa.array(named)).dictionary_encode()
    number[named] = np.asarray(sensors.indices).astype(np.int64) * (len(groups.dictionary) + 1) + np.asarray(
        groups.indices
    )
    return number


def _places(
    fire: pa.Table, from_lon: geometry.Reals, from_lat: geometry.Reals
) -> tuple[geometry.Reals, geometry.Reals, NDArray[np.bool_]]:
    """Places as stated or from bearing and range, NaN where there are neither; and which are from bearing and range."""
    lon, lat = events.reals(fire, "lon"), events.reals(fire, "lat")
    bearing_deg, range_m = events.reals(fire, "bearing_deg"), events.reals(fire, "range_m")
    polar = ~np.isfinite(lon) & np.isfinite(bearing_deg) & np.isfinite(range_m) & np.isfinite(from_lon)
    east, north = range_m * np.sin(np.radians(bearing_deg)), range_m * np.cos(np.radians(bearing_deg))
    polar_lon, polar_lat = geometry.moved(from_lon, from_lat, east, north)
    return np.where(polar, polar_lon, lon), np.where(polar, polar_lat, lat), polar


def _observer(fire: pa.Table, sensors: Mapping[str, SensorFacts]) -> tuple[geometry.Reals, geometry.Reals]:
    """Where each event was observed from: as the event says, else the sensor's registered post, else NaN."""
    names = fire.column("sensor_id").combine_chunks().dictionary_encode()
    posts = [sensors.get(name) for name in names.dictionary.to_pylist()]
    which = np.asarray(names.indices)
    places = []
    for stated, registered in (("sensor_lon", "lon"), ("sensor_lat", "lat")):
        known = np.array([_known(post, registered) for post in posts], dtype=np.float64)
        own = events.reals(fire, stated)
        places.append(np.where(np.isfinite(own), own, known[which] if len(known) else own))
    return places[0], places[1]


def _known(post: SensorFacts | None, name: str) -> float:
    value = getattr(post, name) if post is not None else None
    return float("nan") if value is None else float(value)


def _errors(
    fire: pa.Table, polar: np.ndarray, bearing_deg: geometry.Reals, range_m: geometry.Reals
) -> tuple[geometry.Reals, geometry.Reals, geometry.Reals]:
    """Variances (m²) from the stated ellipse, else the stated or the type's sigma, else bearing and range errors."""
    sigma_m = events.reals(fire, "sigma_m")
    used_m = events.reals(fire, "sigma_used_m")
    sigma_m = np.where(np.isfinite(sigma_m), sigma_m, used_m)
    sigma_m = np.where(np.isfinite(sigma_m), sigma_m, schema.DEFAULT_SIGMA_M["generic"])
    major_m, minor_m = events.reals(fire, "sigma_major_m"), events.reals(fire, "sigma_minor_m")
    azimuth_deg = events.reals(fire, "sigma_azimuth_deg")
    is_ellipse = np.isfinite(major_m) & np.isfinite(minor_m) & np.isfinite(azimuth_deg)
    bearing_sigma_deg, range_sigma_m = (
        events.reals(fire, "bearing_sigma_deg"),
        events.reals(fire, "range_sigma_m"),
    )
    across_m = range_m * np.radians(np.where(np.isfinite(bearing_sigma_deg), bearing_sigma_deg, 1.0))
    along_m = np.where(np.isfinite(range_sigma_m), range_sigma_m, 0.02 * range_m)
    major = np.where(is_ellipse, np.fmax(major_m, minor_m), np.where(polar, along_m, sigma_m))
    minor = np.where(is_ellipse, np.fmin(major_m, minor_m), np.where(polar, across_m, sigma_m))
    azimuth = np.where(is_ellipse, azimuth_deg, np.where(polar, bearing_deg, 0.0))
    return geometry.covariance(np.maximum(major, 1.0), np.maximum(minor, 1.0), azimuth)


def _reals(values: geometry.Reals) -> pa.Array:
    return pa.array(values, from_pandas=True)
