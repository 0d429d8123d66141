"""Cutting one JSON document into its rows: the features of a FeatureCollection, the records of an array.

Nothing is parsed here. Brackets and strings are followed through the bytes, so that a document of any size is
cut into chunks of whole elements; what is inside an element is for its reader to judge. The members around
the array of features (type, crs, foreign members) are kept and judged when the document has ended.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring.decode.chunk import Chunk
from monitoring.decode.errors import FileRefused
from monitoring.decode.formats import BOM, Format
from monitoring.decode.json_line import RowRefused, parse_json
from monitoring.decode.limits import DEFAULT_LIMITS, Limits
from monitoring.decode.rows import echo

Positions = NDArray[np.int64]

_BLANK: Final = b" \t\r\n"
_QUOTE, _BACKSLASH, _COMMA, _CLOSE_LIST = 34, 92, 44, 93
_FEATURES_KEY: Final = re.compile(rb'"features"[ \t\r\n]*:[ \t\r\n]*\Z')
_WGS84_NAMES: Final = ("CRS84", "EPSG::4326", "EPSG:4326", "WGS84")
_STRIP_STEPS: Final = 64
_NAME_REACH: Final = 256
"""How far before its bracket the name of the array of features is looked for."""


def _step_table() -> NDArray[np.int8]:
    """What each byte means: +1 opens, -1 closes, 2 a comma, 3 a quote, 4 a backslash, 0 anything else."""
    table = np.zeros(256, dtype=np.int8)
    table[list(b"{[")] = 1
    table[list(b"}]")] = -1
    table[_COMMA], table[_QUOTE], table[_BACKSLASH] = 2, 3, 4
    return table


_STEP: Final = _step_table()
_IS_BLANK: Final = np.isin(np.arange(256), list(_BLANK))


class Structure(NamedTuple):
    """Brackets and commas outside strings, in order: `at` (k,) their positions, `depth` (k,) the nesting behind
    each, counted from the beginning of the scan, `is_comma` (k,)."""

    at: Positions
    depth: NDArray[np.int64]
    is_comma: NDArray[np.bool_]


@dataclass
class Scanner:
    """Follows strings and brackets through bytes that come in pieces.

    >>> Scanner().structure(b'{"a,": [1, 2]}').depth.tolist()
    [1, 2, 2, 1, 0]
    """

    depth: int = 0
    is_in_string: bool = False
    is_escaped: bool = False

    def structure(self, data: bytes) -> Structure:
        """The structure of the next piece; positions are those in this piece."""
        step = _STEP[np.frombuffer(data, dtype=np.uint8)]
        at = np.flatnonzero(step)
        step = step[at]
        is_quote = step == 3
        if self.is_escaped or b"\\" in data:
            is_quote &= ~np.isin(at, self._escaped(data, at[step == 4]))
        in_string = np.cumsum(is_quote, dtype=np.int64)
        in_string += self.is_in_string
        if len(in_string):
            self.is_in_string = bool(in_string[-1] & 1)
        outside = ((in_string & 1) == 0) & (step < 3)
        at, step = at[outside], step[outside]
        is_comma = step == 2
        depth = np.cumsum(np.where(is_comma, 0, step), dtype=np.int64)
        depth += self.depth
        if len(depth):
            self.depth = int(depth[-1])
        return Structure(at.astype(np.int64), depth, is_comma)

    def _escaped(self, data: bytes, backslashes: Positions) -> Positions:
        """Positions of the characters that a backslash takes the meaning from; notes one beyond the end."""
        first = np.ones(len(backslashes), dtype=np.bool_)
        first[1:] = np.diff(backslashes) != 1
        begin = backslashes[first]
        length = np.diff(np.append(np.flatnonzero(first), len(backslashes)))
        if self.is_escaped and len(begin) and begin[0] == 0:
            length[0] -= 1  # the first backslash is itself escaped
            begin = begin.copy()
            begin[0] = 1
        behind: Positions = (begin + length)[length % 2 == 1]
        if self.is_escaped:
            behind = np.append(behind, 0)
        self.is_escaped = bool(np.any(behind == len(data)))
        return behind


class Elements(NamedTuple):
    """The elements of a chunk: `start`, `end` (n,) without surrounding blanks, `separators` the commas between
    them, `depth` (n,) how deep each nests (an object without inner ones: 1), `is_one_object` (n,): begins with
    a brace that its last byte closes."""

    start: Positions
    end: Positions
    separators: Positions
    depth: NDArray[np.int64]
    is_one_object: NDArray[np.bool_]


def split(data: bytes) -> Elements:
    """The elements of a chunk that `ElementFeeder` cut; blank data has none.

    >>> split(b'{"a": 1}, null').end.tolist()
    [8, 14]
    """
    none = np.zeros(0, dtype=np.int64)
    if not data.strip(_BLANK):
        return Elements(none, none, none, none, np.zeros(0, dtype=np.bool_))
    found = Scanner().structure(data)
    separators = found.at[found.is_comma & (found.depth == 0)]
    start = np.concatenate(([0], separators + 1))
    end = np.append(separators, len(data))
    start, end = _stripped(data, start, end)
    depth, is_one_object = shape_of_rows(data, found, start, end)
    return Elements(start, end, separators, depth, is_one_object)


def a_row_a_line(data: bytes, found: Elements) -> bytes:
    """The same bytes with line ends for the commas between the rows; every position stays."""
    if not len(found.separators):
        return data
    changed = np.frombuffer(data, dtype=np.uint8).copy()
    changed[found.separators] = 10
    return changed.tobytes()


def shape_of_rows(
    data: bytes, found: Structure, start: Positions, end: Positions
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How deep each row nests and whether it is one object: `depth`, `is_one_object` of `Elements`."""
    buffer = np.frombuffer(data, dtype=np.uint8)
    first = np.searchsorted(found.at, start)
    count = np.diff(np.append(first, len(found.at)))
    has_any = np.flatnonzero(count)
    depth = np.zeros(len(start), dtype=np.int64)
    closings = np.zeros(len(start), dtype=np.int64)
    last = np.full(len(start), -1, dtype=np.int64)
    if len(has_any):
        begin = first[has_any]
        depth[has_any] = np.maximum.reduceat(found.depth, begin)
        is_closing = (found.depth == 0) & ~found.is_comma
        is_closing[: begin[0]] = False
        closings[has_any] = np.add.reduceat(is_closing, begin, dtype=np.int64)
        at = np.flatnonzero(is_closing)
        last[np.searchsorted(start, found.at[at], side="right") - 1] = found.at[at]
    filled = end > start
    first_byte = buffer[np.minimum(start, len(buffer) - 1)]
    last_byte = buffer[np.maximum(end - 1, 0)]
    braced = filled & (first_byte == 123) & (last_byte == 125)
    return depth, braced & (closings == 1) & (last == end - 1)


def _stripped(data: bytes, start: Positions, end: Positions) -> tuple[Positions, Positions]:
    buffer = np.frombuffer(data, dtype=np.uint8)
    for _ in range(_STRIP_STEPS):
        low = (start < end) & _IS_BLANK[buffer[np.minimum(start, len(buffer) - 1)]]
        high = (start < end) & _IS_BLANK[buffer[np.maximum(end - 1, 0)]] & ~(low & (end - start == 1))
        if not (low.any() or high.any()):
            return start, end
        start, end = start + low, end - high
    for row in np.flatnonzero(low | high).tolist():  # wide blanks, piece by piece
        piece = data[start[row] : end[row]]
        start[row] += len(piece) - len(piece.lstrip(_BLANK))
        end[row] = start[row] + len(piece.strip(_BLANK))
    return start, end


class ElementFeeder:
    """Bytes of one document in as they come, chunks of whole elements out; rows are numbered from 1.

    An element longer than a line may be is passed on alone, cut off just above the limit (and is refused as
    `too_long`). Raises FileRefused: `framing` where the document is no JSON around its elements, `truncated`
    where it ends too soon, `schema` for another kind of document, `crs` for another reference system.

    >>> feeder = ElementFeeder(Format.JSON)
    >>> feeder.feed(b'[{"id": "a"}, {"id"')
    [Chunk(first_line=1, data=b'{"id": "a"}', header=None)]
    >>> feeder.feed(b': "b"}]') + feeder.finish()
    [Chunk(first_line=2, data=b' {"id": "b"}', header=None)]
    """

    def __init__(self, form: Format, limits: Limits = DEFAULT_LIMITS) -> None:
        self._form = form
        self._limits = limits
        self._scanner = Scanner()
        self._pending = b""
        self._prologue = b""
        self._epilogue = b""
        self._phase = "before"
        self._row = 1
        self._is_first = True
        self._is_skipping = False
        self._is_single = False

    @property
    def row_count(self) -> int:
        """How many rows were found so far."""
        return self._row - 1

    def feed(self, data: bytes) -> list[Chunk]:
        """The elements that these further bytes complete."""
        given: list[Chunk] = []
        if self._phase == "before":
            self._pending += data
            if self._is_first and len(self._pending) >= len(BOM):
                self._pending = self._pending.removeprefix(BOM)
                self._is_first = False
            data = self._begin(given)
        if self._phase == "inside" and data:
            data = self._cut(data, given)
        if self._phase == "after" and data.strip(_BLANK):
            self._epilogue += data
            if len(self._epilogue) > self._limits.line_bytes_max:
                raise FileRefused("framing", "something follows behind the rows")
        return given

    def finish(self) -> list[Chunk]:
        """Judge the document as a whole when the input has ended."""
        if self._phase != "after":
            if not self._pending.strip(_BLANK) and self._phase == "before":
                raise FileRefused("empty", "nothing in it")
            raise FileRefused("truncated", "the JSON document has no end")
        if self._form is Format.GEOJSON and not self._is_single:
            _check_collection(self._prologue + b"]" + self._epilogue, self._limits)
        elif self._epilogue:
            raise FileRefused("framing", "something follows behind the JSON document")
        return []

    def _begin(self, given: list[Chunk]) -> bytes:
        """Look for the array of rows; what stands behind its bracket."""
        text = self._pending
        found = Scanner().structure(text)
        if not len(found.at):
            self._refuse_long_beginning()
            if text.strip(_BLANK) and text.strip(_BLANK)[:1] not in (b"{", b"["):
                raise FileRefused("format", "this is no JSON document of events")
            return b""
        opening = text[found.at[0] : found.at[0] + 1]
        if text[: found.at[0]].strip(_BLANK):
            raise FileRefused("format", "this is no JSON document of events")
        if self._form is Format.JSON and opening == b"[":
            return self._enter(int(found.at[0]))
        if opening != b"{":
            raise FileRefused("schema", "a JSON array; GeoJSON events are a FeatureCollection of Points")
        if self._form is Format.GEOJSON:
            is_list = (found.depth == 2) & ~found.is_comma
            for place in found.at[is_list].tolist():
                if text[place : place + 1] == b"[" and _FEATURES_KEY.search(
                    text[max(0, place - _NAME_REACH) : place]
                ):
                    return self._enter(place)
        ends = found.at[(found.depth <= 0) & ~found.is_comma]
        if len(ends):
            return self._take_single(int(ends[0]) + 1, given)
        self._refuse_long_beginning()
        return b""

    def _enter(self, place: int) -> bytes:
        data = self._pending[place + 1 :]
        self._prologue = self._pending[: place + 1]
        self._pending = b""
        self._phase = "inside"
        return data

    def _take_single(self, end: int, given: list[Chunk]) -> bytes:
        """A document that is one record, or one Feature."""
        document, rest = self._pending[:end], self._pending[end:]
        if self._form is Format.GEOJSON:
            _check_single(document, self._limits)
        self._is_single = True
        self._row = 2
        given.append(Chunk(1, document))
        self._pending = b""
        self._phase = "after"
        return rest

    def _refuse_long_beginning(self) -> None:
        if len(self._pending) > self._limits.line_bytes_max:
            what = "no features" if self._form is Format.GEOJSON else "no rows"
            raise FileRefused("schema", f"{what} within the first {self._limits.line_bytes_max} bytes")

    def _cut(self, data: bytes, given: list[Chunk]) -> bytes:
        """Give out the elements that `data` completes; what stands behind the end of the array."""
        found = self._scanner.structure(data)
        closings = np.flatnonzero(found.depth < 0)
        rest = b""
        stop = len(found.at)
        if len(closings):
            stop = int(closings[0])
            place = int(found.at[stop])
            if data[place] != _CLOSE_LIST:
                raise FileRefused("framing", f"a brace too many behind row {self._row}")
            data, rest = data[:place], data[place + 1 :]
            self._phase = "after"
        separators = found.at[:stop][found.is_comma[:stop] & (found.depth[:stop] == 0)]
        self._check_gaps(data, separators)
        last = int(separators[-1]) if len(separators) else -1
        if self._phase == "after":
            whole = self._pending + data
            final = data[last + 1 :] if len(separators) else whole
            is_blank = not self._is_skipping and not final.strip(_BLANK)
            if is_blank and (self._row > 1 or len(separators)):
                raise FileRefused("framing", "a comma behind the last row")
            self._pending = b""
            count = 0 if is_blank else len(separators) + 1
        elif last >= 0:
            whole, self._pending = self._pending + data[:last], data[last + 1 :]
            count = len(separators)
        else:
            whole, self._pending, count = b"", self._pending + data, 0
        if self._is_skipping and count:
            behind = int(separators[0]) + 1 if len(separators) else len(whole)
            whole, count = whole[behind:] if count > 1 else b"", count - 1
            self._is_skipping = False
            self._row += 1
        if count:
            given.append(Chunk(self._row, whole))
            self._row += count
        self._bound_pending(given)
        return rest

    def _bound_pending(self, given: list[Chunk]) -> None:
        """Keep a row without end from filling memory."""
        if self._is_skipping:
            self._pending = b""
        elif len(self._pending) > self._limits.line_bytes_max:
            self._pending = self._pending.lstrip(_BLANK)
            cut = self._pending[: self._limits.line_bytes_max + 1]
            if len(cut) <= self._limits.line_bytes_max:
                return
            # Blanks at its end do not count as its length.
            given.append(Chunk(self._row, cut if cut.rstrip(_BLANK) == cut else self._pending))
            self._pending = b""
            self._is_skipping = True

    def _check_gaps(self, data: bytes, separators: Positions) -> None:
        """Refuse commas with nothing between them."""
        if not len(separators):
            return
        filled = ~_IS_BLANK[np.frombuffer(data, dtype=np.uint8, count=int(separators[-1]) + 1)]
        begin = np.concatenate(([0], separators[:-1] + 1))
        count = np.add.reduceat(filled, begin, dtype=np.int64) - 1  # without the comma itself
        count[0] += self._is_skipping or bool(self._pending.strip(_BLANK))
        if not count.all():
            raise FileRefused("framing", "two commas with nothing between them")


def _check_collection(document: bytes, limits: Limits) -> None:
    """The members around the features. Raises FileRefused."""
    found = _parsed(document, limits)
    if found.get("type") != "FeatureCollection":
        raise FileRefused("schema", f"type is {echo(found.get('type'))}, not FeatureCollection")
    _check_crs(found.get("crs"))


def _check_single(document: bytes, limits: Limits) -> None:
    """A document without an array of features. Raises FileRefused."""
    found = _parsed(document, limits)
    kind = found.get("type")
    if kind == "FeatureCollection":
        raise FileRefused("schema", "a FeatureCollection without an array of features")
    if kind != "Feature":
        raise FileRefused("schema", f"type is {echo(kind)}; events are a FeatureCollection of Points")
    _check_crs(found.get("crs"))


def _parsed(document: bytes, limits: Limits) -> dict[str, Any]:
    try:
        found = parse_json(document.decode("utf-8"), limits)
    except UnicodeDecodeError:
        raise FileRefused("encoding", "not UTF-8 around the features") from None
    except RowRefused as refusal:
        raise FileRefused("framing", f"around the features: {refusal.detail}") from None
    assert isinstance(found, dict), "it begins with a brace"
    return found


def _check_crs(crs: Any) -> None:
    """The legacy `crs` member may only say what GeoJSON means anyway: WGS 84 degrees."""
    if crs is None:
        return
    properties = crs.get("properties") if isinstance(crs, dict) else None
    stated: Any = crs
    if isinstance(properties, dict):
        stated = properties.get("name", properties.get("code", properties))
        if crs.get("type") == "EPSG":
            stated = f"EPSG:{stated}"
    if not str(stated).replace(" ", "").upper().endswith(_WGS84_NAMES):
        raise FileRefused(
            "crs", f"the reference system is {echo(stated)}; send WGS 84 longitude and latitude"
        )
