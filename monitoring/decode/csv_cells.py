"""CSV cells to typed columns: an empty cell is an absent field, numbers are spelled as JSON spells them."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from monitoring.decode.columns import Columns
from monitoring.decode.fields import BY_NAME, Field, Kind
from monitoring.decode.json_line import RowRefused, canonical_json, parse_json, read_record
from monitoring.decode.limits import Limits
from monitoring.decode.rows import Verdicts, echo

_NUMBER: Final = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_NUMBER_FORM: Final = re.compile(_NUMBER.replace("$", r"\Z"), re.ASCII)
_SHORT_INTEGER: Final = r"^-?(?:0|[1-9][0-9]{0,17})$"
_NOT_FINITE: Final = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_NUMBER_CHARS_MAX: Final = 400
_INT64: Final = range(-(2**63), 2**63)


def typed_columns(cells: Columns, verdicts: Verdicts, limits: Limits) -> Columns:
    """Columns of the kinds that fields have, from columns of text; refusals go to `verdicts`."""
    columns: Columns = {}
    unknown: dict[str, pa.Array] = {}
    for name, texts in cells.items():
        present = np.asarray(pc.binary_length(texts).fill_null(0)) > 0
        if not present.any():
            continue
        written = (
            texts if present.all() else pc.if_else(pa.array(present), texts, pa.scalar(None, pa.string()))
        )
        field = BY_NAME.get(name)
        if field is None:
            unknown[name] = written
        elif field.kind is Kind.REAL:
            columns[name] = _reals(field, written, present, verdicts)
        elif field.kind is Kind.INTEGER:
            columns[name] = _integers(field, written, present, verdicts)
        elif field.kind is Kind.TRUTH:
            columns[name] = _truths(field, written, present, verdicts)
        elif field.kind is Kind.MEDIA:
            columns[name] = _media(written, present, verdicts, limits)
        else:
            columns[name] = written
    if unknown:
        columns["extra"] = _extra(unknown, verdicts)
    return columns


def _matches(texts: pa.Array, pattern: str) -> NDArray[np.bool_]:
    return np.asarray(pc.match_substring_regex(texts, pattern).fill_null(False))


def _reals(field: Field, texts: pa.Array, present: NDArray[np.bool_], verdicts: Verdicts) -> pa.Array:
    plain = _matches(texts, _NUMBER)
    if plain.all():
        numbers = _cast(texts, pa.float64())
    else:
        numbers = _cast(pc.if_else(pa.array(plain), texts, pa.scalar(None, pa.string())), pa.float64())
    if numbers is None:
        plain[:] = False
        numbers = pa.nulls(len(texts), pa.float64())
    values = numbers.to_numpy(zero_copy_only=False)
    plain &= np.isfinite(values)
    if (plain | ~present).all():
        return numbers
    mended = np.where(plain, values, 0.0)
    for row in np.flatnonzero(present & ~plain).tolist():
        value = _one_real(field, row, texts[row].as_py(), verdicts)
        plain[row] = value is not None
        mended[row] = value or 0.0
    return pa.array(mended, mask=~plain)


def _one_real(field: Field, row: int, text: str, verdicts: Verdicts) -> float | None:
    if not _is_number(field, row, text, verdicts):
        return None
    value = float(text)
    if np.isinf(value):
        verdicts.refuse(row, "number_range", f"{field.name} is beyond double precision")
        return None
    return value


def _is_number(field: Field, row: int, text: str, verdicts: Verdicts) -> bool:
    if _NOT_FINITE.fullmatch(text.strip()):
        verdicts.refuse(row, "non_finite", f"{field.name} is {echo(text)}")
    elif len(text) > _NUMBER_CHARS_MAX:
        verdicts.refuse(row, "number_range", f"{field.name} has {len(text)} characters")
    elif not _NUMBER_FORM.match(text):
        verdicts.refuse(row, "number_format", f"{field.name} is {echo(text)}")
    else:
        return True
    return False


def _integers(field: Field, texts: pa.Array, present: NDArray[np.bool_], verdicts: Verdicts) -> pa.Array:
    plain = _matches(texts, _SHORT_INTEGER)
    kept = texts if plain.all() else pc.if_else(pa.array(plain), texts, pa.scalar(None, pa.string()))
    numbers = pc.cast(kept, pa.int64())
    if (plain | ~present).all():
        return numbers
    mended = np.asarray(numbers.fill_null(0).to_numpy(zero_copy_only=False)).copy()
    for row in np.flatnonzero(present & ~plain).tolist():
        value = _one_integer(field, row, texts[row].as_py(), verdicts)
        plain[row] = value is not None
        mended[row] = value or 0
    return pa.array(mended, mask=~plain)


def _one_integer(field: Field, row: int, text: str, verdicts: Verdicts) -> int | None:
    if not _is_number(field, row, text, verdicts):
        return None
    is_digits = text.removeprefix("-").isdigit()
    real = float(text)
    if np.isinf(real):
        verdicts.refuse(row, "number_range", f"{field.name} is beyond double precision")
        return None
    if not is_digits and not real.is_integer():
        verdicts.refuse(row, "type", f"{field.name} is not a whole number")
        return None
    value = int(text) if is_digits else int(real)
    if value not in _INT64:
        verdicts.refuse(row, "number_range", f"{field.name} is beyond 64 bits")
        return None
    return value


def _truths(field: Field, texts: pa.Array, present: NDArray[np.bool_], verdicts: Verdicts) -> pa.Array:
    is_true = np.asarray(pc.equal(texts, "true").fill_null(False))
    is_false = np.asarray(pc.equal(texts, "false").fill_null(False))
    verdicts.refuse_where(
        present & ~is_true & ~is_false, "type", lambda row: f"{field.name} is {echo(texts[row].as_py())}"
    )
    return pa.array(is_true, mask=~(is_true | is_false))


def _media(texts: pa.Array, present: NDArray[np.bool_], verdicts: Verdicts, limits: Limits) -> pa.Array:
    """A cell with the JSON list that NDJSON has in this place."""
    read: list[str | None] = [None] * len(texts)
    for row in np.flatnonzero(present).tolist():
        try:
            read[row] = read_record({"media": parse_json(texts[row].as_py(), limits)}, limits).get("media")
        except RowRefused as refusal:
            verdicts.refuse(row, refusal.reason, f"media: {refusal.detail}")
    return pa.array(read, type=pa.string())


def _extra(unknown: dict[str, pa.Array], verdicts: Verdicts) -> pa.Array:
    """Unknown columns as canonical JSON; every value is a string, because CSV says no more."""
    columns: list[tuple[str, list[str | None]]] = [
        (name, texts.to_pylist()) for name, texts in unknown.items()
    ]
    texts: list[str | None] = []
    for row in range(len(verdicts.reason)):
        kept = {name: cells[row] for name, cells in columns if cells[row] is not None}
        texts.append(canonical_json(kept) if kept else None)
    return pa.array(texts, type=pa.string())


def _cast(texts: pa.Array, to: pa.DataType) -> pa.Array | None:
    """The cast column, None where Arrow finds a number out of its range."""
    try:
        return pc.cast(texts, to)
    except pa.ArrowInvalid:
        return None
