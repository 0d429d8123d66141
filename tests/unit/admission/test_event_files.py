"""Whole event files of every kind that a feed throws, against the committed table of what becomes of them."""

import csv
import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from monitoring.admission import MemorySeenIds, Receipt, Registry, Sensor, admit
from monitoring.decode import DEFAULT_LIMITS, FileRefused, Limits, check_file, chunks, decode
from monitoring.decode.timestamps import parse_one
from tests.real_data import real

FOLDER = Path(__file__).resolve().parents[3] / "fixtures" / "events"


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


TABLE = rows_of(FOLDER / "expected.csv")


class Box:
    def __init__(self, west: float, south: float, east: float, north: float) -> None:
        self.bounds = (west, south, east, north)

    def contains(self, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        west, south, east, north = self.bounds
        return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def ns(text: str) -> int:
    outcome = parse_one(text)
    assert isinstance(outcome, int)
    return outcome


def receipt_of(
    path: Path, registry: Registry, area: Box, now: str, limits: Limits = DEFAULT_LIMITS
) -> Receipt:
    """The receipt of one file, taken in as a door would. Raises FileRefused."""
    checked = check_file(path, limits)
    seen = MemorySeenIds()
    receipt = Receipt()
    for chunk in chunks(path, checked.format, limits):
        decoded = decode(checked.format, chunk.data, chunk.first_line, chunk.header, limits)
        admission = admit(decoded, registry, area, ns(now), None, seen, limits)
        kept = np.isin(decoded.ok_rows, admission.accepted_rows)
        seen.add(decoded.key_hash[kept], decoded.content_hash[kept])
        receipt = receipt.merge(admission.receipt)
    return receipt


def counts(text: str) -> dict[str, int]:
    return {
        code: int(number) for code, _, number in (part.partition(":") for part in text.split(";") if part)
    }


@pytest.mark.parametrize("row", TABLE, ids=[row["file"] for row in TABLE])
@pytest.mark.parametrize("chunk_bytes", [4 << 20, 64])
def test_each_file_has_the_outcome_in_the_table_however_it_is_cut(
    row: dict[str, str], chunk_bytes: int
) -> None:
    registry = Registry.of(
        [
            Sensor("POST-7", "human_report"),
            Sensor("TOWER-1", "eo_ir_tower", 36.0, 49.0),
            Sensor("OLD-1", "generic", valid_to_ns=ns("2026-01-01T00:00:00Z")),
        ]
    )
    limits = Limits(chunk_bytes=chunk_bytes)
    area = Box(30.0, 44.0, 40.0, 53.0)
    if row["file_reason"]:
        with pytest.raises(FileRefused) as refusal:
            receipt_of(FOLDER / row["file"], registry, area, "2026-03-15T12:00:00Z", limits)
        assert refusal.value.reason == row["file_reason"]
        assert len(refusal.value.detail) <= 200
        return
    receipt = receipt_of(FOLDER / row["file"], registry, area, "2026-03-15T12:00:00Z", limits)
    assert receipt.row_count == int(row["rows"])
    assert receipt.accepted == int(row["accepted"])
    assert receipt.duplicates == int(row["duplicates"])
    assert receipt.rejected == counts(row["rejected"])
    flagged = counts(row["flagged"])
    flags = dict(receipt.flagged)
    if chunk_bytes < 4096:  # a possible duplicate is looked for within a chunk only
        flagged.pop("possible_duplicate", None)
        flags.pop("possible_duplicate", None)
    assert flags == flagged
    refused = Counter(row.reason for row in receipt.rows)
    assert sum(refused.values()) == sum(receipt.rejected.values()) + receipt.flagged.get("id_conflict", 0)
    assert all(len(row.detail) <= 160 and row.detail.isprintable() for row in receipt.rows)


def test_every_committed_file_stands_in_the_table() -> None:
    files = {path.name for path in FOLDER.iterdir()} - {"README.md", "expected.csv"}
    assert files == {row["file"] for row in TABLE}


def test_bad_input_of_real_feeds_is_accepted_or_refused_as_expected() -> None:
    registry = Registry.of([Sensor("GS-017", "geophone")])
    wrong: list[str] = []
    for row in rows_of(real("bad_input/expected.csv")):
        if row["reason_code"] == "line_invalid":  # no file of events
            continue
        path = real(f"bad_input/{row['file']}")
        try:
            receipt = receipt_of(path, registry, Box(28.0, 44.0, 42.0, 53.0), "2026-08-22T12:00:00Z")
        except FileRefused as refusal:
            fits = row["action"] == "reject_file" and refusal.reason in {
                row["reason_code"],
                *row["ambiguous"].split(),
            }
        else:
            found = {*receipt.rejected, *receipt.flagged, *(["duplicate"] if receipt.duplicates else [])}
            fits = (
                receipt.accepted == int(row["rows_accepted"])
                and receipt.has_refusals == (row["action"] == "reject_row")
                and (not row["reason_code"] or bool(found & {row["reason_code"], row["ambiguous"]}))
            )
        if not fits:
            wrong.append(row["file"])
    assert wrong == []
