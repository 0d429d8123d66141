"""The checks of values, whole columns at a time: the same for every format and for both ways of reading.

A reader only turns bytes into columns of the right kind; everything that makes a row good or bad by its
values is decided here, in one fixed order, so that a verdict cannot depend on how the row was read.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring import schema
from monitoring.decode import timestamps
from monitoring.decode.columns import Columns, content, is_present, rows_with, spans, values
from monitoring.decode.fields import FIELDS, FLAG_BITS, REQUIRED, Field, Kind, words_of
from monitoring.decode.limits import Limits
from monitoring.decode.rows import Verdicts, echo
from monitoring.events import WORDS

_ID_FORM: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_BIDI: Final = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
_URI: Final = r'"uri":"'
_PLAIN_URI: Final = r'(?i)"uri":"(?:https|s3):'


def _marks(characters: str) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(characters.encode())] = True
    return table


_ALPHANUMERIC: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_IS_EDGE: Final = _marks(_ALPHANUMERIC)
_IS_INNER: Final = _marks(_ALPHANUMERIC + "._:-")
_IS_STRANGE: Final = ~_IS_INNER
_WORD_CODE: Final = {name: {word: code for code, word in enumerate(words)} for name, words in WORDS.items()}
_KIND_CODE: Final = _WORD_CODE["kind"]
_TRACK: Final = _KIND_CODE["track"]
_STATUS: Final = np.array([kind in schema.STATUS_KINDS for kind in schema.KINDS] + [False])


class Checked:
    """Columns of one chunk with their verdicts; `table` gives the well formed rows."""

    def __init__(self, columns: Columns, verdicts: Verdicts, limits: Limits) -> None:
        self.columns = columns
        self.verdicts = verdicts
        self.row_count = len(verdicts.reason)
        self.flags = np.zeros(self.row_count, dtype=np.uint16)
        self._limits = limits
        self._typed: Columns = {}
        self._present: dict[str, NDArray[np.bool_]] = {}
        self._numbers: dict[str, NDArray[Any]] = {}
        self._run()

    def has(self, name: str) -> NDArray[np.bool_]:
        """Whether each row has the field, shape (n,)."""
        if name not in self._present:
            column = self.columns.get(name)
            self._present[name] = (
                np.zeros(self.row_count, dtype=np.bool_) if column is None else is_present(column)
            )
        return self._present[name]

    def table(self) -> pa.Table:
        """The rows without a problem, as `schema.EVENT_FIELDS`, in order."""
        filled = [
            self._typed[column.name] if column.name in self._typed else _absent(column, self.row_count)
            for column in schema.EVENT_FIELDS
        ]
        good = self.verdicts.reason < 0
        if good.all():
            return pa.Table.from_arrays(filled, schema=schema.EVENT_FIELDS)
        loose = pa.schema([column.with_nullable(True) for column in schema.EVENT_FIELDS])
        kept = pa.Table.from_arrays(filled, schema=loose).filter(pa.array(good)).combine_chunks()
        return pa.Table.from_arrays(kept.columns, schema=schema.EVENT_FIELDS)

    def _run(self) -> None:
        for name in REQUIRED:
            self._refuse(~self.has(name), "missing_field", f"{name} is required")
        for field in FIELDS:
            if field.name not in self.columns:
                continue
            if field.kind is Kind.ID:
                self._check_ids(field)
            elif field.kind is Kind.WORD:
                self._check_words(field)
            elif field.kind is Kind.TIME:
                self._check_times(field)
            elif field.kind is Kind.TEXT:
                self._check_text(field)
            elif field.kind in {Kind.REAL, Kind.INTEGER}:
                self._check_bounds(field)
            else:
                self._typed[field.column] = self.columns[field.name]
        self._check_belonging()
        self._check_position()
        self._flag()
        if "extra" in self.columns:
            self._typed["extra"] = self.columns["extra"]

    def _refuse(self, mask: NDArray[np.bool_], reason: str, detail: str | Callable[[int], str]) -> None:
        if mask.any():
            self.verdicts.refuse_where(mask, reason, detail)

    def _check_ids(self, field: Field) -> None:
        column = self.columns[field.name]
        self._typed[field.column] = column
        data, start, size = spans(column)
        odd = self.has(field.name) & ((size < 1) | (size > self._limits.id_chars_max))
        run, _ = content(column)
        strange = _IS_STRANGE[run]
        if strange.any():
            odd[rows_with(column, strange)] = True
        if len(run):
            last = len(data) - 1
            whole = size > 0
            edges = _IS_EDGE[data[np.minimum(start, last)]] & _IS_EDGE[data[np.maximum(start + size - 1, 0)]]
            odd |= whole & ~edges
        for row in np.flatnonzero(odd & self.has(field.name)).tolist():
            text = column[row].as_py()
            if len(text) > self._limits.id_chars_max:
                self.verdicts.refuse(row, "too_long", f"{field.name} has {len(text)} characters")
            elif _CONTROL.search(text):
                self.verdicts.refuse(row, "control_chars", f"{field.name} is {echo(text)}")
            elif _ID_FORM.fullmatch(text) is None:
                self.verdicts.refuse(row, "id_format", f"{field.name} is {echo(text)}")

    def _check_words(self, field: Field) -> None:
        column = self.columns[field.name]
        if pa.types.is_dictionary(column.type):
            codes = pc.index_in(column.dictionary, value_set=words_of(field.name)).take(column.indices)
        else:
            codes = pc.index_in(column, value_set=words_of(field.name))
        self._typed[field.column] = pa.DictionaryArray.from_arrays(
            codes.cast(pa.int8()), words_of(field.name)
        )
        unknown = self.has(field.name) & ~is_present(codes)
        for row in np.flatnonzero(unknown).tolist():
            text = column[row].as_py()
            if len(text) > self._limits.id_chars_max:
                self.verdicts.refuse(row, "too_long", f"{field.name} has {len(text)} characters")
            elif _CONTROL.search(text):
                self.verdicts.refuse(row, "control_chars", f"{field.name} is {echo(text)}")
            else:
                self.verdicts.refuse(row, "unknown_kind", f"{field.name} is {echo(text)}")

    def _check_times(self, field: Field) -> None:
        column = self.columns[field.name]
        ns, refused = (values(column), {}) if _is_ns(column) else timestamps.parse(column)
        for row, (reason, detail) in refused.items():
            self.verdicts.refuse(row, reason, f"{field.name}: {detail}")
        present = self.has(field.name)
        self._refuse(
            present & (ns < self._limits.time_least_ns), "time_range", f"{field.name} is before the least"
        )
        absent = None if column.null_count == 0 else ~present
        self._typed[field.column] = pa.array(ns, mask=absent)
        self._numbers[field.column] = ns
        if field.name == "time_end":
            early = present & self.has("time") & (ns < np.asarray(self._numbers.get("time_ns", ns)))
            self._refuse(early, "time_range", "time_end is before time")

    def _check_text(self, field: Field) -> None:
        column = self.columns[field.name]
        self._typed[field.column] = column
        run, _ = content(column)
        zero = run == 0
        if zero.any():
            mask = np.zeros(self.row_count, dtype=np.bool_)
            mask[rows_with(column, zero)] = True
            self._refuse(mask, "control_chars", f"{field.name} holds U+0000")
        _, _, size = spans(column)
        if len(size) and size.max() > self._limits.text_chars_max:
            chars = values(pc.utf8_length(column))
            self._refuse(
                chars > self._limits.text_chars_max,
                "too_long",
                lambda row: f"{field.name} has {chars[row]} characters",
            )

    def _check_bounds(self, field: Field) -> None:
        column = self.columns[field.name]
        self._typed[field.column] = column
        numbers = values(column)
        self._numbers[field.name] = numbers
        if field.least is None and field.most is None:
            return
        bad = np.zeros(self.row_count, dtype=np.bool_)
        if field.least is not None:
            bad |= numbers <= field.least if field.above else numbers < field.least
        if field.most is not None:
            bad |= numbers > field.most
        if column.null_count:
            bad &= self.has(field.name)
        self._refuse(bad, field.reason, lambda row: f"{field.name} is {echo(numbers[row])}")

    def _check_belonging(self) -> None:
        """Fields that need each other: the ellipse whole, a track's id, the observer's two coordinates."""
        ellipse = [self.has(f"sigma_{part}") for part in ("major_m", "minor_m", "azimuth_deg")]
        partial = (ellipse[0] | ellipse[1] | ellipse[2]) & ~(ellipse[0] & ellipse[1] & ellipse[2])
        self._refuse(partial, "missing_field", "sigma_major_m, sigma_minor_m, sigma_azimuth_deg go together")
        if "sigma_major_m" in self._numbers and "sigma_minor_m" in self._numbers:
            wrong = self._numbers["sigma_major_m"] < self._numbers["sigma_minor_m"]
            self._refuse(ellipse[0] & ellipse[1] & wrong, "sigma", "sigma_major_m is below sigma_minor_m")
        self._refuse(
            self.has("sensor_lon") != self.has("sensor_lat"),
            "missing_field",
            "sensor_lon, sensor_lat go together",
        )
        fixes = self._kind_codes() == _TRACK
        if fixes.any():
            self._refuse(fixes & ~self.has("track_id"), "missing_field", "track_id is required of a track")

    def _check_position(self) -> None:
        has_lon, has_lat = self.has("lon"), self.has("lat")
        if has_lon.all() and has_lat.all():
            return
        self._refuse(has_lon & ~has_lat, "missing_field", "lat is required")
        self._refuse(has_lat & ~has_lon, "missing_field", "lon is required")
        bearing_only = self.has("bearing_deg") & ~self.has("range_m")
        needless = bearing_only | _STATUS[self._kind_codes()]
        self._refuse(~has_lon & ~has_lat & ~needless, "missing_field", "lon and lat are required")

    def _flag(self) -> None:
        if "lon" in self._numbers and "lat" in self._numbers:
            coarse = np.asarray(self.has("lon") & self.has("lat"))
            for name in ("lon", "lat"):
                degrees = np.asarray(self._numbers[name], dtype=np.float64)
                in_range = np.where(np.abs(degrees) <= 180.0, degrees, 0.0)
                coarse = coarse & (np.rint(in_range * 10.0) / 10.0 == degrees)
            self.flags[coarse] |= FLAG_BITS["low_precision"]
        for name in ("text", "media", "extra"):
            column = self.columns.get(name)
            if column is None:
                continue
            run, _ = content(column)
            if len(run) and run.max() >= 128:
                marked = pc.match_substring_regex(column, _BIDI)
                self.flags[values(marked.cast(pa.int8())) > 0] |= FLAG_BITS["bidi"]
        media = self.columns.get("media")
        if media is not None:
            uris = values(pc.count_substring(media, _URI))
            plain = values(pc.count_substring_regex(media, _PLAIN_URI))
            self.flags[uris != plain] |= FLAG_BITS["url_scheme"]

    def _kind_codes(self) -> NDArray[np.int8]:
        kinds = self._typed.get("kind")
        if kinds is None:
            return np.full(self.row_count, -1, dtype=np.int8)
        return np.asarray(kinds.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int8)


def _is_ns(column: pa.Array) -> bool:
    """Whether times came as nanoseconds already, from a format with typed columns."""
    return bool(pa.types.is_int64(column.type))


_SPARE_ROWS: Final = 1 << 16
_SPARE: Final[dict[str, pa.Array]] = {}


def _absent(column: pa.Field, row_count: int) -> pa.Array:
    """A column without a value, cut from a spare one so that absent fields cost nothing."""
    spare = _SPARE.get(column.name)
    if spare is None or len(spare) < row_count:
        length = max(_SPARE_ROWS, row_count)
        if column.name in WORDS:
            spare = pa.DictionaryArray.from_arrays(pa.nulls(length, pa.int8()), words_of(column.name))
        else:
            spare = pa.nulls(length, column.type)
        _SPARE[column.name] = spare
    return spare.slice(0, row_count)
