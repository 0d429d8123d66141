"""A journal record with its payload opened, as the steps take it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from monitoring.adapters.journal import Record
from monitoring.evidence.records import EventsPayload, decode_events, decode_json


@dataclass(frozen=True)
class Entry:
    """`payload` is an `EventsPayload` for `events`, a JSON object for every other type; None when it was erased."""

    seq: int
    type: str
    received_at_ns: int
    door: str
    principal: str
    meta: Mapping[str, Any]
    payload: EventsPayload | dict[str, Any] | None

    @classmethod
    def of(cls, record: Record) -> Self:
        """The entry of a record read from the journal."""
        payload: EventsPayload | dict[str, Any] | None = None
        if record.stored_payload is not None:
            payload = (
                decode_events(record.payload) if record.type == "events" else decode_json(record.payload)
            )
        return cls(
            seq=record.seq,
            type=record.type,
            received_at_ns=record.received_at_ns,
            door=record.door,
            principal=record.principal,
            meta=record.meta,
            payload=payload,
        )

    def json(self) -> dict[str, Any]:
        """The payload of a record that is not `events`."""
        assert isinstance(self.payload, dict), f"record {self.seq} ({self.type}) has no JSON payload"
        return self.payload

    def events(self) -> EventsPayload:
        """The payload of an `events` record."""
        assert isinstance(self.payload, EventsPayload), f"record {self.seq} ({self.type}) holds no events"
        return self.payload
