"""What the HTTP door asks of a home at work (`api.ports.Runtime`), in the door's words.

Bodies become deliveries, media types become formats, and what the door shows of the mission is taken from the
runtime as it stands.
"""

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Literal

from geodata.belts import belts_along
from geodata.contact_line import ContactLine
from geodata.sectors import Sectors
from monitoring.adapters.archive import Archive
from monitoring.adapters.intake import Input, ingest_files, ingest_stream
from monitoring.adapters.mission import Mission
from monitoring.adapters.reporting import FORMATS, periods_with_data, render_report
from monitoring.adapters.runtime import Runtime
from monitoring.adapters.store import Store
from monitoring.agreement import Agreement
from monitoring.agreement.notice_file import in_force
from monitoring.decode import FileRefused, Format, format_of_media_type

BELTS = (("warning", "width_m"), ("critical", "critical_m"))
"""The belts of the buffer, widest first, and the agreement's parameter of each."""
ANY_MEDIA_TYPE = "application/octet-stream"
"""A file as it is: its format is recognised by name and content."""


class MissionService:
    """One home behind the HTTP door. Every method may be called from any thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._belts: tuple[str, str, dict[str, Any]] | None = None
        self._reports: dict[tuple[str, str, int], bytes] = {}

    @property
    def store(self) -> Store:
        return self._runtime.store

    @property
    def archive(self) -> Archive:
        return self._runtime.archive

    @property
    def mission_name(self) -> str:
        return self._mission.name

    @property
    def is_illustrative(self) -> bool:
        return self._mission.is_illustrative

    @property
    def line(self) -> ContactLine:
        return self._mission.line_at(self._runtime.clock_ns())

    @property
    def sectors(self) -> Sectors:
        return self._mission.sectors

    @property
    def agreement(self) -> Agreement:
        return self._mission.agreement

    @property
    def belts(self) -> dict[str, Any]:
        """The belts of the agreement along the present line, as GeoJSON."""
        key = (self.line.version, self.agreement.version)
        if self._belts is None or self._belts[:2] != key:
            now_ns, features = self._runtime.clock_ns(), []
            for belt, parameter in BELTS:
                width_m = self.agreement.value(f"buffer_incursion.{parameter}", now_ns)
                for feature in belts_along(self.line, width_m)["features"]:
                    feature["properties"]["belt"] = belt
                    features.append(feature)
            self._belts = (*key, {"type": "FeatureCollection", "features": features})
        return self._belts[2]

    def ingest_bytes(
        self,
        body: bytes,
        *,
        content_type: str,
        encoding: str | None,
        principal: str,
        wait: Literal["durable", "processed"] = "durable",
        end_of_input: bool = False,
        name: str = "request body",
        now_ns: int | None = None,
    ) -> dict[str, Any]:
        """Take one whole body through the door; the receipt, durable when this returns."""
        runtime = self._runtime
        runtime.room()
        try:
            expected = self._format_of(content_type)
            if encoding == "gzip":
                _require_gzip(body)
        except FileRefused as error:
            return _refused(name, error)
        receipt = ingest_files(
            runtime,
            [Input(body, name)],
            door="http",
            principal=principal,
            now_ns=now_ns,
            expected=expected,
            end_of_input=end_of_input,
        )
        receipt_id = receipt["receipt_id"]
        if receipt_id is None or end_of_input:
            return receipt
        if wait == "processed":
            return {**(runtime.settle(receipt_id) or receipt), "files": receipt["files"]}
        runtime.want_tick(receipt_id)
        return receipt

    def ingest_stream(
        self,
        pieces: Iterable[bytes],
        *,
        content_type: str,
        encoding: str | None,
        principal: str,
        wait: Literal["durable", "processed"] = "durable",
    ) -> Iterator[dict[str, Any]]:
        """Take a stream through the door; a running receipt per 10,000 rows or second, the last with `final`."""
        runtime = self._runtime
        runtime.room()
        form = self._format_of(content_type) or Format.NDJSON
        plain = _inflated(pieces) if encoding == "gzip" else pieces
        for receipt in ingest_stream(runtime, plain, form=form, principal=principal):
            if receipt["final"] and wait == "processed" and receipt["receipt_id"] is not None:
                yield {**receipt, **(runtime.settle(receipt["receipt_id"]) or {})}
            else:
                yield receipt

    def act(self, principal: str, action: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person decided."""
        return self._runtime.act(principal, action)

    def change_account(self, principal: str, record: Mapping[str, Any]) -> None:
        """Journal and apply an `account` record."""
        self._runtime.change_account(principal, record)

    def register_sensors(self, principal: str, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Add sensors to the registry or change them."""
        return self._runtime.register_sensors(principal, sensors)

    def load_line(self, principal: str, geojson: Mapping[str, Any], valid_from_ns: int) -> dict[str, Any]:
        """Add a line version."""
        return self._runtime.load_line(principal, geojson, valid_from_ns)

    def load_notices(self, principal: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Take notices."""
        return self._runtime.load_notices(principal, document, name)

    def notices(self) -> dict[str, Any]:
        """What is told at present."""
        return in_force(self._mission.agreement, self._mission.notices)

    def reanalyse(self, principal: str, from_ns: int, to_ns: int, *, is_applied: bool) -> dict[str, Any]:
        """What the present engine and reference data would change; published if `is_applied`."""
        return self._runtime.reanalyse(principal, from_ns, to_ns, is_applied=is_applied)

    def replay_quarantine(self, principal: str, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Send quarantined rows through the door again."""
        return self._runtime.replay_quarantine(principal, selection)

    def reports(self) -> list[dict[str, Any]]:
        """The periods that can be reported on, newest first."""
        return [
            {**period, "formats": list(FORMATS), "sealed": False}
            for period in reversed(periods_with_data(self.store, self.agreement))
        ]

    def report(self, date_text: str, format_name: str) -> bytes | None:
        """The report of the period that ends on a date, as of now; None where it cannot be made."""
        if format_name not in FORMATS:
            return None
        try:
            on = date.fromisoformat(date_text)
        except ValueError:
            return None
        key = (date_text, format_name, self.store.offset())
        if key not in self._reports:
            self._reports = {(date_text, name, key[2]): data for name, data in self._render(on).items()}
        return self._reports.get(key)

    def _render(self, on: date) -> dict[str, bytes]:
        as_of_ns = self._runtime.processor.watermark_ns or 0
        return render_report(self.store, self.archive, self._mission, on, as_of_ns)

    def status(self) -> dict[str, Any]:
        """Where journal, engine and store stand."""
        return self._runtime.status()

    @property
    def _mission(self) -> Mission:
        mission = self._runtime.mission
        assert mission is not None
        return mission

    @staticmethod
    def _format_of(content_type: str) -> Format | None:
        if content_type.partition(";")[0].strip().lower() in {ANY_MEDIA_TYPE, ""}:
            return None
        found = format_of_media_type(content_type)
        if found is None:
            raise FileRefused("format", f"{content_type} is not a media type of events")
        return found


def _refused(name: str, error: FileRefused) -> dict[str, Any]:
    return {
        "receipt_id": None,
        "journal_from": None,
        "journal_to": None,
        "accepted": 0,
        "duplicates": 0,
        "rejected": {},
        "flagged": {},
        "rows": [],
        "findings": None,
        "incidents": None,
        "cases": None,
        "files": [{"file": name, "reason": error.reason, "detail": error.detail}],
    }


def _require_gzip(body: bytes) -> None:
    if not body.startswith(b"\x1f\x8b"):
        raise FileRefused("format", "Content-Encoding says gzip, the body is not")


def _inflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces of a gzip stream, uncompressed as they come; at most 1 MiB at a time."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            data = piece
            while data:
                yield inflater.decompress(data, 1 << 20)
                data = inflater.unconsumed_tail
        yield inflater.flush()
    except zlib.error as error:
        raise FileRefused("truncated", f"the gzip stream is broken ({error})") from error
    if not inflater.eof:
        raise FileRefused("truncated", "the gzip stream has no end")
