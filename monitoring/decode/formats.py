"""Telling formats apart: by magic bytes what is binary, by name, media type or content what is text."""

import enum
import json
import re
from typing import Any, Final

from monitoring.decode.errors import FileRefused


class Format(enum.Enum):
    """What the rows are written in. The journal keeps these words."""

    NDJSON = "ndjson"
    CSV = "csv"
    JSON = "json"
    """One JSON document: an array of records, or one record."""
    GEOJSON = "geojson"
    """One FeatureCollection of Points, or one Feature."""
    GEOJSON_LINES = "geojsonl"
    """One Feature a line, with or without the record separators of RFC 8142."""
    PARQUET = "parquet"
    ARROW = "arrow"


class Compression(enum.Enum):
    """One layer around the file, recognised by its magic bytes only, never by the name."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


LINES: Final = frozenset({Format.NDJSON, Format.CSV, Format.GEOJSON_LINES})
"""Formats of lines: they can be read as a stream, and a damaged row spoils no other."""
DOCUMENTS: Final = frozenset({Format.JSON, Format.GEOJSON})
"""Formats of one JSON document with the rows inside."""
TABLES: Final = frozenset({Format.PARQUET, Format.ARROW})
"""Binary formats of typed columns, readable only as whole files."""

HEAD_BYTES: Final = 4096
"""How much of the beginning `sniff` wants to see (less only when the file is shorter)."""

BOM: Final = b"\xef\xbb\xbf"

_NOT_EVENTS: Final = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an office document); send the event file itself, gzip allowed"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"PK\x07\x08", "a zip archive in parts"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\xfd7zXZ\x00", "xz; only gzip and zstd are read"),
    (b"BZh", "bzip2; only gzip and zstd are read"),
    (b"\x04\x22\x4d\x18", "lz4; only gzip and zstd are read"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old office document"),
    (b"SQLite format 3\x00", "an SQLite or GeoPackage file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_UNICODE_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_SUFFIXES: Final = {
    "csv": Format.CSV,
    "ndjson": Format.NDJSON,
    "jsonl": Format.NDJSON,
    "geojson": Format.GEOJSON,
    "geojsonl": Format.GEOJSON_LINES,
    "geojsonseq": Format.GEOJSON_LINES,
    "parquet": Format.PARQUET,
    "arrow": Format.ARROW,
    "arrows": Format.ARROW,
    "feather": Format.ARROW,
}
_MEDIA_TYPES: Final = {
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
    "application/jsonl": Format.NDJSON,
    "application/x-jsonlines": Format.NDJSON,
    "application/json-seq": None,
    "text/csv": Format.CSV,
    "application/json": Format.JSON,
    "application/geo+json": Format.GEOJSON,
    "application/geo+json-seq": Format.GEOJSON_LINES,
    "application/vnd.apache.parquet": Format.PARQUET,
    "application/vnd.apache.arrow.stream": Format.ARROW,
    "application/vnd.apache.arrow.file": Format.ARROW,
}
_IS_OBJECT: Final = re.compile(rb"\s*\{")
_COLLECTION: Final = re.compile(rb'"type"\s*:\s*"FeatureCollection"|"features"\s*:\s*\[')
_FEATURE: Final = re.compile(rb'\s*\{[^{}\[\]]{0,400}"type"\s*:\s*"Feature"')
_RECORD_SEPARATOR: Final = b"\x1e"
_LIST_BEGINS: Final = re.compile(rb"^\s*\[\s*(\r?\n|\{)")


def format_of_media_type(content_type: str) -> Format | None:
    """The format an HTTP `Content-Type` names, None when it names none that is known.

    >>> format_of_media_type("text/csv; charset=utf-8")
    <Format.CSV: 'csv'>
    """
    return _MEDIA_TYPES.get(content_type.partition(";")[0].strip().lower())


def format_of_name(name: str) -> Format | None:
    """The format that the ending of a file's name says, None where it says none.

    >>> format_of_name("day.csv.gz")
    <Format.CSV: 'csv'>
    """
    return _SUFFIXES.get(_suffix_of(name))


def compression_of(head: bytes) -> Compression:
    """The compression that the first bytes show.

    >>> compression_of(bytes([0x1F, 0x8B, 8, 0]))
    <Compression.GZIP: 'gzip'>
    """
    if head.startswith(b"\x1f\x8b"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Compression.ZSTD
    return Compression.NONE


def sniff(head: bytes, name: str = "", expected: Format | None = None) -> Format:
    """The format of an uncompressed file from its first bytes and its name.

    `head` is up to `HEAD_BYTES` of content after decompression, `name` the file's name (may be empty, as
    for standard input), `expected` what a media type already said. Text is never guessed against its
    name: a `.csv` is read as CSV and then fails for what is wrong with it as CSV.

    Raises FileRefused (`format`, `encoding`, `empty`).

    >>> sniff(b'{"id": "a"}').value
    'ndjson'
    """
    if not head:
        raise FileRefused("empty", "nothing in it")
    if head.startswith(b"PAR1"):
        return Format.PARQUET
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return Format.ARROW
    _refuse_binary(head)
    text = head.removeprefix(BOM)
    found = expected or _by_name(name, text) or _by_content(text)
    if found in TABLES:
        raise FileRefused("format", f"named as {found.value}, but the content is not")
    if found is Format.NDJSON and _is_array(text):
        raise FileRefused("format", "a JSON array; send one object a line, or say that it is JSON")
    if found is Format.JSON and (_is_collection(text) or _FEATURE.match(text)):
        found = Format.GEOJSON
    if found is Format.GEOJSON and _is_feature_lines(text):
        found = Format.GEOJSON_LINES
    return found


def _refuse_binary(head: bytes) -> None:
    for magic, what in _NOT_EVENTS:
        if head.startswith(magic):
            raise FileRefused("format", f"this is {what}")
    if head[257:262] == b"ustar":
        raise FileRefused("format", "this is a tar archive")
    if compression_of(head) is not Compression.NONE:
        raise FileRefused("format", "compressed twice; one layer is read")
    for mark, encoding in _UNICODE_MARKS:
        if head.startswith(mark):
            raise FileRefused("encoding", f"{encoding}; only UTF-8 is read")
    even, odd = head[0:512:2].count(0), head[1:512:2].count(0)
    quarter = len(head[:512]) // 8
    if quarter and (even > quarter) != (odd > quarter):
        raise FileRefused("encoding", "UTF-16 without a mark; only UTF-8 is read")
    if quarter and even > quarter and odd > quarter:
        raise FileRefused("format", "binary data")


def _by_name(name: str, text: bytes) -> Format | None:
    if _suffix_of(name) == "json":  # an honest name of a document and, as often, of lines
        return Format.NDJSON if _first_of_several_lines(text) is not None else Format.JSON
    return format_of_name(name)


def _suffix_of(name: str) -> str:
    parts = name.lower().rsplit("/", 1)[-1].split(".")[1:]
    while parts and parts[-1] in {"gz", "gzip", "zst", "zstd"}:
        parts.pop()
    return parts[-1] if parts else ""


def _by_content(text: bytes) -> Format:
    if _is_collection(text) or _FEATURE.match(text) or text.startswith(_RECORD_SEPARATOR):
        return Format.GEOJSON
    if _is_array(text):
        return Format.JSON
    first_line = text.lstrip().split(b"\n", 1)[0]
    names = {cell.strip(b' "\r').lower() for cell in re.split(rb"[,;\t|]", first_line)}
    if first_line[:1] not in b"{[" and (
        {b"id", b"sensor_id", b"time"} & names or first_line.startswith(b"sep=")
    ):
        return Format.CSV
    return Format.NDJSON


def _is_collection(text: bytes) -> bool:
    return bool(_IS_OBJECT.match(text)) and bool(_COLLECTION.search(text))


def _is_feature_lines(text: bytes) -> bool:
    """Whether the first line is a whole Feature with more behind it, or RFC 8142 says so."""
    if text.startswith(_RECORD_SEPARATOR):
        return True
    return (_first_of_several_lines(text) or {}).get("type") == "Feature"


def _first_of_several_lines(text: bytes) -> dict[str, Any] | None:
    """The object that is the whole first line, where other lines follow; None where there is no such thing."""
    first, _, rest = text.lstrip().partition(b"\n")
    if not rest.strip():
        return None
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_array(text: bytes) -> bool:
    """An array of rows; a first line that is a whole array is one bad row of NDJSON."""
    if not _LIST_BEGINS.match(text):
        return False
    return not (text.split(b"\n", 1)[0].rstrip().endswith(b"]") and b"\n" in text.strip())
