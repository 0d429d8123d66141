"""From stays in a zone to rows of the findings table: what is common to every rule that judges stays.

A rule marks fixes (`stays.Marks`), and `advance` follows the stays; of what is worth telling it takes `Moments`,
says what the stay amounts to (`Said`), and gets the row from `row`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monitoring import events, findings, schema
from monitoring.agreement import Parameters
from monitoring.agreement.terms import Permission
from monitoring.tracks.batch import NOT_STATED, TrackBatch
from monitoring.tracks.facts import NEVER_NS
from monitoring.tracks.keys import LONE
from monitoring.tracks.normal import normal_tails
from monitoring.tracks.stays import Marks, Pauses, Published, Stays, as_they_stand, follow, lapsed

LEAST_SIGMA_M: Final = 1e-3

Reals = NDArray[np.float64]


def advance(
    memory: Stays, batch: TrackBatch, marks: Marks, until_ns: int, is_end: bool, rule_id: str
) -> tuple[Published, Stays]:
    """Stays worth telling with the new fixes, or by silence until `until_ns`, and the open stays.

    At `is_end` open stays are told as they stand and stay open.
    """
    open_stays, told = follow(memory, batch, marks)
    open_stays, silent = lapsed(open_stays, until_ns)
    if is_end:
        open_stays, standing = as_they_stand(open_stays, until_ns)
        told.append(standing)
    return silent.followed_by(told), _named(open_stays, rule_id)


def pauses(rule_id: str, batch: TrackBatch, parameters: Parameters) -> Pauses:
    """What silence ends a stay, and from when one that goes on is told, by the rule's `gap_s` and `standing_s`."""
    agreement, times_ns = parameters.agreement, batch.time_ns
    gap_s = agreement.numbers(f"{rule_id}.gap_s", times_ns)
    if not parameters.is_exact:
        # A track that is silent for longer than the agreement remembers begins anew, whatever the gap.
        gap_s = np.minimum(gap_s, agreement.numbers("tracks.forget_s", times_ns))
    standing_s = agreement.numbers(f"{rule_id}.standing_s", times_ns)
    return Pauses((gap_s * 1e9).astype(np.int64), (standing_s * 1e9).astype(np.int64))


class Moments(NamedTuple):
    """How long stays lasted, (s,): for certain, and at most, if entry and exit lay at the fixes around; how much
    of that lies before the first and after the last fix inside. `is_news`: there is something to tell."""

    dwell_s: Reals
    dwell_s_most: Reals
    entry_s: Reals
    exit_s: Reals
    is_news: NDArray[np.bool_]

    @classmethod
    def of(cls, published: Published) -> "Moments":
        """Those of published stays."""
        stays, has_exit = published.stays, published.exit_ns != NEVER_NS
        begins_ns = np.where(stays["outside_ns"] == NEVER_NS, stays["start_ns"], stays["outside_ns"])
        ends_ns = np.where(has_exit, published.exit_ns, stays["last_fix_ns"])
        return cls(
            dwell_s=(stays["last_ns"] - stays["start_ns"]) / 1e9,
            dwell_s_most=(ends_ns - begins_ns) / 1e9,
            entry_s=(stays["start_ns"] - begins_ns) / 1e9,
            exit_s=(ends_ns - stays["last_ns"]) / 1e9,
            is_news=(stays["revision"] == 0) | has_exit | (stays["last_fix_ns"] > stays["published_ns"]),
        )


def inside_prob(stays: Stays, moments: Moments, asked_s: Reals, parameters: Parameters) -> Reals:
    """That each object was inside at its deepest fix (normal error of fix and line along the normal of the line) and
    stayed for `asked_s`, if entry and exit may each have been at any instant between the fixes around them, (s,).

    NaN where positions are exact.
    """
    if parameters.is_exact:
        return np.full(len(stays), np.nan)
    is_inside, _ = normal_tails(stays["depth_m"] / np.maximum(stays["sigma_m"], LEAST_SIGMA_M))
    return is_inside * _at_least(asked_s - moments.dwell_s, moments.entry_s, moments.exit_s)


@dataclass(frozen=True)
class Said:
    """What a rule says of one stay, besides the facts that are the same for every rule."""

    verdict: str
    party: str | None
    reasons: Sequence[str]
    probability: float
    confidence: str
    object_class: int
    count: int | None = None
    count_is_minimum: bool | None = None
    detail: dict[str, Any] = field(default_factory=dict)


def affiliations(stay: dict[str, Any]) -> tuple[int, ...]:
    """Positions in `schema.AFFILIATIONS` of those that were stated during a stay."""
    return _affiliations(stay["affiliations"])


@cache
def _affiliations(flags: int) -> tuple[int, ...]:
    return tuple(code for code in range(len(schema.AFFILIATIONS)) if flags >> code & 1)


def excuses(
    stays: Stays, at: NDArray[np.int64], rule_id: str, object_class: NDArray[np.int8], parameters: Parameters
) -> list[Permission | None]:
    """What permits each of the stays `at`, taken for an `object_class` (one of each stay), at its deepest fix and as
    long as it certainly lasted. Nothing does where statements of whose forces these were contradict."""
    return findings.excuses(
        parameters,
        rule_id,
        (stays["lon"][at], stays["lat"][at], stays["sigma_m"][at]),
        (stays["start_ns"][at], stays["last_ns"][at]),
        object_class[at],
        [_affiliations(flags) for flags in stays["affiliations"][at].tolist()],
    )


def counted(stay: dict[str, Any]) -> tuple[int, bool]:
    """How many objects stayed, and whether that is the least: where nobody counted them, at least one."""
    objects = int(stay["objects"])
    return (objects // 2, bool(objects % 2)) if objects else (1, True)


def sectors_of(stays: Stays, at: NDArray[np.int64], parameters: Parameters) -> list[str | None]:
    """The sector of the deepest fix of each of the stays `at`, None outside every one."""
    idx = parameters.sectors.locate(stays["lon"][at], stays["lat"][at], stays["chainage_m"][at])
    return [parameters.sectors.ids[i] if i >= 0 else None for i in idx.tolist()]


def row(
    stay: dict[str, Any],
    published: Published,
    i: int,
    moments: Moments,
    said: Said,
    sector: str | None,
    rule_id: str,
    parameters: Parameters,
) -> findings.Decided:
    """The finding (FINDINGS) of stay `i` (`stay` in plain values), with the event time that decided it.

    Place, `distance_m` and `margin` are those of its deepest fix, `side` is that of its first one inside.
    """
    sensor, track = stay["sensor_id"], stay["track_id"]
    clause = parameters.agreement.clause(rule_id)
    exit_id = None if published.exit_id[i] is None else f"{sensor}/{published.exit_id[i]}"
    named = [*(f"{sensor}/{stay[name]}" for name in ("first_id", "deepest_id", "last_id")), exit_id]
    detail = {
        "affiliations": findings.stated_words(affiliations(stay)),
        "entry": findings.utc_text(int(stay["start_ns"])),
        "entry_place": _place(stay["start_lon"], stay["start_lat"]),
        "last_place": _place(stay["last_lon"], stay["last_lat"]),
        "fix_before": time_text(int(stay["outside_ns"])),
        "exit": time_text(int(published.exit_ns[i])),
        "dwell_s": float(moments.dwell_s[i]),
        "dwell_s_most": float(moments.dwell_s_most[i]),
        "depth_m": findings.millimetres(stay["depth_m"]),
        "deepest_at": findings.utc_text(int(stay["deepest_ns"])),
        "fixes_inside": int(stay["fix_count"]),
        "side_last": findings.SIDE_NAMES.get(int(stay["last_side"])),
    }
    return int(published.decided_ns[i]), {
        "finding_id": stay["finding_id"] or _finding_id(rule_id, sensor, track, stay["first_id"]),
        "revision": int(stay["revision"]) + 1,
        "state": "final",
        "rule_id": rule_id,
        "clause": clause.id if clause else None,
        "verdict": said.verdict,
        "time_start_ns": int(stay["start_ns"]),
        "time_end_ns": int(stay["last_ns"]),
        "lon": round(float(stay["lon"]), 8),
        "lat": round(float(stay["lat"]), 8),
        "sigma_m": findings.millimetres(stay["sigma_m"]),
        "side": findings.SIDE_NAMES.get(int(stay["start_side"])),
        "distance_m": findings.millimetres(stay["distance_m"]),
        "chainage_m": findings.millimetres(stay["chainage_m"]),
        "line_part": int(stay["line_part"]),
        "sector": sector,
        "probability": findings.probability(said.probability),
        "confidence": said.confidence,
        "margin": findings.millimetres(stay["margin_m"]),
        "margin_unit": "m",
        "count": said.count,
        "count_is_minimum": said.count_is_minimum,
        "track_id": None if track.startswith(LONE) else track,
        "object_class": None if said.object_class == NOT_STATED else schema.OBJECT_CLASSES[said.object_class],
        "party": said.party,
        "subject_key": f"track:{sensor}/{track}",
        "sensor_ids": [sensor],
        "event_ids": list(dict.fromkeys(name for name in named if name is not None)),
        "line_version": stay["line_version"],
        "agreement_version": parameters.agreement.version,
        "engine_version": schema.ENGINE_VERSION,
        "reasons": list(said.reasons),
        "detail": findings.canonical_json(detail | said.detail),
    }


def _place(lon: float, lat: float) -> list[float] | None:
    """Degrees; None for a stay that was remembered before places of its ends were."""
    return [round(float(lon), 7), round(float(lat), 7)] if np.isfinite(lon) else None


def time_text(time_ns: int) -> str | None:
    """RFC 3339 in UTC; None for NEVER_NS."""
    return None if time_ns == NEVER_NS else findings.utc_text(time_ns)


def _named(stays: Stays, rule_id: str) -> Stays:
    """The stays with the id of their finding, which they keep from then on."""
    names = stays["finding_id"].copy()
    for i in np.flatnonzero(names == "").tolist():
        names[i] = _finding_id(rule_id, stays["sensor_id"][i], stays["track_id"][i], stays["first_id"][i])
    return stays.with_columns(finding_id=names)


def _finding_id(rule_id: str, sensor_id: str, track_id: str, first_id: str) -> str:
    return findings.identity(
        "finding", rule_id, f"track:{sensor_id}/{track_id}", events.event_key(sensor_id, first_id)
    )


def _at_least(wanted: Reals, first: Reals, second: Reals) -> Reals:
    """P(U + V >= wanted) for U uniform on [0, first] and V on [0, second]; all (n,).

    >>> _at_least(np.array([0.0, 1.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    array([1. , 0.5, 0.5, 0. ])
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    with np.errstate(divide="ignore", invalid="ignore"):
        start = 1.0 - wanted**2 / (2.0 * low * high)
        middle = 1.0 - (wanted - low / 2.0) / high
        end = (low + high - wanted) ** 2 / (2.0 * low * high)
    inner = np.where(wanted < low, start, np.where(wanted <= high, middle, end))
    return np.where(wanted <= 0.0, 1.0, np.where(wanted >= low + high, 0.0, inner))
