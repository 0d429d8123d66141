"""Sending quarantined rows through the door again, as after a sensor was registered or the clock went on."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from monitoring.adapters.intake import Delivery
from monitoring.decode import Format, chunks_of_originals

if TYPE_CHECKING:
    from monitoring.adapters.runtime import Runtime

ROWS_AT_ONCE: Final = 5_000


def replay_quarantine(runtime: "Runtime", principal: str, selection: Mapping[str, Any]) -> dict[str, Any]:
    """Take the rows of `selection` (`reason`, `receipt_id`, or all) through the door again; the receipt.

    Each row leaves the list; one that is refused again comes back under the new receipt, with the line and file it
    came from, so it stands there once. The oldest go first: of several with one id the first stays.
    """
    delivery = Delivery(runtime, door="quarantine", principal=principal)
    with runtime.reading_a_file():
        for (form, header), rows in groupby(
            _rows(runtime, selection), key=lambda row: (row["format"], row["header"])
        ):
            batch: list[dict[str, Any]] = []
            for row in rows:
                batch.append(row)
                if len(batch) == ROWS_AT_ONCE:
                    _take(delivery, form, header, batch)
                    batch = []
            _take(delivery, form, header, batch)
        body = delivery.end()
    return {**body, "files": []}


def _take(delivery: Delivery, form: str, header: bytes | None, rows: list[dict[str, Any]]) -> None:
    done = 0
    for chunk, count in chunks_of_originals(Format(form), header, [row["original"] for row in rows]):
        addresses = [(row["journal_seq"], row["row"]) for row in rows[done : done + count]]
        delivery.take(Format(form), chunk, replays=addresses)
        done += count


def _rows(runtime: "Runtime", selection: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    last_seq = runtime.journal.last_seq
    while True:
        page = runtime.store.quarantine_page(
            reason=selection.get("reason"),
            receipt_id=selection.get("receipt_id"),
            is_open_only=True,
            newest_first=False,
            limit=500,
            cursor=cursor,
        )
        for row in page.items:
            if row["journal_seq"] > last_seq:  # refused again in this very run
                return
            yield row
        cursor = page.next_cursor
        if cursor is None:
            return
