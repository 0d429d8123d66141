"""Slow, obvious twin of the filter behind line crossings: one track, one fix, one number at a time.

It knows straight lines and round errors only. It is written from the description of the rule.
"""

import math
from dataclasses import dataclass, field
from typing import Any

from geodata.crossings import step_crossings
from monitoring.agreement import Parameters
from tests.reference.track_rules import placed
from tests.small_world import LINE, SECOND_NS

BETAS = [-4.0 + 8.0 * k / 12 for k in range(13)]
TOTAL = sum(math.exp(-(beta**2) / 2) for beta in BETAS)
WEIGHTS = [math.exp(-(beta**2) / 2) / TOTAL for beta in BETAS]
Change = tuple[str, str, str, int, int, float | None]


def cumulative(x: float) -> float:
    """P(N(0, 1) <= x)."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


@dataclass
class Track:
    """What is known of one track. `joint[mark][side][node]`; side 0 = A, 1 = B; `side` +1 = A, -1 = B."""

    joint: list[list[list[float]]]
    side: int = 0
    surest: float = 0.0
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    floor: int = -1
    evidence_ns: int = 0
    due_ns: int | None = None
    is_told: bool = False
    is_asserted: bool = False
    revision: int = 0
    published_ns: int | None = None
    passages: list[tuple[int, int, int]] = field(default_factory=list)

    def p(self, mark: int, side: int) -> float:
        return sum(self.joint[mark][side])

    def p_side(self, side: int) -> float:
        return sum(self.p(mark, 0 if side > 0 else 1) for mark in range(3))

    def p_change(self) -> float:
        if self.side == 0:
            return 0.0
        other = 1 if self.side > 0 else 0
        return self.p(1, other) + self.p(2, other)

    def p_had_changed(self) -> float:
        return self.p(2, 0) + self.p(2, 1)

    def anchor(self, side: int) -> None:
        own = 0 if side > 0 else 1
        both = [[sum(self.joint[m][s][k] for m in range(3)) for k in range(13)] for s in range(2)]
        self.joint = nothing()
        self.joint[1][own], self.joint[0][1 - own] = both[own], both[1 - own]

    def mark(self) -> None:
        other = 1 if self.side > 0 else 0
        for s in range(2):
            were = [one + two for one, two in zip(self.joint[1][s], self.joint[2][s], strict=True)]
            self.joint[1][s] = [0.0] * 13 if s == other else were
            self.joint[2][s] = were if s == other else [0.0] * 13


def nothing() -> list[list[list[float]]]:
    return [[[0.0] * 13 for _ in range(2)] for _ in range(3)]


def unknown() -> list[list[list[float]]]:
    joint = nothing()
    joint[0] = [[weight / 2 for weight in WEIGHTS] for _ in range(2)]
    return joint


def changes(rows: list[dict[str, Any]], parameters: Parameters, until_ns: int) -> list[Change]:
    """(id before, id after, direction, instant in microseconds, revision, probability), the newest of each.

    The probability is None where nothing orders the fixes that show the change: they have one time, or another fix of
    the time of one of them is surely on the other side.
    """
    value = parameters.agreement.number
    asked = {n: value(f"line_crossing.{n}_prob", 0) for n in ("report", "assert", "sure")}
    dwell_ns = round(value("line_crossing.dwell_s", 0) * SECOND_NS)
    rate_per_s = value("tracks.side_change_per_h", 0) / 3600
    share, forget_s = value("tracks.bias_frac", 0), value("tracks.forget_s", 0)
    found: list[list[Change]] = []
    track = Track(unknown())
    fixes, pending, certain_before = placed(rows), 0, 0
    k_sigma = value("tracks.k_sigma", 0)

    def sides_at(time_ns: int) -> set[bool]:
        together = [fix for fix in fixes if fix["time_ns"] == time_ns]
        return {
            fix["distance_m"] > 0 for fix in together if abs(fix["distance_m"]) > k_sigma * fix["sigma_m"]
        }

    def tell(probability: float) -> None:
        assert track.after is not None
        ways = [way for way in track.passages if way[1] == track.side and way[0] > track.floor]
        ways = [way for way in ways if way[0] <= track.after["number"]]
        if track.before is None or not ways:
            return
        if track.published_ns is not None and track.after["time_ns"] <= track.published_ns:
            return
        track.revision += 1
        track.published_ns = track.after["time_ns"]
        told = (track.before["id"], track.after["id"], "A>B" if track.side > 0 else "B>A", ways[-1][2])
        if track.revision == 1:
            found.append([])
        first_ns, last_ns = track.before["time_ns"], track.after["time_ns"]
        is_unordered = first_ns == last_ns or any(len(sides_at(at)) > 1 for at in (first_ns, last_ns))
        found[-1].append((*told, track.revision, None if is_unordered else probability))

    def settle() -> None:
        tell(track.p_change())
        track.mark()
        track.is_asserted = track.p_change() >= asked["assert"]
        track.is_told, track.due_ns = True, None

    def close() -> None:
        track.due_ns = track.published_ns = None
        track.is_told, track.is_asserted, track.revision = False, False, 0

    for number, fix in enumerate(fixes):
        fix["number"] = number
        last = fixes[number - 1] if number else None
        begins = last is None or fix["time_ns"] - last["time_ns"] > forget_s * SECOND_NS
        if begins:
            pending, certain_before = 0, 0
        if last is not None and not begins:
            steps = step_crossings(
                LINE, [last["lon"]], [last["lat"]], [fix["lon"]], [fix["lat"]], pending_before=[pending]
            )
            pending = int(steps.pending_side[0])
            way_ns = fix["time_ns"] - last["time_ns"]
            for fraction, direction in zip(steps.fraction, steps.direction, strict=True):
                instant_us = last["time_ns"] // 1000 + round(float(fraction) * way_ns / 1000)
                track.passages.append((number, int(direction), instant_us))
        is_far = abs(fix["distance_m"]) > 7 * fix["sigma_m"]
        certain = 0 if not is_far else 1 if fix["distance_m"] > 0 else -1
        repeats = (
            not begins and last is not None and all(fix[n] == last[n] for n in ("lon", "lat", "sigma_m"))
        )
        is_evidence = begins or (certain != certain_before if is_far else not repeats)
        run_before, certain_before = certain_before, certain
        if not is_evidence:
            continue
        now_ns = fix["time_ns"]
        if track.due_ns is not None and (now_ns > track.due_ns or begins):
            settle()
        if begins:
            track = Track(unknown(), floor=number, passages=track.passages, evidence_ns=now_ns)
        elif run_before:
            track.before, track.floor, track.evidence_ns = last, number - 1, last["time_ns"]  # type: ignore[index]  # there is one
        elapsed_s = max((now_ns - track.evidence_ns) / SECOND_NS, 1e-3)
        flip = (1 - math.exp(-2 * rate_per_s * elapsed_s)) / 2
        noise_m = max(math.sqrt(1 - share), 0.2) * fix["sigma_m"]
        for mark in range(3):
            for k, beta in enumerate(BETAS):
                a, b = track.joint[mark][0][k], track.joint[mark][1][k]
                a, b = (1 - flip) * a + flip * b, (1 - flip) * b + flip * a
                if is_far:
                    likely_a = 1.0 if certain > 0 else 0.0
                    likely_b = 1.0 - likely_a
                else:
                    off = (fix["distance_m"] - beta * math.sqrt(share) * fix["sigma_m"]) / noise_m
                    likely_a, likely_b = cumulative(off), cumulative(-off)
                track.joint[mark][0][k], track.joint[mark][1][k] = a * likely_a, b * likely_b
        total = track.p_side(1) + track.p_side(-1)
        track.joint = [[[p / total for p in nodes] for nodes in sides] for sides in track.joint]
        track.after, track.evidence_ns = fix, now_ns
        change = track.p_change()
        now = 1 if track.p_side(1) >= track.p_side(-1) else -1
        surest = track.p_side(now)
        is_sure, may_assert = surest >= asked["sure"], change >= asked["assert"]
        raised = track.is_told and may_assert and not track.is_asserted
        turned = track.side != 0 and is_sure and now == -track.side
        told_before = may_assert and track.is_asserted
        if raised or (turned and (change >= asked["report"] or track.revision) and not told_before):
            tell(change)
            track.mark()
            track.is_asserted = may_assert
        elif is_sure and now == track.side and track.revision:
            tell(track.p_had_changed())
        is_known = is_sure or (track.side == 0 and surest >= asked["assert"])
        is_over = is_known and (now != track.side or track.revision > 0 or track.is_told)
        if is_over or (now == track.side and surest >= track.surest and not track.is_told):
            track.anchor(now)
            track.surest = surest
        if is_known:
            track.side, track.before, track.floor = now, fix, number
            close()
        likely = track.side != 0 and change >= asked["report"] and not is_known
        if likely and track.due_ns is None and not track.is_told:
            track.due_ns = now_ns + dwell_ns
        elif not likely and track.due_ns is not None:
            track.is_told, track.due_ns = track.is_told or track.revision > 0, None
    if track.due_ns is not None and track.due_ns <= until_ns:
        settle()
    if track.due_ns is not None or track.revision > 0:
        is_likely = track.p_change() >= asked["report"]
        tell(track.p_change() if is_likely else track.p_had_changed())
    return [told[-1] for told in found]
