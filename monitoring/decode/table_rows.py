"""Typed columns of Parquet and Arrow to the columns of the record, with what no column type can promise judged
row by row: numbers that are none, whole numbers that are not whole, times beyond 64 bits, text that is not
UTF-8. Unknown columns become unknown fields, their values spelled as JSON.
"""

import base64
import decimal
import math
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring.decode.columns import Columns, content, is_present, values
from monitoring.decode.fields import BY_NAME, Field, Kind
from monitoring.decode.json_line import (
    RowRefused,
    canonical_json,
    parse_json,
    read_record,
    refuse_bad_characters,
)
from monitoring.decode.limits import Limits
from monitoring.decode.rows import Verdicts, echo
from monitoring.decode.table_files import is_text

_UNIT_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_INT64_MAX: Final = 2**63 - 1
_TWO_63: Final = 2.0**63


def read_columns(batch: pa.RecordBatch, limits: Limits) -> tuple[Columns, Verdicts]:
    """The columns of one batch (see `Columns`; times are int64 nanoseconds already) and what is wrong with it."""
    verdicts = Verdicts.none_yet(batch.num_rows)
    columns: Columns = {}
    unknown: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if column.null_count == len(column):
            continue
        field = BY_NAME.get(name)
        if field is None:
            unknown[name] = column
        elif field.kind is Kind.TIME:
            columns[name] = _times(field, column, verdicts)
        elif field.kind is Kind.REAL:
            columns[name] = reals(field, column, verdicts)
        elif field.kind is Kind.INTEGER:
            columns[name] = _integers(field, column, verdicts)
        elif field.kind is Kind.MEDIA:
            columns[name] = _media(column, verdicts, limits)
        elif field.kind is Kind.WORD and pa.types.is_dictionary(column.type):
            columns[name] = _words(field, column, verdicts)
        elif field.kind is Kind.TRUTH:
            columns[name] = column
        else:
            columns[name] = texts(field.name, column, verdicts)
    if unknown:
        columns["extra"] = _extra(unknown, verdicts, limits)
    return {name: column for name, column in columns.items() if column.null_count < len(column)}, verdicts


def _absent(column: pa.Array) -> NDArray[np.bool_] | None:
    return None if column.null_count == 0 else ~is_present(column)


def _times(field: Field, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    scale = _UNIT_NS[column.type.unit]
    counts = values(column.cast(pa.int64()))
    reach = _INT64_MAX // scale
    beyond = (counts > reach) | (counts < -reach)
    if beyond.any():
        verdicts.refuse_where(beyond, "time_range", f"{field.name}: beyond what 64-bit nanoseconds can hold")
        counts = np.where(beyond, 0, counts)
    return pa.array(counts * scale, mask=_absent(column))


def reals(field: Field, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    """The column as doubles; what is no finite number is refused, and 0 in its place."""
    if pa.types.is_decimal(column.type):
        # By way of its digits, so that the double is the nearest one, as for a number that was written out.
        numbers = values(column.cast(pa.string()).cast(pa.float64()))
    else:
        numbers = values(column).astype(np.float64)
    finite = np.isfinite(numbers)
    if not finite.all():
        odd = is_present(column) & ~finite
        verdicts.refuse_where(odd, "non_finite", lambda row: f"{field.name} is {numbers[row]}")
        numbers = np.where(finite, numbers, 0.0)
    return pa.array(numbers, mask=_absent(column))


def _integers(field: Field, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    kind = column.type
    if pa.types.is_decimal(kind):
        return _whole_decimals(field, column, verdicts)
    numbers = values(column)
    if pa.types.is_floating(kind):
        numbers = numbers.astype(np.float64)
        finite = np.isfinite(numbers)
        verdicts.refuse_where(~finite, "non_finite", lambda row: f"{field.name} is {numbers[row]}")
        whole = finite & (np.floor(np.where(finite, numbers, 0.5)) == numbers)
        verdicts.refuse_where(~whole, "type", f"{field.name} is not a whole number")
        inside = whole & (numbers >= -_TWO_63) & (numbers < _TWO_63)
    else:
        inside = (
            numbers <= np.uint64(_INT64_MAX) if pa.types.is_uint64(kind) else np.ones(len(numbers), np.bool_)
        )
    verdicts.refuse_where(~inside, "number_range", f"{field.name} is beyond 64 bits")
    if not inside.all():
        numbers = np.where(inside, numbers, 0)
    return pa.array(numbers.astype(np.int64), mask=_absent(column))


def _whole_decimals(field: Field, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    read: list[int | None] = []
    for row, value in enumerate(column.to_pylist()):
        read.append(None)
        if value is None:
            continue
        if value != value.to_integral_value():
            verdicts.refuse(row, "type", f"{field.name} is not a whole number")
        elif not -_INT64_MAX - 1 <= int(value) <= _INT64_MAX:
            verdicts.refuse(row, "number_range", f"{field.name} is beyond 64 bits")
        else:
            read[row] = int(value)
    return pa.array(read, type=pa.int64())


def texts(name: str, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    """The column as plain strings; what is not UTF-8 is refused and left out."""
    plain = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
    if not pa.types.is_string(plain.type):
        plain = plain.cast(pa.binary()).view(pa.string())
    run, _ = content(plain)
    if not len(run) or run.max() < 128:
        return plain
    try:
        plain.validate(full=True)
    except pa.ArrowInvalid:
        return _decodable(name, plain.view(pa.binary()), verdicts)
    return plain


def _decodable(name: str, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    texts: list[str | None] = []
    for row, data in enumerate(column.to_pylist()):
        try:
            texts.append(None if data is None else data.decode("utf-8"))
        except UnicodeDecodeError as error:
            texts.append(None)
            verdicts.refuse(row, "encoding", f"{echo(name)} is not UTF-8 at byte {error.start + 1}")
    return pa.array(texts, type=pa.string())


def _words(field: Field, column: pa.Array, verdicts: Verdicts) -> pa.Array:
    """A word column that came as a dictionary stays one: its few words are looked at once."""
    words = column.dictionary
    plain = texts(field.name, words, Verdicts.none_yet(len(words)))
    if plain.null_count:
        return texts(field.name, column, verdicts)
    return pa.DictionaryArray.from_arrays(column.indices, plain)


def _media(column: pa.Array, verdicts: Verdicts, limits: Limits) -> pa.Array:
    """Lists of structs, or text with the JSON list that NDJSON has in this place."""
    is_written = is_text(column.type)
    if is_written:
        column = texts("media", column, verdicts)
    read: list[str | None] = [None] * len(column)
    for row in np.flatnonzero(is_present(column)).tolist():
        try:
            value = column[row].as_py()
            listed = parse_json(value, limits) if is_written else [_without_nulls(entry) for entry in value]
            read[row] = read_record({"media": listed}, limits).get("media")
        except RowRefused as refusal:
            verdicts.refuse(row, refusal.reason, f"media: {refusal.detail}")
        except UnicodeDecodeError:
            verdicts.refuse(row, "encoding", "media is not UTF-8")
    return pa.array(read, type=pa.string())


def _without_nulls(entry: Any) -> Any:
    """A struct has all its members in every row; those without a value are absent."""
    if not isinstance(entry, dict):
        return entry
    return {name: _as_json(value) for name, value in entry.items() if value is not None}


def _extra(unknown: dict[str, pa.Array], verdicts: Verdicts, limits: Limits) -> pa.Array:
    """Unknown columns as canonical JSON, absent cells left out."""
    cells = {name: json_cells(name, column, verdicts) for name, column in unknown.items()}
    texts: list[str | None] = []
    for row in range(len(verdicts.reason)):
        kept = {name: column[row] for name, column in cells.items() if column[row] is not None}
        text = canonical_json(kept) if kept else None
        texts.append(text)
        if text is None:
            continue
        if len(kept) > limits.unknown_fields_max:
            verdicts.refuse(row, "too_long", f"{len(kept)} unknown fields")
        if len(text) > limits.line_bytes_max:
            verdicts.refuse(row, "too_long", f"unknown fields of {len(text)} characters")
        if "\\u0000" in text:
            try:
                refuse_bad_characters(kept)
            except RowRefused as refusal:
                verdicts.refuse(row, refusal.reason, refusal.detail)
    return pa.array(texts, type=pa.string())


def json_cells(name: str, column: pa.Array, verdicts: Verdicts) -> list[Any]:
    """The cells of a column of any type as JSON values; text that is not UTF-8 is refused and left out."""
    if is_text(column.type):
        column = texts(name, column, verdicts)
    elif pa.types.is_temporal(column.type) and not pa.types.is_interval(column.type):
        column = _written_times(column)
    read: list[Any] = []
    kind = column.type
    is_odd = pa.types.is_floating(kind) or pa.types.is_interval(kind)
    if (pa.types.is_primitive(kind) and not is_odd) or is_text(kind):
        read.extend(column.to_pylist())
        return read
    for row, cell in enumerate(column):
        try:
            read.append(_as_json(cell.as_py()))
        except UnicodeDecodeError:
            read.append(None)
            verdicts.refuse(row, "encoding", f"{echo(name)} is not UTF-8")
        except ValueError:  # a time inside a list or struct that Python cannot hold
            read.append(str(cell))
    return read


def _written_times(column: pa.Array) -> pa.Array:
    """Times as text in their own zone, in UTC where that zone is not known here."""
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.string())


def _as_json(value: Any) -> Any:
    """A value as JSON can say it; what is not a number is left out as a missing one is."""
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
