"""Writing what came in at the door: receipts, quarantined rows, sensors, reference versions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring.adapters.store import tables
from monitoring.adapters.store.canonical import to_json
from monitoring.adapters.store.results import in_parts, insert
from monitoring.decode.timestamps import parse_one


@dataclass(frozen=True)
class QuarantinedRow:
    """One refused row: its position in the journal record, its place in the file, why, and what it was.

    `row` is the 0-based position among the record's rows, `line_no` the 1-based line in the file;
    `header` is the CSV header that a row of a CSV stood under.
    """

    row: int
    line_no: int
    reason: str
    detail: str
    original: bytes
    format: str = "ndjson"
    header: bytes | None = None
    source: str | None = None


@dataclass(frozen=True)
class SensorSeen:
    """What one batch says of one sensor: newest event time, how many events, newest status word if any."""

    sensor_id: str
    last_time_ns: int
    event_count: int
    last_status: str | None = None


def keep_receipt(
    connection: sa.Connection, receipt: Mapping[str, Any], *, principal: str, at_ns: int
) -> None:
    """Keep the receipt; a later one of the same `receipt_id` takes its place."""
    receipt_id = receipt["receipt_id"]
    first = connection.execute(
        sa.select(tables.receipts.c.received_at_ns).where(tables.receipts.c.receipt_id == receipt_id)
    ).scalar_one_or_none()
    connection.execute(sa.delete(tables.receipts).where(tables.receipts.c.receipt_id == receipt_id))
    connection.execute(
        sa.insert(tables.receipts).values(
            receipt_id=receipt_id,
            principal=principal,
            received_at_ns=at_ns if first is None else first,
            journal_from=receipt.get("journal_from"),
            journal_to=receipt.get("journal_to"),
            event_from_ns=_time_ns(receipt.get("first_event")),
            event_to_ns=_time_ns(receipt.get("last_event")),
            body=to_json(receipt),
        )
    )


def _time_ns(text: str | None) -> int | None:
    found = None if text is None else parse_one(text)
    return found if isinstance(found, int) else None


def quarantine(
    connection: sa.Connection,
    rows: Sequence[QuarantinedRow],
    *,
    journal_seq: int,
    receipt_id: str | None,
    at_ns: int,
) -> None:
    """Keep the refused rows of one journal record.

    A row that an earlier delivery brought and that still waits was sent again: the new one stands for it, so that
    sending a file twice does not show its refused rows twice.
    """
    prints = [_fingerprint(row) for row in rows]
    q = tables.quarantine.c
    for part in in_parts(list(dict.fromkeys(prints))):
        connection.execute(
            sa.update(tables.quarantine)
            .where(q.fingerprint.in_(part), q.replayed_at_ns.is_(None), q.receipt_id != receipt_id)
            .values(replayed_at_ns=at_ns)
        )
    insert(
        connection,
        tables.quarantine,
        [
            {
                "journal_seq": journal_seq,
                "row": r.row,
                "receipt_id": receipt_id,
                "source": r.source,
                "line_no": r.line_no,
                "reason": r.reason,
                "detail": r.detail,
                "format": r.format,
                "header": r.header,
                "original": r.original,
                "fingerprint": fingerprint,
                "received_at_ns": at_ns,
                "replayed_at_ns": None,
            }
            for r, fingerprint in zip(rows, prints, strict=True)
        ],
    )


def _fingerprint(row: QuarantinedRow) -> str:
    """A hash of what was sent: format, header and row."""
    parts = (row.format.encode(), row.header or b"", row.original)
    return hashlib.blake2b(b"".join(len(p).to_bytes(8, "big") + p for p in parts), digest_size=16).hexdigest()


def register(connection: sa.Connection, sensor: Mapping[str, Any], *, at_ns: int) -> None:
    """Put a sensor into the registry or change it; names as in the registry (`id`, `type`, `lon`, …)."""
    sensor_id = sensor["id"]
    connection.execute(sa.delete(tables.sensors).where(tables.sensors.c.sensor_id == sensor_id))
    connection.execute(
        sa.insert(tables.sensors).values(
            sensor_id=sensor_id,
            type=sensor["type"],
            lon=sensor.get("lon"),
            lat=sensor.get("lat"),
            host_side=sensor.get("host_side"),
            record=to_json(dict(sensor)),
            registered_at_ns=at_ns,
        )
    )


def saw(connection: sa.Connection, seen: Sequence[SensorSeen], *, at_ns: int) -> None:
    """Bring the sensors' status forward; an older time never replaces a newer one."""
    if not seen:
        return
    status = tables.sensor_status.c
    known = {
        row.sensor_id: row
        for row in connection.execute(
            sa.select(status.sensor_id, status.last_time_ns, status.event_count, status.last_status)
        )
    }
    rows = []
    for one in seen:
        before = known.get(one.sensor_id)
        newest = one.last_time_ns if before is None else max(one.last_time_ns, before.last_time_ns)
        last_status = one.last_status or (before.last_status if before else None)
        rows.append(
            {
                "sensor_id": one.sensor_id,
                "last_time_ns": newest,
                "last_received_ns": at_ns,
                "event_count": one.event_count + (before.event_count if before else 0),
                "last_status": last_status,
            }
        )
    connection.execute(sa.insert(tables.sensor_status).prefix_with("OR REPLACE"), rows)


def keep_reference(
    connection: sa.Connection,
    kind: str,
    version: str,
    *,
    label: str,
    body: Any,
    valid_from_ns: int,
    valid_to_ns: int | None,
    journal_seq: int,
) -> None:
    """Keep a version of line, agreement or area with the event times for which it holds."""
    table = tables.reference
    same = (table.c.kind == kind, table.c.version == version, table.c.valid_from_ns == valid_from_ns)
    connection.execute(sa.delete(table).where(*same))
    connection.execute(
        sa.insert(table).values(
            kind=kind,
            version=version,
            valid_from_ns=valid_from_ns,
            valid_to_ns=valid_to_ns,
            label=label,
            body=to_json(body),
            journal_seq=journal_seq,
        )
    )
