"""The vocabulary of the whole system: enumerations, reason codes and the Arrow schemas at the steps' edges.

Every list here is append-only. Arrow dictionary codes are positions in these tuples and are written to
journals, archives and snapshots, so a word keeps its position for ever.
"""

from typing import Final

import pyarrow as pa

from monitoring import version

SCHEMA_VERSION: Final = 1
"""Version of the event record; additive changes only."""

ENGINE_VERSION: Final = version.ENGINE_VERSION
"""Written with every published result. It changes whenever the same journal would give other results."""

KINDS: Final = (
    "track",
    "sighting",
    "explosion",
    "shot",
    "burst",
    "projectile",
    "muzzle_flash",
    "flare",
    "launch",
    "works",
    "mine",
    "jamming",
    "access_denied",
    "heartbeat",
    "outage",
    "tamper",
)
FIRE_KINDS: Final = ("explosion", "shot", "burst", "projectile", "muzzle_flash", "flare", "launch")
"""Kinds that are recorded phenomena of fire: each one counts in `violations_smm`."""
STATUS_KINDS: Final = ("heartbeat", "outage", "tamper")
"""Kinds that speak of the sensor itself and therefore need no position."""
TIME_BASES: Final = ("source", "arrival")
OBJECT_CLASSES: Final = (
    "person",
    "group",
    "light_vehicle",
    "armoured_vehicle",
    "tank",
    "artillery",
    "mlrs",
    "mortar",
    "air_defence",
    "uav_small",
    "uav_large",
    "aircraft",
    "boat",
    "unknown",
)
AFFILIATIONS: Final = ("A", "B", "civilian", "monitor", "unknown")
FIRE_DIRECTIONS: Final = ("outgoing", "incoming", "impact", "airburst", "undetermined")
SENSOR_TYPES: Final = (
    "acoustic_artillery",
    "acoustic_uav",
    "acoustic_small_arms",
    "geophone",
    "seismic_array",
    "ground_radar",
    "eo_ir_tower",
    "fibre_das",
    "rf_direction_finder",
    "uav_eo_ir",
    "uav_sar_gmti",
    "counter_battery_radar",
    "muzzle_flash_ir",
    "magnetic",
    "human_report",
    "generic",
)
DEFAULT_SIGMA_M: Final = {
    "acoustic_artillery": 150.0,
    "acoustic_uav": 500.0,
    "acoustic_small_arms": 25.0,
    "geophone": 20.0,
    "seismic_array": 3_000.0,
    "ground_radar": 50.0,
    "eo_ir_tower": 50.0,
    "fibre_das": 10.0,
    "rf_direction_finder": 1_000.0,
    "uav_eo_ir": 20.0,
    "uav_sar_gmti": 50.0,
    "counter_battery_radar": 100.0,
    "muzzle_flash_ir": 500.0,
    "magnetic": 15.0,
    "human_report": 250.0,
    "generic": 25.0,
}
"""Standard deviation per axis, in metres, taken when an event states none (by sensor type)."""

ROW_REASONS: Final = (
    "json_syntax",
    "not_an_object",
    "encoding",
    "duplicate_key",
    "missing_field",
    "type",
    "non_finite",
    "number_range",
    "coord_range",
    "outside_area",
    "sigma",
    "id_format",
    "time_format",
    "time_zone",
    "time_range",
    "unknown_kind",
    "unknown_sensor",
    "too_long",
    "too_deep",
    "control_chars",
    "geometry_type",
    "csv_columns",
    "csv_syntax",
    "number_format",
    "clock_skew",
    "bad_signature",
    "id_conflict",
)
"""Why one row was refused. `id_conflict` is counted under `flagged` in receipts, the rest under `rejected`."""
FILE_REASONS: Final = (
    "empty",
    "encoding",
    "framing",
    "format",
    "schema",
    "csv_header",
    "csv_dialect",
    "truncated",
    "size_limit",
    "path_traversal",
    "crs",
    "line_invalid",
    "outside_area",
)
FLAGS: Final = ("late", "low_precision", "possible_duplicate", "bidi", "url_scheme")
"""Flags on accepted rows; bit i of an event's `flags` is FLAGS[i]."""

RULE_IDS: Final = (
    "line_crossing",
    "buffer_incursion",
    "ceasefire_fire",
    "cross_line_fire",
    "heavy_weapon_zone",
    "air_violation",
    "engineering_works",
    "force_build_up",
    "monitor_interference",
    "sensor_outage",
)
VERDICTS: Final = ("violation", "permitted", "undetermined")
RESULT_STATES: Final = ("provisional", "final", "withdrawn")
CASE_STATES: Final = (
    "filed",
    "triaged",
    "verifying",
    "verified",
    "not_substantiated",
    "inconclusive",
    "attribution_proposed",
    "with_party",
    "attributed",
    "unattributable",
    "remedy_determined",
    "compliance",
    "closed",
)
DECISION_KINDS: Final = ("finding_of_fact", "attribution", "remedy")


def _word() -> pa.DataType:
    return pa.dictionary(pa.int8(), pa.string())


_TEXT = pa.string()
_REAL = pa.float64()
_INT = pa.int64()

EVENT_FIELDS: Final = pa.schema(
    [
        pa.field("sensor_id", _TEXT, nullable=False),
        pa.field("id", _TEXT, nullable=False),
        pa.field("time_ns", _INT, nullable=False),
        pa.field("time_end_ns", _INT),
        pa.field("time_sigma_s", _REAL),
        pa.field("time_basis", _word()),
        pa.field("kind", _word(), nullable=False),
        pa.field("lon", _REAL),
        pa.field("lat", _REAL),
        pa.field("alt_m", _REAL),
        pa.field("sigma_m", _REAL),
        pa.field("sigma_major_m", _REAL),
        pa.field("sigma_minor_m", _REAL),
        pa.field("sigma_azimuth_deg", _REAL),
        pa.field("bearing_deg", _REAL),
        pa.field("bearing_sigma_deg", _REAL),
        pa.field("range_m", _REAL),
        pa.field("range_sigma_m", _REAL),
        pa.field("sensor_lon", _REAL),
        pa.field("sensor_lat", _REAL),
        pa.field("sensor_alt_m", _REAL),
        pa.field("sensor_sigma_m", _REAL),
        pa.field("track_id", _TEXT),
        pa.field("group_id", _TEXT),
        pa.field("object_class", _word()),
        pa.field("affiliation", _word()),
        pa.field("count", _INT),
        pa.field("count_is_minimum", pa.bool_()),
        pa.field("rounds", _INT),
        pa.field("calibre_mm", _REAL),
        pa.field("direction", _word()),
        pa.field("fire_azimuth_deg", _REAL),
        pa.field("speed_mps", _REAL),
        pa.field("heading_deg", _REAL),
        pa.field("confidence", _REAL),
        pa.field("fov_azimuth_deg", _REAL),
        pa.field("fov_width_deg", _REAL),
        pa.field("reach_m", _REAL),
        pa.field("clock_offset_s_min", _REAL),
        pa.field("clock_offset_s_max", _REAL),
        pa.field("seq", _INT),
        pa.field("boot", _INT),
        pa.field("text", _TEXT),
        pa.field("media", _TEXT),
        pa.field("extra", _TEXT),
    ]
)
"""One accepted observation as the decoders give it: the contract's fields in native types.

`time_ns`/`time_end_ns` are int64 nanoseconds UTC; `media` and `extra` (unknown fields) are canonical JSON text;
a null is an absent field. Word columns are dictionaries over the tuples above, whole and in their order, so that
a code is the word's position.
"""

EVENTS: Final = pa.schema(
    [
        pa.field("journal_seq", _INT, nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("flags", pa.uint16(), nullable=False),
        *EVENT_FIELDS,
    ]
)
"""An accepted event with its address: (`journal_seq`, `row` = 0-based position among the record's rows)."""

PLACE: Final = pa.schema(
    [
        pa.field("side", pa.int8(), nullable=False),
        pa.field("signed_distance_m", _REAL),
        pa.field("chainage_m", _REAL),
        pa.field("line_part", pa.int16(), nullable=False),
        pa.field("beyond_end", pa.int8(), nullable=False),
        pa.field("sector", _TEXT),
        pa.field("line_version", _TEXT),
        pa.field("sigma_used_m", _REAL),
    ]
)
"""Place facts: `side` +1 = A, -1 = B, 0 = not known; distance positive on side A; `beyond_end` 0 = within,
1 = start, 2 = end."""

PLACED_EVENTS: Final = pa.schema([*EVENTS, *PLACE])
"""What step S1 hands to S2."""

FINDINGS: Final = pa.schema(
    [
        pa.field("finding_id", _TEXT, nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("state", _TEXT, nullable=False),
        pa.field("rule_id", _TEXT, nullable=False),
        pa.field("clause", _TEXT),
        pa.field("verdict", _TEXT, nullable=False),
        pa.field("time_start_ns", _INT, nullable=False),
        pa.field("time_end_ns", _INT, nullable=False),
        pa.field("lon", _REAL),
        pa.field("lat", _REAL),
        pa.field("sigma_m", _REAL),
        pa.field("side", _TEXT),
        pa.field("direction", _TEXT),
        pa.field("distance_m", _REAL),
        pa.field("chainage_m", _REAL),
        pa.field("line_part", pa.int16()),
        pa.field("sector", _TEXT),
        pa.field("probability", _REAL),
        pa.field("confidence", _TEXT),
        pa.field("margin", _REAL),
        pa.field("margin_unit", _TEXT),
        pa.field("count", _INT),
        pa.field("count_is_minimum", pa.bool_()),
        pa.field("track_id", _TEXT),
        pa.field("object_class", _TEXT),
        pa.field("party", _TEXT),
        pa.field("incident_id", _TEXT),
        pa.field("subject_key", _TEXT, nullable=False),
        pa.field("sensor_ids", pa.list_(_TEXT), nullable=False),
        pa.field("event_ids", pa.list_(_TEXT), nullable=False),
        pa.field("line_version", _TEXT),
        pa.field("agreement_version", _TEXT),
        pa.field("engine_version", _TEXT, nullable=False),
        pa.field("reasons", pa.list_(_TEXT), nullable=False),
        pa.field("detail", _TEXT, nullable=False),
    ]
)
"""One rule's judgement on a track or an incident.

`side` is where it happened (`A`, `B`); `party` is whose forces (`A`, `B`, null = undetermined); `confidence` is a
word about the evidence base (`low`, `medium`, `high`); `event_ids` are `sensor_id/id`; `detail` is canonical JSON;
`subject_key` is what the rule judged (`track:<sensor_id>/<track_id>` or `incident:<incident_id>`).
"""

INCIDENTS: Final = pa.schema(
    [
        pa.field("incident_id", _TEXT, nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("state", _TEXT, nullable=False),
        pa.field("kind", _TEXT, nullable=False),
        pa.field("time_start_ns", _INT, nullable=False),
        pa.field("time_end_ns", _INT, nullable=False),
        pa.field("lon", _REAL),
        pa.field("lat", _REAL),
        pa.field("sigma_major_m", _REAL),
        pa.field("sigma_minor_m", _REAL),
        pa.field("sigma_azimuth_deg", _REAL),
        pa.field("side", _TEXT),
        pa.field("signed_distance_m", _REAL),
        pa.field("chainage_m", _REAL),
        pa.field("line_part", pa.int16()),
        pa.field("sector", _TEXT),
        pa.field("line_version", _TEXT),
        pa.field("party", _TEXT),
        pa.field("violations_smm", _INT),
        pa.field("rounds_least", _INT),
        pa.field("rounds_best", _INT),
        pa.field("count_is_minimum", pa.bool_()),
        pa.field("phenomena", _TEXT, nullable=False),
        pa.field("event_count", _INT, nullable=False),
        pa.field("sensor_ids", pa.list_(_TEXT), nullable=False),
        pa.field("confidence", _TEXT),
        pa.field("summary", _TEXT, nullable=False),
        pa.field("engine_version", _TEXT, nullable=False),
        pa.field("detail", _TEXT, nullable=False),
    ]
)
"""The events that are one happening. `kind` is `fire` or `movement`; `phenomena` is JSON kind → count."""

MEMBERS: Final = pa.schema(
    [
        pa.field("incident_id", _TEXT, nullable=False),
        pa.field("sensor_id", _TEXT, nullable=False),
        pa.field("id", _TEXT, nullable=False),
        pa.field("journal_seq", _INT, nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("phenomenon", pa.int32(), nullable=False),
        pa.field("residual_m", _REAL),
    ]
)
"""Which event belongs to which incident, with its number of phenomenon inside it and its distance from it."""

FILINGS: Final = pa.schema(
    [
        pa.field("action", _TEXT, nullable=False),
        pa.field("case_number", _TEXT, nullable=False),
        pa.field("finding_id", _TEXT, nullable=False),
        pa.field("finding_revision", pa.int32(), nullable=False),
        pa.field("incident_id", _TEXT),
        pa.field("rule_id", _TEXT, nullable=False),
        pa.field("party", _TEXT),
        pa.field("place", _TEXT, nullable=False),
        pa.field("sector", _TEXT),
        pa.field("chainage_m", _REAL),
        pa.field("lon", _REAL),
        pa.field("lat", _REAL),
        pa.field("time_start_ns", _INT, nullable=False),
        pa.field("time_end_ns", _INT, nullable=False),
        pa.field("priority", pa.int8(), nullable=False),
        pa.field("summary", _TEXT, nullable=False),
        pa.field("priority_reasons", pa.list_(_TEXT), nullable=False),
    ]
)
"""What step S3 did with a final finding: `open` a case, `join` one, `update` the case of a revised finding, or
`flag` the case of one that was withdrawn or no longer opens cases (a revision of that kind is told by both).

`place` is the sector's id, or `cell:<id>` outside every sector; `priority` 1 (first) to 5, with `priority_reasons`
in words.
"""

COVERAGE_WORDS: Final = ("observed", "partly_observed", "not_observed")
COVERAGE: Final = pa.schema(
    [
        pa.field("sector", _TEXT, nullable=False),
        pa.field("kind", _TEXT, nullable=False),
        pa.field("time_start_ns", _INT, nullable=False),
        pa.field("time_end_ns", _INT, nullable=False),
        pa.field("revision", pa.int32(), nullable=False),
        pa.field("line_km_h", _REAL, nullable=False),
        pa.field("watched_km_h", _REAL, nullable=False),
        pa.field("effective_km_h", _REAL, nullable=False),
        pa.field("lost_km_h", _REAL, nullable=False),
        pa.field("detection_prob", _REAL),
        pa.field("status", _TEXT, nullable=False),
        pa.field("working_count", _INT, nullable=False),
        pa.field("down_count", _INT, nullable=False),
        pa.field("is_upper_bound", pa.bool_(), nullable=False),
        pa.field("line_version", _TEXT),
        pa.field("engine_version", _TEXT, nullable=False),
    ]
)
"""How much of the line was watched: one row per sector ("" = outside all), kind of happening and hour.

`line_km_h` line times hours; `watched_km_h` of it where a happening of the kind had a chance of being noticed;
`effective_km_h` those weighted by the chance, so that `detection_prob` is their ratio; `lost_km_h` what posts that did
not work would have watched besides; `working_count`, `down_count` sensors that reach there. `is_upper_bound`: no
terrain mask went into it. A row without watched kilometres says that nobody looked, never that nothing happened.
"""


def schema_of(name: str) -> pa.Schema:
    """The schema published under `name` (`events`, `findings`, `incidents`, `members`, `filings`, `coverage`).

    >>> schema_of("findings").names[0]
    'finding_id'
    """
    return {
        "event_fields": EVENT_FIELDS,
        "events": EVENTS,
        "placed_events": PLACED_EVENTS,
        "findings": FINDINGS,
        "incidents": INCIDENTS,
        "members": MEMBERS,
        "filings": FILINGS,
        "coverage": COVERAGE,
    }[name]
