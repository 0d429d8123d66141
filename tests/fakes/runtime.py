"""A thin runtime over the real store for tests of the HTTP door: it numbers records and applies them at once.

It implements `api.ports.Runtime`. What the door hands over is kept in `calls`; a delivery accepts each non-empty
line that begins with `{` and refuses the others.
"""

import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from argon2 import PasswordHasher

from geodata.contact_line import ContactLine
from geodata.sectors import Sectors
from monitoring import schema
from monitoring.adapters.credentials import token_sha256
from monitoring.adapters.store import QuarantinedRow, Store
from monitoring.agreement import Agreement
from monitoring.agreement.notice_file import in_force
from monitoring.agreement.notices import canonical, version_of
from tests.fakes.tables import START_NS, Output

SECRET = "correct horse battery"
_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def hashed(secret: str) -> str:
    """A hash of the secret that is cheap to verify: the cost of a real one is tested where it is made."""
    return _CHEAP.hash(secret)


class EventsInMemory:
    """Accepted events as one table."""

    def __init__(self) -> None:
        self.table = schema.EVENTS.empty_table()

    def select(
        self,
        keys: Iterable[tuple[str, str | None]] | None = None,
        ids: Iterable[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        *,
        kinds: Iterable[str] | None = None,
        addresses: Iterable[tuple[int, int]] | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        wanted_keys = None if keys is None else set(keys)
        wanted_ids = None if ids is None else set(ids)
        wanted_addresses = None if addresses is None else set(addresses)
        assert bbox is None
        assert kinds is None
        keep = [
            (wanted_keys is None or (row["sensor_id"], row["track_id"]) in wanted_keys)
            and (wanted_ids is None or f"{row['sensor_id']}/{row['id']}" in wanted_ids)
            and (wanted_addresses is None or (row["journal_seq"], row["row"]) in wanted_addresses)
            and (from_ns is None or row["time_ns"] >= from_ns)
            and (to_ns is None or row["time_ns"] < to_ns)
            for row in self.table.to_pylist()
        ]
        found = self.table.filter(pa.array(keep, type=pa.bool_()))
        return found if limit is None else found.slice(0, limit)


class ThinRuntime:
    """Numbers records and applies them to the store."""

    mission_name = "test mission"
    is_illustrative = True

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.archive = EventsInMemory()
        self.belts: dict[str, Any] = {"type": "FeatureCollection", "features": []}
        self.line = ContactLine([30.0, 33.0, 36.0], [47.0, 48.0, 48.5], "test line", "A", 0.0)
        self.sectors = Sectors.fit(self.line, 100_000.0)
        self.agreement = Agreement.load("minimal")
        self.now_ns = START_NS
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: Exception | None = None
        self.is_ready = True
        self._lock = threading.RLock()
        self._seq = self.store.offset()

    def close(self) -> None:
        self.store.close()

    def with_people(self) -> dict[str, str]:
        """The people and tokens of a mission that has begun; the tokens' texts by name."""
        people = {
            "analyst": ["analyst"],
            "reviewer": ["reviewer"],
            "reviewer2": ["reviewer"],
            "operator": ["operator"],
            "auditor": ["auditor"],
            "commissioner": ["commissioner"],
            "admin": ["admin"],
            "liaison_a": ["liaison_a"],
        }
        for name, roles in people.items():
            self.change_account("test", account(name, roles))
        texts = {}
        for name, scopes in {"ingest": ("events",), "local": ("local",)}.items():
            prefix = f"{len(texts):012x}"
            texts[name] = f"cl_{prefix}_{secrets.token_hex(32)}"
            token = {"op": "token", "prefix": prefix, "sha256": token_sha256(texts[name]), "name": name}
            self.change_account("test", {**token, "scopes": list(scopes)})
        return texts

    def publish(self, output: Output) -> int:
        """Apply an output as the next record."""
        with self._lock, self._next() as tx:
            tx.apply(output)
        return self._seq

    def act(self, principal: str, action: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            stated = {**action, "actor": principal}
            self.store.check_action(stated, self.now_ns)
            with self._next() as tx:
                answer = tx.action(stated)
        assert answer is not None
        return answer

    def change_account(self, principal: str, record: Mapping[str, Any]) -> None:
        with self._lock, self._next() as tx:
            tx.account(record, actor=principal)

    def register_sensors(self, principal: str, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        for sensor in sensors:
            if sensor["type"] not in schema.SENSOR_TYPES:
                raise ValueError(f"sensor {sensor['id']!r}: type {sensor['type']!r} is not known")
        with self._lock, self._next() as tx:
            for sensor in sensors:
                tx.registry(sensor, actor=principal)
        return {"added": len(sensors), "changed": 0}

    def load_line(self, principal: str, geojson: Mapping[str, Any], valid_from_ns: int) -> dict[str, Any]:
        self.calls.append(("load_line", {"principal": principal, "valid_from_ns": valid_from_ns}))
        line = ContactLine.from_geojson(dict(geojson))
        return {"version": line.version, "label": line.label, "length_m": line.length_m, "misplaced": []}

    def load_notices(self, principal: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        self.calls.append(("load_notices", {"principal": principal, "name": name}))
        content = canonical(dict(document), name)
        return {"version": version_of(content), "label": name, "told": {}}

    def notices(self) -> dict[str, Any]:
        return in_force(self.agreement, [])

    def reanalyse(self, principal: str, from_ns: int, to_ns: int, *, is_applied: bool) -> dict[str, Any]:
        assert principal
        assert from_ns < to_ns
        return {"applied": is_applied, "findings": [], "incidents": 0}

    def replay_quarantine(self, principal: str, selection: Mapping[str, Any]) -> dict[str, Any]:
        self.calls.append(("replay_quarantine", {"principal": principal}))
        return {"replayed": 0, **selection}

    def reports(self) -> list[dict[str, Any]]:
        one = {"from": "2026-11-23T17:30:00Z", "to": "2026-11-24T17:30:00Z", "sealed": False}
        return [{"date": "2026-11-24", "formats": ["html", "csv", "json"], **one}]

    def report(self, date: str, format_name: str) -> bytes | None:
        return f"{format_name} of {date}".encode() if date == "2026-11-24" else None

    def status(self) -> dict[str, Any]:
        why = "" if self.is_ready else "the disk is full"
        return {"ready": self.is_ready, "why": why, "journal_seq": self._seq, "processed_seq": self._seq}

    def ingest_bytes(self, body: bytes, **how: Any) -> dict[str, Any]:
        self.calls.append(("ingest_bytes", {"body": body, **how}))
        if self.refuse is not None:
            raise self.refuse
        if not body:
            return self._receipt([], [], how, files=[{"file": "body", "reason": "empty", "detail": "no row"}])
        lines = body.splitlines()
        return self._take(lines, how)

    def ingest_stream(self, pieces: Iterable[bytes], **how: Any) -> Iterator[dict[str, Any]]:
        self.calls.append(("ingest_stream", how))
        rest, lines = b"", []
        broken = None
        try:
            for piece in pieces:
                *whole, rest = (rest + piece).split(b"\n")
                lines += whole
                if len(lines) % 1_000 == 0:
                    yield {"accepted": len(lines), "duplicates": 0, "final": False}
        except ConnectionError as error:
            broken = str(error)
        lines += [rest] if rest else []
        yield {**self._take(lines, how), "final": True, **({"broken": broken} if broken else {})}

    def _take(self, lines: list[bytes], how: Mapping[str, Any]) -> dict[str, Any]:
        good = [line for line in lines if line.startswith(b"{")]
        bad = [(at, line) for at, line in enumerate(lines) if not line.startswith(b"{")]
        return self._receipt(good, bad, how)

    def _receipt(
        self,
        good: list[bytes],
        bad: list[tuple[int, bytes]],
        how: Mapping[str, Any],
        files: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        receipt_id = f"r-{self._seq + 1}"
        receipt = {
            "receipt_id": receipt_id,
            "journal_from": self._seq + 1,
            "journal_to": self._seq + 1,
            "accepted": len(good),
            "duplicates": 0,
            "rejected": {"json_syntax": len(bad)} if bad else {},
            "flagged": {},
            "rows": [{"line": at + 1, "reason": "json_syntax"} for at, _ in bad],
            "findings": None,
            "incidents": None,
            "cases": None,
            "files": list(files),
        }
        if not files:
            with self._lock, self._next() as tx:
                tx.receipt(receipt, principal=how["principal"])
                tx.quarantine(
                    [QuarantinedRow(at, at + 1, "json_syntax", "no JSON", line) for at, line in bad],
                    receipt_id=receipt_id,
                )
        return receipt

    def _next(self) -> Any:
        self._seq += 1
        self.now_ns += 10**9
        return self.store.transaction(self._seq, self.now_ns)


def account(name: str, roles: Sequence[str], **values: Any) -> dict[str, Any]:
    """The record that creates an account with the secret SECRET."""
    return {
        "op": "create",
        "name": name,
        "display_name": name.title(),
        "roles": list(roles),
        "secret_hash": hashed(SECRET),
        "must_set_secret": False,
        **values,
    }


def some_events(count: int = 3) -> pa.Table:
    """Fixes of one track by one sensor that states where it stands."""
    rows = [
        {
            **dict.fromkeys(schema.EVENTS.names),
            "journal_seq": 1,
            "row": at,
            "flags": 1 if at == 0 else 0,
            "sensor_id": "s",
            "id": str(at + 1),
            "time_ns": START_NS + at * 10**9,
            "kind": "track",
            "track_id": "t",
            "lon": 35.0 + at / 1_000,
            "lat": 48.0,
            "sigma_m": 25.0,
            "sensor_lon": 34.987_654,
            "sensor_lat": 47.987_654,
            "bearing_deg": 45.0,
            "range_m": 1_000.0,
            "text": "<script>alert(1)</script>",
        }
        for at in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=schema.EVENTS)
