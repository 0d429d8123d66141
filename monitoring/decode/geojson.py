"""GeoJSON features to rows: the geometry is the position, the properties are the fields.

`lon`, `lat` among the properties are unknown fields. A third coordinate is `alt_m`; without one, a property
`alt_m` counts. A feature's own `id` stands in for a missing property `id`; other members of a feature, and an
`id` that differs, are unknown fields. A null geometry is good for records that need no position; anything
else that is no Point is refused as `geometry_type`, never turned into one.

As with NDJSON a columnar reader takes the features whose bytes prove that it will read them as the strict
reader does, and the strict reader takes all others.
"""

from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import schema
from monitoring.decode.columns import Columns, Lines, from_lists, is_present, merged
from monitoring.decode.fields import BY_NAME, COLUMNAR
from monitoring.decode.json_elements import Scanner, shape_of_rows
from monitoring.decode.json_line import RowRefused, json_name, load, read_record, refuse_bad_characters
from monitoring.decode.limits import Limits
from monitoring.decode.ndjson import joined_rows, mark_bad_bytes, read_around, read_json
from monitoring.decode.rows import Verdicts, echo

COLUMNAR_LEAST: Final = 48
"""Fewer features than this are read one by one."""
_POSITION: Final = ("lon", "lat", "alt_m")
MEMBERS: Final = frozenset({"type", "id", "geometry", "properties", "bbox"})
_DEPTH: Final = 3
"""A plain feature: an object with the geometry's object with the array of coordinates."""
_SAMPLE: Final = 100
_POINT: Final = pa.struct([("type", pa.string()), ("coordinates", pa.list_(pa.float64()))])
_RECORD_SEPARATOR, _SPACE = 0x1E, 0x20
Shape = tuple[NDArray[np.int64], NDArray[np.bool_]]
"""How deep each row nests and whether it is one object (see `json_elements.shape_of_rows`)."""


class _Outline(msgspec.Struct, forbid_unknown_fields=True):
    """What a sample of features tells about the others."""

    type: str
    geometry: msgspec.Raw
    properties: dict[str, msgspec.Raw]
    id: str | None = None


_OUTLINE: Final = msgspec.json.Decoder(_Outline)


def without_separators(data: bytes, lines: Lines) -> tuple[bytes, Lines]:
    """A GeoJSON text sequence with blanks for the record separators that may begin each row (RFC 8142)."""
    line_no, start, end = lines
    if not len(start) or _RECORD_SEPARATOR not in data:
        return data, lines
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    marked = changed[start] == _RECORD_SEPARATOR
    changed[start[marked]] = _SPACE
    start = start + marked
    filled = end > start
    return changed.tobytes(), (line_no[filled], start[filled], end[filled])


def read_columns(
    data: bytes, lines: Lines, limits: Limits, shape: Shape | None = None
) -> tuple[Columns, Verdicts]:
    """The columns of all features (see `Columns`) and what could not be read. Between rows there is nothing but
    white space in `data`; `shape` is that of the rows where it is known already."""
    _, start, end = lines
    verdicts = Verdicts.none_yet(len(start))
    if shape is None:
        shape = shape_of_rows(data, Scanner().structure(data), start, end)
    plain = np.flatnonzero(_is_plain(data, start, end, shape, limits))
    parts: list[tuple[NDArray[np.int64], Columns]] = []
    is_read = np.zeros(len(start), dtype=np.bool_)
    if len(plain) >= COLUMNAR_LEAST:
        wanted = _schema_of(data, start, end, plain)
        if wanted is not None:
            for rows, columns in _read_plain(data, start, end, plain, wanted):
                parts.append((rows, columns))
                is_read[rows] = True
    left = np.flatnonzero(~is_read)
    if len(left):
        parts.append((left, _read_strictly(data, start, end, left, verdicts, limits)))
    return merged(parts, len(start)), verdicts


def _is_plain(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], shape: Shape, limits: Limits
) -> NDArray[np.bool_]:
    """Which rows are proven to be one object, of no more depth than a Point feature has, of plain bytes, (n,)."""
    depth, is_one_object = shape
    doubtful = ~is_one_object | (depth > _DEPTH) | (end - start > limits.line_bytes_max)
    mark_bad_bytes(data, start, end, doubtful)
    return ~doubtful


def _schema_of(
    data: bytes, start: NDArray[np.int64], end: NDArray[np.int64], plain: NDArray[np.int64]
) -> pa.Schema | None:
    """What the columnar reader shall find, by a sample; None where most features have unknown properties."""
    names: set[str] = set()
    has_id = False
    strange_count = 0
    for row in plain[np.linspace(0, len(plain) - 1, _SAMPLE).astype(np.int64)].tolist():
        try:
            outline = _OUTLINE.decode(data[start[row] : end[row]])
        except (msgspec.MsgspecError, RecursionError):
            strange_count += 1
            continue
        names.update(outline.properties)
        has_id |= outline.id is not None
        strange_count += not outline.properties.keys() <= BY_NAME.keys() - {"lon", "lat", "media"}
    if 2 * strange_count > _SAMPLE:
        return None
    properties = pa.struct(
        [(name, COLUMNAR[name]) for name in COLUMNAR if name in names and name not in {"lon", "lat"}]
    )
    members = [("type", pa.string()), ("geometry", _POINT), ("properties", properties)]
    return pa.schema([*members, ("id", pa.string())] if has_id else members)


def _read_plain(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    plain: NDArray[np.int64],
    wanted: pa.Schema,
) -> list[tuple[NDArray[np.int64], Columns]]:
    """What the columnar reader takes as the strict one would, in parts with their rows."""
    parts: list[tuple[NDArray[np.int64], Columns]] = []

    def read(rows: NDArray[np.int64]) -> pa.Table | int | None:
        return read_json(joined_rows(data, start, end, rows), wanted, len(rows)) if len(rows) else None

    def take(found: pa.Table | int | None, rows: NDArray[np.int64]) -> None:
        if isinstance(found, pa.Table):
            is_good, columns = _columns_of(found)
            if is_good.any():
                keep = pa.array(is_good)
                parts.append(
                    (rows[is_good], {name: column.filter(keep) for name, column in columns.items()})
                    if not is_good.all()
                    else (rows, columns)
                )

    read_around(plain, read(plain), read, take)
    return parts


def _columns_of(table: pa.Table) -> tuple[NDArray[np.bool_], Columns]:
    """Columns of a table of features, and which of its rows are plain Points with finite numbers, (n,)."""
    geometry = table.column("geometry").combine_chunks()
    properties = table.column("properties").combine_chunks()
    good = is_present(geometry) & is_present(properties)
    good &= np.asarray(pc.equal(table.column("type").combine_chunks(), "Feature").fill_null(False))
    kind, coordinates = geometry.flatten()
    good &= np.asarray(pc.equal(kind, "Point").fill_null(False))
    count = np.asarray(pc.list_value_length(coordinates).fill_null(0).to_numpy(zero_copy_only=False))
    good &= (count == 2) | (count == 3)
    offset = np.asarray(coordinates.offsets.to_numpy(), dtype=np.int64)[:-1]
    flat = coordinates.values
    numbers = np.asarray(flat.to_numpy(zero_copy_only=False), dtype=np.float64)
    columns: Columns = {}
    for place, name in enumerate(_POSITION):
        has = count > place
        if not (good & has).any():
            continue
        found = numbers[np.minimum(offset + place, len(numbers) - 1)]
        good &= ~has | np.isfinite(found)
        columns[name] = pa.array(found, mask=None if has.all() else ~has)
    for field, column in zip(properties.type, properties.flatten(), strict=True):
        if pa.types.is_floating(field.type):
            finite = np.isfinite(column.to_numpy(zero_copy_only=False))
            good &= finite | ~is_present(column)
        if field.name == "alt_m" and "alt_m" in columns:
            good &= ~is_present(column) | (count < 3)
            column = pc.coalesce(columns["alt_m"], column)  # noqa: PLW2901 - the two are one field
        if column.null_count < len(column):
            columns[field.name] = column
    if "id" in table.column_names:
        own = table.column("id").combine_chunks()
        stated = columns.get("id", pa.nulls(len(own), pa.string()))
        same = np.asarray(pc.equal(own, stated).fill_null(False))
        good &= same | ~is_present(own) | ~is_present(stated)
        columns["id"] = pc.coalesce(stated, own)
    return good, columns


def _read_strictly(
    data: bytes,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    rows: NDArray[np.int64],
    verdicts: Verdicts,
    limits: Limits,
) -> Columns:
    records: list[dict[str, Any]] = []
    for row, first, last in zip(rows.tolist(), start[rows].tolist(), end[rows].tolist(), strict=True):
        try:
            records.append(read_feature(data[first:last], limits))
        except RowRefused as refusal:
            verdicts.refuse(row, refusal.reason, refusal.detail)
            records.append({})
    names = dict.fromkeys(name for record in records for name in record)
    return from_lists({name: [record.get(name) for record in records] for name in names}, BY_NAME)


def load_feature(text: bytes, limits: Limits) -> tuple[dict[str, Any], dict[str, Any]]:
    """One feature and its properties, as they are written. Raises RowRefused."""
    feature = load(text, limits)
    if not isinstance(feature, dict):
        raise RowRefused("not_an_object", f"{json_name(feature)}, not a Feature")
    if b"\\u" in text:
        refuse_bad_characters(feature)
    if feature.get("type") != "Feature":
        raise RowRefused("type", _no_feature(feature))
    properties = feature.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise RowRefused("type", f"properties is {json_name(properties)}, not an object")
    return feature, properties


def _no_feature(found: dict[str, Any]) -> str:
    """What is wrong with an object that is no feature, and what to do about it."""
    what = "an object without a type" if found.get("type") is None else f"a {echo(found['type'])}"
    plain = sorted({"lon", "lat"} & found.keys())
    hint = f"; here {' and '.join(plain)} stand by themselves" if plain else ""
    wanted = '{"type":"Feature","geometry":{"type":"Point",...},"properties":{...}}'
    return f"{what}, not a Feature: write {wanted}{hint}"


def read_feature(text: bytes, limits: Limits) -> dict[str, Any]:
    """The fields of one feature, each of its kind (see `json_line.read_line`). Raises RowRefused."""
    feature, properties = load_feature(text, limits)
    position = position_of(feature.get("geometry"), properties)
    besides = {name: value for name, value in feature.items() if name not in MEMBERS and value is not None}
    record: dict[str, Any] = {}
    for name, value in properties.items():
        if name in {"lon", "lat"} or (name == "alt_m" and "alt_m" in position):
            if value is not None:
                besides[name] = value
        else:
            record[name] = value
    own_id = feature.get("id")
    if record.get("id") is None:
        record["id"] = own_id
    elif own_id is not None and own_id != record["id"]:
        besides["id"] = own_id
    return read_record({**record, **position}, limits, False, besides)


def position_of(geometry: Any, properties: dict[str, Any]) -> dict[str, Any]:
    """`lon`, `lat` and perhaps `alt_m` as written in the geometry. Raises RowRefused."""
    if geometry is None:
        bearing_only = properties.get("bearing_deg") is not None and properties.get("range_m") is None
        if bearing_only or properties.get("kind") in schema.STATUS_KINDS:
            return {}
        raise RowRefused("geometry_type", "no geometry; a position is a Point")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind != "Point":
        raise RowRefused("geometry_type", f"the geometry is {echo(kind or json_name(geometry))}, not a Point")
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or len(coordinates) not in {2, 3}:
        count = len(coordinates) if isinstance(coordinates, list) else "no"
        raise RowRefused("geometry_type", f"a Point with {count} coordinates; lon, lat and perhaps alt_m")
    for name, value in zip(_POSITION, coordinates, strict=False):
        if isinstance(value, list | dict):
            raise RowRefused("geometry_type", f"{name} of the Point is {json_name(value)}")
        if value is None:
            raise RowRefused("type", f"{name} of the Point is null")
    return dict(zip(_POSITION, coordinates, strict=False))
