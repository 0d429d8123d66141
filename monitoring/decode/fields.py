"""The event record as data: one row per field of the contract, with its kind, bounds and reject reason.

Everything that must agree about a field reads this table: the decoders, the checks of values, the content
hash and the published JSON Schema.
"""

import enum
from dataclasses import dataclass
from functools import cache
from typing import Final

import pyarrow as pa

from monitoring import schema
from monitoring.events import WORDS


class Kind(enum.Enum):
    """What a field holds, and so how each format has to spell it."""

    ID = "id"
    TIME = "time"
    WORD = "word"
    REAL = "real"
    INTEGER = "integer"
    TRUTH = "truth"
    TEXT = "text"
    MEDIA = "media"


@dataclass(frozen=True)
class Field:
    """One field of the record. Bounds are inclusive unless `above` says the least value itself is out."""

    name: str
    kind: Kind
    meaning: str
    least: float | None = None
    most: float | None = None
    above: bool = False
    reason: str = "number_range"

    @property
    def column(self) -> str:
        """Its column in `schema.EVENT_FIELDS` (times are stored as nanoseconds)."""
        return f"{self.name}_ns" if self.kind is Kind.TIME else self.name

    @property
    def raw_type(self) -> pa.DataType:
        """The Arrow type of the field as written, before its value was checked."""
        return _RAW_TYPES[self.kind]


_RAW_TYPES: Final = {
    Kind.ID: pa.string(),
    Kind.TIME: pa.string(),
    Kind.WORD: pa.string(),
    Kind.REAL: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.TRUTH: pa.bool_(),
    Kind.TEXT: pa.string(),
    Kind.MEDIA: pa.string(),
}


def _real(name: str, meaning: str, least: float | None = None, most: float | None = None) -> Field:
    return Field(name, Kind.REAL, meaning, least, most)


def _longitude(name: str, meaning: str) -> Field:
    return Field(name, Kind.REAL, meaning, -180.0, 180.0, reason="coord_range")


def _latitude(name: str, meaning: str) -> Field:
    return Field(name, Kind.REAL, meaning, -90.0, 90.0, reason="coord_range")


def _sigma(name: str, meaning: str, most: float | None = None, above: bool = True) -> Field:
    return Field(name, Kind.REAL, meaning, 0.0, most, above, reason="sigma")


def _azimuth(name: str, meaning: str) -> Field:
    return _real(name, f"{meaning}, degrees clockwise from true north", 0.0, 360.0)


FIELDS: Final = (
    Field("sensor_id", Kind.ID, "the registered sensor that observed"),
    Field("id", Kind.ID, "unique per sensor; with sensor_id the key by which a repeat is recognised"),
    Field("time", Kind.TIME, "when it was observed"),
    Field("time_end", Kind.TIME, "when it ended, not before `time`"),
    _sigma("time_sigma_s", "standard deviation of `time`, seconds", above=False),
    Field("time_basis", Kind.WORD, "`source`: sound travel is already removed; `arrival`: it is not"),
    Field("kind", Kind.WORD, "what was observed"),
    _longitude("lon", "WGS 84 longitude, degrees"),
    _latitude("lat", "WGS 84 latitude, degrees"),
    _real("alt_m", "metres above the ellipsoid"),
    _sigma("sigma_m", "standard deviation of the position per axis, metres", 50_000.0),
    _sigma("sigma_major_m", "standard deviation along the major axis of the error ellipse, metres", 50_000.0),
    _sigma("sigma_minor_m", "standard deviation along the minor axis, metres", 50_000.0),
    _azimuth("sigma_azimuth_deg", "direction of the major axis"),
    _azimuth("bearing_deg", "direction from the observer to what was observed"),
    _sigma("bearing_sigma_deg", "standard deviation of the bearing, degrees", 180.0),
    _real("range_m", "distance from the observer, metres", 0.0),
    _sigma("range_sigma_m", "standard deviation of the range, metres"),
    _longitude("sensor_lon", "where the observer was, longitude, degrees"),
    _latitude("sensor_lat", "where the observer was, latitude, degrees"),
    _real("sensor_alt_m", "where the observer was, metres above the ellipsoid"),
    _sigma("sensor_sigma_m", "standard deviation of the observer's position, metres", above=False),
    Field("track_id", Kind.ID, "the track that a fix belongs to, unique per sensor"),
    Field("group_id", Kind.ID, "the sensor's own statement that its events are one happening"),
    Field("object_class", Kind.WORD, "what kind of object"),
    Field("affiliation", Kind.WORD, "whose, as the sensor judged it"),
    Field("count", Kind.INTEGER, "repetitions of `kind`, or objects", 1, 10_000),
    Field("count_is_minimum", Kind.TRUTH, "true = at least `count`"),
    Field("rounds", Kind.INTEGER, "rounds inside a burst", 1, 1_000_000),
    Field("calibre_mm", Kind.REAL, "calibre, millimetres", 0.0, 1_000.0, above=True),
    Field("direction", Kind.WORD, "outgoing or incoming fire, impact, airburst"),
    _azimuth("fire_azimuth_deg", "direction of fire"),
    _real("speed_mps", "speed over ground, metres a second", 0.0),
    _azimuth("heading_deg", "direction of movement"),
    _real("confidence", "the sensor's own confidence", 0.0, 1.0),
    _azimuth("fov_azimuth_deg", "middle of the field of view (in `heartbeat`)"),
    _real("fov_width_deg", "width of the field of view, degrees (in `heartbeat`)", 0.0, 360.0),
    _real("reach_m", "how far the sensor sees now, metres (in `heartbeat`)", 0.0),
    _real("clock_offset_s_min", "least offset of the sensor's clock, seconds (in `heartbeat`)"),
    _real("clock_offset_s_max", "greatest offset of the sensor's clock, seconds (in `heartbeat`)"),
    Field("seq", Kind.INTEGER, "counter of the sensor: gaps are missing evidence", 0),
    Field("boot", Kind.INTEGER, "restart number of the sensor", 0),
    Field("text", Kind.TEXT, "free text, kept verbatim and treated as hostile everywhere"),
    Field("media", Kind.MEDIA, "list of {sha256, type, uri}; never fetched"),
)
"""In the order of `schema.EVENT_FIELDS`."""

BY_NAME: Final = {field.name: field for field in FIELDS}
REQUIRED: Final = ("id", "sensor_id", "time", "kind")
"""Required of every record; a position is required of all but bearing-only and sensor status records."""
COLUMNAR: Final = {field.name: field.raw_type for field in FIELDS if field.kind is not Kind.MEDIA}
"""Fields that a columnar reader can take as they are."""
REASON_CODES: Final = {reason: code for code, reason in enumerate(schema.ROW_REASONS)}
FLAG_BITS: Final = {flag: 1 << bit for bit, flag in enumerate(schema.FLAGS)}

assert [field.column for field in FIELDS] == schema.EVENT_FIELDS.names[:-1], "FIELDS and EVENT_FIELDS differ"


@cache
def words_of(name: str) -> pa.StringArray:
    """The words of an enumeration as an Arrow array, in the order of their codes.

    Made at first use: Arrow loads pandas, where that is installed, with the first array it makes of Python values,
    and the small commands make none.
    """
    return pa.array(WORDS[name], type=pa.string())
