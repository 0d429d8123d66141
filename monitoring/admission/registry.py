"""The registry of sensors: who may report, from when to when, and where a fixed post stands."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import schema
from monitoring.decode.timestamps import parse_one

_ID_FORM: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,62}[A-Za-z0-9])?", re.ASCII)
_KEYS: Final = frozenset(
    {
        "id",
        "type",
        "lon",
        "lat",
        "alt_m",
        "host_side",
        "sigma_m",
        "detection_prob",
        "reach_m",
        "valid_from",
        "valid_to",
    }
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_BEGINNING, _END = -(2**63), 2**63 - 1


@dataclass(frozen=True)
class Sensor:
    """One registered sensor. Without `lon`, `lat` it has no fixed post; without validity it holds for ever.

    `host_side` is the side it stands on (`A`, `B`, None). Its operator declares `sigma_m`, the standard
    deviation per axis, and `detection_prob`, how likely one look notices what is well within range, and `reach_m`, how
    far it notices anything at all. It counts for events with `valid_from_ns` <= time < `valid_to_ns`.
    """

    id: str
    type: str
    lon: float | None = None
    lat: float | None = None
    alt_m: float | None = None
    host_side: str | None = None
    sigma_m: float | None = None
    valid_from_ns: int | None = None
    valid_to_ns: int | None = None
    detection_prob: float | None = None
    reach_m: float | None = None

    def __post_init__(self) -> None:
        """Raises ValueError naming sensor and field."""
        if not isinstance(self.id, str) or _ID_FORM.fullmatch(self.id) is None:
            self._refuse("id", "1-64 of A-Z a-z 0-9 . _ : -, letters or digits at both ends")
        if self.type not in schema.SENSOR_TYPES:
            self._refuse("type", f"{str(self.type)[:40]!r} is none of {', '.join(schema.SENSOR_TYPES)}")
        if (self.lon is None) != (self.lat is None):
            self._refuse("lon", "lon and lat go together")
        for name, limit in (("lon", 180.0), ("lat", 90.0), ("alt_m", 1e5)):
            value = getattr(self, name)
            if value is not None and not (_is_number(value) and abs(value) <= limit):
                self._refuse(name, f"{str(value)[:40]!r} is not a number within {limit:g}")
        if self.sigma_m is not None and not (_is_number(self.sigma_m) and 0 < self.sigma_m <= 50_000):
            self._refuse("sigma_m", "above 0, at most 50,000")
        if self.detection_prob is not None and not (
            _is_number(self.detection_prob) and 0 < self.detection_prob <= 1
        ):
            self._refuse("detection_prob", "above 0, at most 1")
        if self.reach_m is not None and not (_is_number(self.reach_m) and 0 < self.reach_m <= 1_000_000):
            self._refuse("reach_m", "above 0, at most 1,000,000")
        if self.host_side not in {None, "A", "B"}:
            self._refuse("host_side", "A, B or none")
        begin = _BEGINNING if self.valid_from_ns is None else self.valid_from_ns
        if self.valid_to_ns is not None and begin >= self.valid_to_ns:
            self._refuse("valid_to", "not after valid_from")

    def _refuse(self, name: str, why: str) -> None:
        raise ValueError(f"sensor {str(self.id)[:64]!r}: {name}: {why}")

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """A sensor from `{"id", "type"[, "lon", "lat", "alt_m", "host_side", "sigma_m", "detection_prob", …]}`.

        Raises ValueError naming sensor and field, also for a key that is none.

        >>> Sensor.from_json({"id": "GS-017", "type": "geophone"}).host_side is None
        True
        """
        if not isinstance(record, Mapping):
            raise ValueError("a sensor is an object with id and type")  # noqa: TRY004  # one kind of failure
        name = record.get("id")
        unknown = sorted(set(record) - _KEYS)
        if unknown:
            raise ValueError(f"sensor {str(name)[:64]!r}: {str(unknown[0])[:40]!r} is no field of a sensor")
        for required in ("id", "type"):
            if record.get(required) is None:
                raise ValueError(f"sensor {str(name)[:64]!r}: {required}: is required")
        host_side = record.get("host_side")
        return cls(
            id=record["id"],
            type=record["type"],
            lon=record.get("lon"),
            lat=record.get("lat"),
            alt_m=record.get("alt_m"),
            host_side=None if host_side == "none" else host_side,
            sigma_m=record.get("sigma_m"),
            detection_prob=record.get("detection_prob"),
            reach_m=record.get("reach_m"),
            valid_from_ns=_time_of(record, "valid_from"),
            valid_to_ns=_time_of(record, "valid_to"),
        )

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads; absent fields are left out."""
        fields = {
            "id": self.id,
            "type": self.type,
            "lon": self.lon,
            "lat": self.lat,
            "alt_m": self.alt_m,
            "host_side": self.host_side,
            "sigma_m": self.sigma_m,
            "detection_prob": self.detection_prob,
            "reach_m": self.reach_m,
            "valid_from": _written(self.valid_from_ns),
            "valid_to": _written(self.valid_to_ns),
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Registry:
    """All sensors of a mission by id."""

    sensors: Mapping[str, Sensor] = field(default_factory=dict)

    @classmethod
    def of(cls, sensors: Iterable[Sensor]) -> Self:
        """A registry of these sensors; of two with one id the later counts."""
        return cls({sensor.id: sensor for sensor in sensors})

    def with_sensors(self, sensors: Iterable[Sensor]) -> Self:
        """The registry with these sensors added or changed."""
        return type(self)({**self.sensors, **{sensor.id: sensor for sensor in sensors}})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """A registry from `{"sensors": [...]}`. Raises ValueError naming sensor and field."""
        return cls.of(Sensor.from_json(record) for record in content["sensors"])

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads, sorted by id."""
        return {"sensors": [self.sensors[name].to_json() for name in sorted(self.sensors)]}

    def locate(self, sensor_ids: pa.Array) -> NDArray[np.int64]:
        """Position of each sensor in the order of `sensors`, -1 for an unknown one, shape (n,)."""
        if len(sensor_ids) == 0:
            return np.zeros(0, dtype=np.int64)
        encoded = sensor_ids.dictionary_encode()
        known = self._positions
        found = np.array([known.get(name, -1) for name in encoded.dictionary.to_pylist()], dtype=np.int64)
        return np.asarray(found[encoded.indices.to_numpy()], dtype=np.int64)

    def holds(self, position: NDArray[np.int64], time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the sensor at each position is known and its validity covers the time, shape (n,)."""
        if not self.sensors:
            return np.zeros(len(position), dtype=np.bool_)
        begin, end, _ = self._arrays
        is_inside = (time_ns >= begin[position]) & ((time_ns < end[position]) | (end[position] == _END))
        return np.asarray((position >= 0) & is_inside, dtype=np.bool_)

    def has_post(self, position: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether the sensor at each position has a fixed post, shape (n,); False for an unknown one."""
        if not self.sensors:
            return np.zeros(len(position), dtype=np.bool_)
        return np.asarray((position >= 0) & self._arrays[2][position], dtype=np.bool_)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.sensors)}

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        sensors = list(self.sensors.values())
        begins = [_BEGINNING if s.valid_from_ns is None else s.valid_from_ns for s in sensors]
        ends = [_END if s.valid_to_ns is None else s.valid_to_ns for s in sensors]
        return (
            np.array(begins, dtype=np.int64),
            np.array(ends, dtype=np.int64),
            np.array([s.lon is not None for s in sensors], dtype=np.bool_),
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124  # NaN


def _time_of(record: Mapping[str, Any], name: str) -> int | None:
    text = record.get(name)
    if text is None:
        return None
    outcome = parse_one(text) if isinstance(text, str) else ("type", "not a string")
    if isinstance(outcome, int):
        return outcome
    raise ValueError(f"sensor {str(record.get('id'))[:64]!r}: {name}: {outcome[1]}")


def _written(time_ns: int | None) -> str | None:
    if time_ns is None:
        return None
    seconds, rest = divmod(time_ns, 1_000_000_000)
    whole = (_EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{rest:09d}Z" if rest else f"{whole}Z"
