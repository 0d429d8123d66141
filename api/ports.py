"""What the HTTP door needs from the running system: `Runtime`, given as `app.state.runtime`.

The composition root hands in the real one. Every method may be called from any thread and blocks until
its work is done; the door calls them off the event loop.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import pyarrow as pa

from geodata.contact_line import ContactLine
from geodata.sectors import Sectors
from monitoring.adapters.store import Store
from monitoring.agreement import Agreement

Wait = Literal["durable", "processed"]
"""When a delivery is answered: once its journal record is synced, or once its results are in the store."""


class EventArchive(Protocol):
    """Accepted events that can be opened again (rows of `schema.EVENTS`)."""

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
        """Events that meet every condition given, in canonical order.

        `keys` are (sensor, track), `ids` are `sensor_id/id`, `addresses` are (journal_seq, row).
        """


class Runtime(Protocol):
    """Journal, engine and store behind one set of calls.

    Raises, besides what each method says: `monitoring.adapters.refusals.Overloaded` (429) and
    `StorageFull` (507).
    """

    @property
    def store(self) -> Store: ...
    @property
    def archive(self) -> EventArchive: ...
    @property
    def mission_name(self) -> str: ...
    @property
    def is_illustrative(self) -> bool:
        """Whether line and agreement are the shipped stand-ins."""

    @property
    def line(self) -> ContactLine: ...
    @property
    def sectors(self) -> Sectors: ...
    @property
    def agreement(self) -> Agreement: ...
    @property
    def belts(self) -> dict[str, Any]:
        """GeoJSON FeatureCollection of the belts along the line; may be empty."""

    def ingest_bytes(
        self,
        body: bytes,
        *,
        content_type: str,
        encoding: str | None,
        principal: str,
        wait: Wait = "durable",
        end_of_input: bool = False,
        name: str = "request body",
        now_ns: int | None = None,
    ) -> dict[str, Any]:
        """Take one whole body through the door; the receipt, durable when this returns.

        `name` is what the receipt calls it; `now_ns` is the reference clock for skew (the wall clock otherwise).
        A body that is refused whole has `files: [{file, reason, detail}]` in its receipt and left nothing
        behind.
        """

    def ingest_stream(
        self,
        pieces: Iterable[bytes],
        *,
        content_type: str,
        encoding: str | None,
        principal: str,
        wait: Wait = "durable",
    ) -> Iterator[dict[str, Any]]:
        """Take a stream through the door; a running receipt per 10,000 rows or second, the last with
        `final: true`.

        `pieces` are cut anywhere. If iterating them raises `ConnectionError` the stream broke: what a receipt
        acknowledged stays, the last receipt says where it broke (`broken: detail`).
        """

    def act(self, principal: str, action: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a person decided: check it, journal it, apply it in one transaction (`Store.check_action`).

        Returns `{"case": number, "version": n}`. Raises the errors of `monitoring.cases.errors`.
        """

    def change_account(self, principal: str, record: Mapping[str, Any]) -> None:
        """Journal and apply an `account` record (`Transaction.account` lists them)."""

    def register_sensors(self, principal: str, sensors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Add sensors to the registry or change them. Raises ValueError naming sensor and field."""

    def load_line(self, principal: str, geojson: Mapping[str, Any], valid_from_ns: int) -> dict[str, Any]:
        """Add a line version. Raises `geodata.errors.LineInvalid`."""

    def load_notices(self, principal: str, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Take notices of the file `name`: `{version, label, told}`. Raises `AgreementInvalid`."""

    def notices(self) -> dict[str, Any]:
        """What the agreement and the notices tell at present, by section, as it was written."""

    def reanalyse(self, principal: str, from_ns: int, to_ns: int, *, is_applied: bool) -> dict[str, Any]:
        """What the present engine and reference data would change in the results of a time; published if applied."""

    def replay_quarantine(self, principal: str, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Send quarantined rows through the door again (`reason`, `receipt_id` or all); the receipt."""

    def reports(self) -> list[dict[str, Any]]:
        """Periods that can be reported on, newest first: `{date, from, to, formats: [...], sealed}`."""

    def report(self, date: str, format_name: str) -> bytes | None:
        """The bytes of one report, None where there is none."""

    def status(self) -> dict[str, Any]:
        """Where journal, engine and store stand, for people and for `/readyz` (`ready: bool`, `why: str`)."""
