"""How exact the positions of events claim to be."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import events
from monitoring.agreement import Parameters


def position_sigma_m(table: pa.Table, parameters: Parameters) -> NDArray[np.float64]:
    """Standard deviation per axis of each event's position, in metres, shape (n,); 0 where positions are exact.

    What the event states (of an ellipse the longer half-axis), else the sensor's, else its type's default.
    """
    if parameters.is_exact:
        return np.zeros(table.num_rows)
    sigma_m = events.reals(table, "sigma_m")
    is_absent = np.isnan(sigma_m)
    if not is_absent.any():
        return sigma_m
    major_m = events.reals(table, "sigma_major_m")
    sensors = pc.dictionary_encode(table.column("sensor_id").combine_chunks())
    default_m = np.array([parameters.sigma_m(sensor) for sensor in sensors.dictionary.to_pylist()])
    of_sensor_m = default_m[sensors.indices.to_numpy(zero_copy_only=False)] if len(default_m) else sigma_m
    return np.where(is_absent, np.where(np.isnan(major_m), of_sensor_m, major_m), sigma_m)


def error_ellipse(
    table: pa.Table, sigma_m: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The shorter half-axis (metres) and the longer one's azimuth (degrees) of each event's error, (n,).

    `sigma_m` is the longer one (`position_sigma_m`); where the error is a circle, as stated or by default, the
    shorter one is as long and the azimuth is 0.
    """
    if table.column("sigma_major_m").null_count == table.num_rows:
        return sigma_m, np.zeros(table.num_rows)
    is_oval = np.isnan(events.reals(table, "sigma_m")) & (sigma_m > 0.0)
    minor_m, azimuth_deg = events.reals(table, "sigma_minor_m"), events.reals(table, "sigma_azimuth_deg")
    is_oval &= np.isfinite(minor_m + azimuth_deg + events.reals(table, "sigma_major_m"))
    return np.where(is_oval, minor_m, sigma_m), np.where(is_oval, azimuth_deg, 0.0)
