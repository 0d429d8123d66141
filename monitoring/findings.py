"""Making rows of the findings table: identity, the verdict an affiliation allows, common columns.

Findings are few, so they are made one by one and in words; what finds them works on arrays.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring import schema
from monitoring.agreement import Parameters, Permission

Reals = NDArray[np.float64]
Instants = NDArray[np.int64]

SIDE_NAMES: Final = {1: "A", -1: "B"}
DIRECTION_NAMES: Final = {1: "A>B", -1: "B>A"}
_UNKNOWN: Final = schema.AFFILIATIONS.index("unknown")
_NOTHING: Final = pa.Table.from_batches([], schema.FINDINGS)  # loads no pandas, as `empty_table` would


_ORDER: Final = ("rule_id", "time_start_ns", "finding_id", "revision")
"""Behind the time of decision, what findings are put in order by."""
Decided = tuple[int, Mapping[str, Any]]
"""The event time that decided a finding, and its row."""


class Judged(NamedTuple):
    """Findings and the event time that decided each one (n,): from then on it could not change any more.

    `sketches`: the thinned fixes (`monitoring.tracks.sketches`) of the tracks they were judged with, where the
    findings are those of tracks.
    """

    findings: pa.Table
    decided_ns: NDArray[np.int64]
    sketches: pa.Table | None = None

    @classmethod
    def of(cls, rows: Iterable[Decided]) -> "Judged":
        """From rows in any order: in that of decision, then rule, start, finding id and revision."""
        ordered = sorted(
            rows,
            key=lambda r: (r[0], *(r[1][name] for name in _ORDER)),
        )
        decided_ns = np.array([decided for decided, _ in ordered], dtype=np.int64)
        return cls(table(row for _, row in ordered), decided_ns)

    def with_others(self, others: "Judged") -> "Judged":
        """Together with others, in the order of `of`."""
        whole = pa.concat_tables([self.findings, others.findings]).combine_chunks()
        decided_ns = np.concatenate([self.decided_ns, others.decided_ns])
        columns = (whole.column(name).to_pylist() for name in _ORDER)
        keys = list(zip(decided_ns.tolist(), *columns, strict=True))
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        return self._replace(findings=whole.take(pa.array(order)), decided_ns=decided_ns[order])


def table(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A findings table of rows; columns that may be absent need not be given.

    >>> table([]).schema == schema.FINDINGS
    True
    """
    given = list(rows)
    return pa.Table.from_pylist(given, schema=schema.FINDINGS) if given else _NOTHING


def identity(kind: str, rule_id: str, key: str, first_event: str, *others: str | int) -> str:
    """The id of a finding or incident: a hash of what it is about and of its first event; no float enters.

    >>> identity("finding", "line_crossing", "track:s/1", "s/a", "A>B", 0)
    'F-ad1ea68949fffc5f7834671e'
    """
    text = "\n".join([kind, rule_id, key, first_event, *(str(other) for other in others)])
    return f"{kind[0].upper()}-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


class Judgement(NamedTuple):
    """What a fact of movement amounts to, given whose forces it was: verdict, party and the reason in words."""

    verdict: str
    party: str | None
    reason: str


def judgement(affiliations: Iterable[int]) -> Judgement:
    """The judgement that the stated affiliations allow (positions in `schema.AFFILIATIONS`; -1 = not stated).

    Forces of a party are in breach; monitors are permitted; for civilians, unknown objects and contradicting
    statements the fact stands and its meaning is undetermined.

    >>> judgement([0, -1]).party, judgement([3]).verdict, judgement([0, 1]).verdict
    ('A', 'permitted', 'undetermined')
    """
    stated = {schema.AFFILIATIONS[code] for code in affiliations if code >= 0} - {"unknown"}
    if not stated:
        return Judgement("undetermined", None, "Whose forces these were was not stated.")
    if len(stated) > 1:
        return Judgement("undetermined", None, f"Statements contradict: {' and '.join(sorted(stated))}.")
    word = stated.pop()
    if word == "monitor":
        return Judgement("permitted", None, "The object belongs to the monitors.")
    if word == "civilian":
        return Judgement("undetermined", None, "The object was taken for civilian.")
    return Judgement("violation", word, f"The sensor took the object for forces of party {word}.")


def excuses(
    parameters: Parameters,
    rule_id: str,
    place: tuple[Reals, Reals, Reals],
    span_ns: tuple[Instants, Instants],
    object_class: NDArray[np.int8],
    affiliations: Iterable[Iterable[int]],
) -> list[Permission | None]:
    """What excuses each of n movements from a rule: by `place` (lon, lat, standard deviation in metres), time and
    class, all (n,), and by who was said to act, n lists (positions in the schema's tuples, -1 = not stated). Nothing
    does where statements contradict.
    """
    codes = [_stated(stated) for stated in affiliations]
    found: list[Permission | None] = [None] * len(codes)
    rows = np.array([i for i, stated in enumerate(codes) if len(stated) < 2], dtype=np.int64)
    if len(rows):
        whose = np.array([codes[i][0] if codes[i] else -1 for i in rows.tolist()], dtype=np.int8)
        lon, lat, sigma_m = (column[rows] for column in place)
        from_ns, to_ns = (column[rows] for column in span_ns)
        granted = parameters.terms.permissions_at(
            rule_id, lon, lat, from_ns, to_ns, object_class[rows], whose, sigma_m
        )
        for i, permission in zip(rows.tolist(), granted, strict=True):
            found[i] = permission
    return found


def permission_detail(permission: Permission | None) -> dict[str, str]:
    """What `detail` says of what excuses a finding: nothing where nothing does."""
    if permission is None:
        return {}
    return {"permission": permission.id, "permission_clause": permission.clause}


def stated_words(affiliations: Iterable[int]) -> list[str]:
    """The different affiliations stated, sorted, for `detail.affiliations` (positions in `schema.AFFILIATIONS`).

    >>> stated_words([1, -1, 1, 4])
    ['B']
    """
    return [schema.AFFILIATIONS[code] for code in _stated(affiliations)]


def _stated(affiliations: Iterable[int]) -> list[int]:
    """The different codes stated but for `unknown`; the tuple is sorted, and so are they."""
    return sorted({code for code in affiliations if code >= 0} - {_UNKNOWN})


def utc_text(time_ns: int) -> str:
    """RFC 3339 in UTC, to the millisecond.

    >>> utc_text(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123Z'
    """
    day, ms = divmod(int(time_ns) // 1_000_000, 86_400_000)
    return f"{_day(day)}T{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}Z"


@lru_cache(maxsize=1_024)
def _day(number: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


def millimetres(value_m: float) -> float | None:
    """A length in metres, to whole millimetres; None for a value that is not there."""
    return round(float(value_m), 3) if math.isfinite(value_m) else None


def probability(value: float) -> float | None:
    """A probability to four places, never quite 0 or 1: no model is so sure. None where there is no model (NaN).

    >>> probability(0.97531), probability(1.0), probability(float("nan"))
    (0.9753, 0.9999, None)
    """
    return None if math.isnan(value) else round(min(max(float(value), 0.0001), 0.9999), 4)


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(content: Mapping[str, Any]) -> str:
    """`detail` as canonical JSON text."""
    return _ENCODER.encode(content)


_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parts_of(detail: str) -> dict[str, msgspec.Raw]:
    """The entries of a `detail`, each as the JSON text that it is, so that the others need not be read to change one.

    >>> {name: bytes(part) for name, part in parts_of('{"a":[1.50],"b":"x"}').items()}
    {'a': b'[1.50]', 'b': b'"x"'}
    """
    return _PARTS.decode(detail)


def detail_of(parts: Mapping[str, bytes]) -> str:
    """The `detail` of entries that are canonical JSON each: `canonical_json` of the whole.

    >>> detail_of({"b": b"1", "a": b"[2]"})
    '{"a":[2],"b":1}'
    """
    return (b"{" + b",".join(b"%s:%s" % (_key(name), parts[name]) for name in sorted(parts)) + b"}").decode()


@lru_cache(maxsize=1_024)
def _key(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False).encode()
