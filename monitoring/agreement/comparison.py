"""An agreement for people: everything it says as lines of a table, and what differs between two of them.

A line has a key (`parameters.buffer_incursion.width_m`, `clauses.1.1.text`), the date from which it holds, and the
value. Entries of lists stand under their ids, so that a changed order is no change.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from monitoring.agreement.agreement import Agreement

ALWAYS: Final = "always"


@dataclass(frozen=True, order=True)
class Line:
    """What holds under `key` from `since` (a date as written, or `always`) on; `value` as JSON text."""

    key: str
    since: str
    value: str


@dataclass(frozen=True)
class Change:
    """What two agreements say differently under a key from a date on; None = nothing is said."""

    key: str
    since: str
    before: str | None
    after: str | None


def lines_of(agreement: Agreement) -> list[Line]:
    """Everything that an agreement says, by key and then in order of date."""
    return sorted(_lines("", agreement.content))


def differences(first: Agreement, second: Agreement) -> list[Change]:
    """What changes from the first to the second, by key and date. Equal agreements give nothing."""
    before = {(line.key, line.since): line.value for line in lines_of(first)}
    after = {(line.key, line.since): line.value for line in lines_of(second)}
    return [
        Change(key, since, before.get((key, since)), after.get((key, since)))
        for key, since in sorted({*before, *after})
        if before.get((key, since)) != after.get((key, since))
    ]


def _lines(key: str, raw: Any) -> Iterator[Line]:
    if isinstance(raw, Mapping) and "type" not in raw:
        for name, value in raw.items():
            yield from _lines(f"{key}.{name}" if key else str(name), value)
    elif isinstance(raw, list) and raw and all(isinstance(entry, Mapping) for entry in raw):
        for entry in raw:
            yield from _entry(key, entry)
    else:
        text = json.dumps(raw, ensure_ascii=False, sort_keys=True)
        yield Line(key, ALWAYS, raw if isinstance(raw, str) else text)


def _entry(key: str, entry: Mapping[str, Any]) -> Iterator[Line]:
    """An entry of a list: by its id, and by its date where it has one."""
    since = str(entry.get("from", ALWAYS))
    if set(entry) == {"from", "value"}:
        yield Line(
            key.removesuffix(".values"), since, json.dumps(entry["value"], ensure_ascii=False, sort_keys=True)
        )
        return
    name = f"{key}.{entry['id']}" if "id" in entry else key
    for field, value in entry.items():
        if field not in ("id", "from"):
            for line in _lines(f"{name}.{field}", value):
                yield Line(line.key, since, line.value)
