"""Follows changes of side through a batch: the evidence, rank by rank, all tracks at once.

The tracks with most evidence come first, so that those with an r-th piece are the first n of them for every r.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitoring.agreement import Parameters
from monitoring.tracks import side_filter
from monitoring.tracks.batch import TrackBatch
from monitoring.tracks.changes import (
    TRACE_LENGTH,
    Pending,
    Thresholds,
    ThresholdsAt,
    Told,
    as_they_stand,
    finding_id,
    settle,
)
from monitoring.tracks.facts import (
    BEFORE,
    NEVER_NS,
    PASSAGE,
    Columns,
    absent,
    fix_facts,
    passage_facts,
    put,
)
from monitoring.tracks.keys import positions
from monitoring.tracks.side_evidence import Evidence, gather, ranked
from monitoring.tracks.side_signs import Signs, Standing

_REMEMBERED, _NONE = -1, -2
"""In place of a row: as in the memory; not known."""

_BLOCK: Final = 1 << 14
"""So much evidence is weighed at a time, so that the likelihoods of a long batch take little room."""

_FEW_LANES: Final = 16
_AHEAD_LEAST, _AHEAD_MOST = 2, 256
"""Of so few tracks ranks are taken in ahead, in the hope that nothing is decided at them: the more, the longer nothing
has been."""

Ints = NDArray[np.int64]
Reals = NDArray[np.float64]


def follow(
    pending: Pending,
    batch: TrackBatch,
    until_ns: int,
    is_end: bool,
    parameters: Parameters,
    rule_id: str,
    thresholds: ThresholdsAt,
) -> tuple[Pending, list[Told]]:
    """What is in doubt after the batch, and the changes of side that its fixes, or waiting, decided.

    `until_ns`: all fixes up to it are there; at `is_end` what is in doubt is told as it stands and stays so.
    """
    told: list[Told] = []
    pending = pending.copy()
    evidence = gather(pending, batch, parameters)
    lane = positions(pending["key"], batch.key[evidence.first]) if len(evidence.first) else evidence.first
    # Waiting that ended before a track's next evidence.
    next_ns = np.full(len(pending), until_ns + 1, dtype=np.int64)
    begins = np.zeros(len(pending), dtype=bool)
    known = lane >= 0
    next_ns[lane[known]] = evidence.time_ns[evidence.offset[known]]
    begins[lane[known]] = batch.is_first[evidence.first[known]]
    waits = pending["due_ns"] != NEVER_NS
    at = np.flatnonzero(waits & ((pending["due_ns"] < next_ns) | begins))
    if len(at):
        decided_ns = np.minimum(pending["due_ns"][at], next_ns[at])
        told.append(settle(pending, at, decided_ns, rule_id, thresholds))
    if len(evidence.first):
        lanes = _Lanes(pending, lane, evidence, batch, parameters, rule_id, thresholds)
        lanes.run()
        now, published = lanes.results()
        rest = np.ones(len(pending), dtype=bool)
        rest[lane[known]] = False
        pending = pending.take(rest).followed_by(now)
        told.append(published)
    _note_newest(pending, batch)
    at = np.flatnonzero((pending["due_ns"] != NEVER_NS) & (pending["due_ns"] <= until_ns))
    if len(at):
        told.append(settle(pending, at, pending["due_ns"][at], rule_id, thresholds))
    forget_ns = parameters.agreement.number("tracks.forget_s", until_ns) * 1e9
    pending = pending.take(until_ns - pending["last_ns"] <= forget_ns)
    if is_end and len(pending):
        told.append(as_they_stand(pending, until_ns, rule_id, thresholds))
    return pending, told


@dataclass
class _Publication:
    """Changes told at one rank, columns (t,): lanes, rows (or _REMEMBERED), and how they stand."""

    lane: Ints
    before_row: Ints
    after_row: Ints
    crossing: Ints
    trace_from: Ints
    rank: int
    episode: Ints
    revision: Ints
    side: NDArray[np.int8]
    surest_ns: Ints
    probability: Reals
    decided_ns: Ints
    is_undone: bool


class _Lanes:
    """The tracks with evidence in this batch while they are followed; arrays (m,), most evidence first."""

    def __init__(
        self,
        pending: Pending,
        lane: Ints,
        evidence: Evidence,
        batch: TrackBatch,
        parameters: Parameters,
        rule_id: str,
        thresholds: ThresholdsAt,
    ) -> None:
        order = np.argsort(-evidence.counts, kind="stable")
        self.evidence, self.batch, self.parameters = evidence, batch, parameters
        self.rule_id, self.thresholds = rule_id, thresholds
        self.offset, self.count = evidence.offset[order], evidence.counts[order]
        self.memory = _remembered(pending, lane[order])
        first = evidence.first[order]
        m = len(order)
        is_known = lane[order] >= 0
        self.side = self.memory["side"].copy()
        self.due_ns = self.memory["due_ns"].copy()
        self.is_told = self.memory["is_told"].copy()
        self.is_asserted = self.memory["is_asserted"].copy()
        self.revision = self.memory["revision"].copy()
        self.surest_prob = self.memory["surest_prob"].copy()
        self.surest_ns = self.memory["surest_ns"].copy()
        self.published_ns = self.memory["published_ns"].copy()
        self.episode = np.zeros(m, dtype=np.int64)
        self.trace_from = np.zeros(m, dtype=np.int64)
        self.before_row = np.where(is_known & (self.side != 0), _REMEMBERED, _NONE)
        self.after_row = np.full(m, _REMEMBERED, dtype=np.int64)
        self.floor = first - 1
        self.joint = self.memory.joint_at(np.arange(m))
        fresh = np.flatnonzero(~is_known)
        self.joint[..., fresh] = side_filter.unknown(len(fresh))
        shown = np.where(
            evidence.continues_certain[self.offset], evidence.certain_side[np.maximum(first - 1, 0)], 0
        )
        fresh = np.flatnonzero(~is_known & (shown != 0))
        self.joint[..., fresh] = side_filter.certain(shown[fresh])
        self.side[fresh], self.surest_prob[fresh] = shown[fresh], 1.0
        self.surest_ns[fresh] = batch.time_ns[first[fresh] - 1]
        self.change_prob = side_filter.changed(side_filter.over_nodes(self.joint), self.side)
        self.prob_a = np.zeros(len(evidence.row))
        self.published: list[_Publication] = []
        self.by_direction = {
            direction: np.flatnonzero(batch.crossings.direction == direction) for direction in (1, -1)
        }

    def run(self) -> None:
        """Takes in all evidence."""
        steps = ranked(self.evidence, self.offset, self.count)
        limits = self.thresholds(steps.time_ns)
        row_of, has_first = self.evidence.row[steps.at], self.batch.is_first[self.evidence.row[steps.at]]
        continues = self.evidence.continues_certain[steps.at]
        any_first, any_continues = (
            np.logical_or.reduceat(of, steps.begin).tolist() for of in (has_first, continues)
        )
        prob_a = np.zeros(len(steps.at))
        alone = _quiet_until(steps.end - steps.begin, any_first, any_continues)
        known_to, ahead, rank = 0, _AHEAD_LEAST, 0
        begins, ends = steps.begin.tolist(), steps.end.tolist()
        while rank < len(begins):
            begin, end = begins[rank], ends[rank]
            n = end - begin
            if end > known_to:
                known_from, known_to = begin, steps.until(begin + _BLOCK, end)
                like_a, like_b = side_filter.likelihoods(*(of[known_from:known_to] for of in steps.across))
            waits = self.due_ns[:n] != NEVER_NS
            if n <= _FEW_LANES and alone[rank] > rank and not waits.any():
                many = min(alone[rank] - rank, ahead, (known_to - begin) // n)
                at = slice(begin, begin + many * n)
                here = slice(begin - known_from, begin - known_from + many * n)
                asked = limits.take(at)
                passed = self._pass_over(
                    rank,
                    row_of[at].reshape(many, n),
                    steps.change_prob[at].reshape(many, n),
                    (like_a[:, here].reshape(-1, many, n), like_b[:, here].reshape(-1, many, n)),
                    asked.by_rank(many, n),
                    prob_a[at].reshape(many, n),
                )
                ahead = min(2 * ahead, _AHEAD_MOST) if passed == many else max(passed, _AHEAD_LEAST)
                rank += passed
                if passed == many:
                    continue
                begin, end = begins[rank], ends[rank]
            row, time_ns = row_of[begin:end], steps.time_ns[begin:end]
            if waits.any():
                over = (waits & ((time_ns > self.due_ns[:n]) | has_first[begin:end])).nonzero()[0]
                if len(over):
                    self._settle(over, rank, np.minimum(self.due_ns[over], time_ns[over]))
            if any_first[rank]:
                self._begin_anew(has_first[begin:end].nonzero()[0], row, rank)
            if any_continues[rank]:
                runs = continues[begin:end].nonzero()[0]
                self.before_row[runs], self.trace_from[runs] = row[runs] - 1, rank
                self.floor[runs] = row[runs] - 1
            here = slice(begin - known_from, end - known_from)
            sums = side_filter.take_in(
                self.joint[..., :n], steps.change_prob[begin:end], like_a[:, here], like_b[:, here]
            )
            asked = limits.take(slice(begin, end))
            prob_a[begin:end] = self._judge(sums, row, time_ns, rank, asked)
            rank += 1
        self.prob_a[steps.at] = prob_a

    def _standing(self, n: int) -> Standing:
        """How the first n lanes stand."""
        columns = (self.side, self.is_told, self.is_asserted, self.revision, self.surest_prob)
        return Standing(*(column[:n] for column in columns))

    def _pass_over(
        self,
        rank: int,
        row: Ints,
        change_prob: Reals,
        likelihoods: tuple[Reals, Reals],
        limits: Thresholds,
        prob_a: Reals,
    ) -> int:
        """Takes in evidence of few lanes, (ranks, n), up to the first rank that decides anything; how many ranks.

        A long track that stays by the line would else cost its every fix all that is asked of thousands of tracks.
        """
        n = row.shape[1]
        joints, sums = side_filter.take_in_turn(self.joint[..., :n], change_prob, *likelihoods)
        standing = self._standing(n)
        signs = Signs.of(sums, standing, limits)
        count = signs.quiet_count(standing)
        if not count:
            return 0
        self.joint[..., :n] = joints[count]
        prob_a[:count] = signs.prob_a[:count]
        self.after_row[:n], self.change_prob[:n] = row[count - 1], signs.change[count - 1]
        known = signs.is_known[:count]
        lanes = np.flatnonzero(known.any(axis=0))
        if len(lanes):
            last = count - 1 - known[::-1, lanes].argmax(axis=0)
            self.before_row[lanes] = self.floor[lanes] = row[last, lanes]
            self.trace_from[lanes] = rank + last
            self._close(lanes)
            self.episode[lanes] += known[:, lanes].sum(axis=0) - 1
        return count

    def _judge(self, sums: Reals, row: Ints, time_ns: Ints, rank: int, limits: Thresholds) -> Reals:
        """Does what the probabilities after the evidence of this rank ask for; P(side A)."""
        n = len(row)
        self.after_row[:n] = row
        side, is_told = self.side[:n], self.is_told[:n]
        signs = Signs.of(sums, self._standing(n), limits)
        self.change_prob[:n] = signs.change
        # Hardly any track has something to tell at any rank.
        lanes = signs.is_news.nonzero()[0]
        if len(lanes):
            self._tell(lanes, rank, signs.change[lanes], time_ns[lanes])
            self.joint[..., lanes] = side_filter.marked(self.joint[..., lanes], side[lanes])
            self.is_asserted[lanes] = signs.may_assert[lanes]
        lanes = signs.is_undone.nonzero()[0]
        if len(lanes):
            undone = side_filter.had_changed(sums[..., lanes])
            self._tell(lanes, rank, undone, time_ns[lanes], is_undone=True)
        lanes = signs.is_anchor.nonzero()[0]
        if len(lanes):
            self.joint[..., lanes] = side_filter.anchored(self.joint[..., lanes], signs.now[lanes])
            self.surest_prob[lanes] = signs.surest[lanes]
            self.surest_ns[lanes] = self.batch.time_ns[row[lanes]]
        lanes = signs.is_known.nonzero()[0]
        if len(lanes):
            self.side[lanes], self.before_row[lanes] = signs.now[lanes], row[lanes]
            self.floor[lanes], self.trace_from[lanes] = row[lanes], rank
            self._close(lanes)
        waits = self.due_ns[:n] != NEVER_NS
        if signs.is_likely.any():
            opened = (signs.is_likely & (side != 0) & ~waits & ~is_told).nonzero()[0]
            self.due_ns[opened] = time_ns[opened] + limits.dwell_ns[opened]
        if waits.any():
            dropped = (waits & ~(signs.is_likely & (side != 0))).nonzero()[0]
            self.is_told[dropped] |= self.revision[dropped] > 0
            self.due_ns[dropped] = NEVER_NS
        return signs.prob_a

    def _settle(self, lanes: Ints, rank: int, decided_ns: Ints) -> None:
        """Tells changes whose waiting ended after the evidence of the rank before, as they stood."""
        probability = self.change_prob[lanes]
        self._tell(lanes, rank - 1, probability, decided_ns)
        self.joint[..., lanes] = side_filter.marked(self.joint[..., lanes], self.side[lanes])
        self.is_asserted[lanes] = probability >= self.thresholds(decided_ns).assert_prob
        self.is_told[lanes], self.due_ns[lanes] = True, NEVER_NS

    def _begin_anew(self, lanes: Ints, row: Ints, rank: int) -> None:
        """The tracks begin anew: nothing is known."""
        self.joint[..., lanes] = side_filter.unknown(len(lanes))
        self.side[lanes], self.before_row[lanes], self.trace_from[lanes] = 0, _NONE, rank
        self.floor[lanes], self.surest_prob[lanes] = row[lanes], 0.0
        self._close(lanes)

    def _close(self, lanes: Ints) -> None:
        self.due_ns[lanes] = self.published_ns[lanes] = NEVER_NS
        self.is_told[lanes], self.is_asserted[lanes], self.revision[lanes] = False, False, 0
        self.episode[lanes] += 1

    def _tell(
        self, lanes: Ints, rank: int, probability: Reals, decided_ns: Ints, is_undone: bool = False
    ) -> None:
        """Notes changes to be told, those that have a passage and a fix that was not told before."""
        after_row = self.after_row[lanes]
        crossing = self._passages(lanes, after_row)
        is_remembered = self.before_row[lanes] == _REMEMBERED
        has_passage = (crossing >= 0) | (is_remembered & (self.memory["passage_ns"][lanes] != NEVER_NS))
        is_news = has_passage & (self.batch.time_ns[after_row] > self.published_ns[lanes])
        lanes, after_row, crossing = lanes[is_news], after_row[is_news], crossing[is_news]
        self.revision[lanes] += 1
        self.published_ns[lanes] = self.batch.time_ns[after_row]
        told = _Publication(
            lane=lanes,
            before_row=self.before_row[lanes],
            after_row=after_row,
            crossing=crossing,
            trace_from=self.trace_from[lanes],
            rank=rank,
            episode=self.episode[lanes],
            revision=self.revision[lanes],
            side=self.side[lanes],
            surest_ns=self.surest_ns[lanes],
            probability=probability[is_news],
            decided_ns=decided_ns[is_news],
            is_undone=is_undone,
        )
        self.published.append(told)

    def _passages(self, lanes: Ints, after_row: Ints) -> Ints:
        """The newest crossing of each track from its side since `before_row`, in this batch; _REMEMBERED = none."""
        found = np.full(len(lanes), _REMEMBERED, dtype=np.int64)
        for direction, crossing in self.by_direction.items():
            of = np.flatnonzero(self.side[lanes] == direction)
            if not len(of) or not len(crossing):
                continue
            rows = self.batch.crossings.row[crossing]
            newest = np.searchsorted(rows, after_row[of], side="right") - 1
            is_there = (newest >= 0) & (rows[np.maximum(newest, 0)] > self.floor[lanes[of]])
            found[of[is_there]] = crossing[newest[is_there]]
        return found

    def results(self) -> tuple[Pending, Told]:
        """The tracks after all evidence, and the changes told on the way."""
        lanes = np.arange(len(self.side))
        ranks = self.count - 1
        columns = dict(self.memory.columns)
        columns |= self._facts(lanes, self.before_row, self.after_row, self._passages(lanes, self.after_row))
        trace_ns, trace_prob = self._traces(lanes, ranks, self.trace_from, self.before_row)
        columns |= {
            "key": self.batch.key[self.after_row],
            "side": self.side,
            "due_ns": self.due_ns,
            "is_told": self.is_told,
            "is_asserted": self.is_asserted,
            "revision": self.revision,
            "surest_prob": self.surest_prob,
            "surest_ns": self.surest_ns,
            "published_ns": self.published_ns,
            "joint": self.joint.reshape(side_filter.JOINT_SIZE, len(lanes)).T.copy(),
            "trace_ns": trace_ns,
            "trace_prob": trace_prob,
        }
        columns["sensor_id"], columns["track_id"], _ = self.batch.names(self.after_row)
        told, names = self._told(columns)
        columns["finding_id"] = np.array(
            [
                names.get((lane, episode), "") if revision else ""
                for lane, episode, revision in zip(
                    lanes.tolist(), self.episode.tolist(), self.revision.tolist(), strict=True
                )
            ],
            dtype=np.object_,
        )
        return Pending(columns), told

    def _told(self, tracks: Columns) -> tuple[Told, dict[tuple[int, int], str]]:
        """What was told, and the ids it was told under, by lane and episode."""
        names = {(lane, 0): str(name) for lane, name in enumerate(self.memory["finding_id"].tolist()) if name}
        blank = np.zeros(0, dtype=np.int64)
        parts = self.published

        def column(name: str) -> NDArray[np.int64]:
            return np.concatenate([blank, *(getattr(part, name) for part in parts)])

        lane, before_row = column("lane"), column("before_row")
        ranks = np.concatenate([blank, *(np.full(len(part.lane), part.rank) for part in parts)])
        columns = self._facts(lane, before_row, column("after_row"), column("crossing"))
        trace_ns, trace_prob = self._traces(lane, ranks, column("trace_from"), before_row)
        columns |= {
            "sensor_id": tracks["sensor_id"][lane],
            "track_id": tracks["track_id"][lane],
            "revision": column("revision"),
            "side": column("side").astype(np.int8),
            "surest_ns": column("surest_ns"),
            "probability": np.concatenate([np.zeros(0), *(part.probability for part in parts)]),
            "decided_ns": column("decided_ns"),
            "is_undone": np.concatenate(
                [np.zeros(0, dtype=bool), *(np.full(len(part.lane), part.is_undone) for part in parts)]
            ),
            "trace_ns": trace_ns,
            "trace_prob": trace_prob,
        }
        ids = []
        for i, key in enumerate(zip(lane.tolist(), column("episode").tolist(), strict=True)):
            if key not in names:
                names[key] = finding_id(self.rule_id, {name: values[i] for name, values in columns.items()})
            ids.append(names[key])
        columns["finding_id"] = np.array(ids, dtype=np.object_)
        return Told(columns), names

    def _facts(self, lanes: Ints, before_row: Ints, after_row: Ints, crossing: Ints) -> Columns:
        """Fixes and passages of some lanes, from the batch or, where so marked, from the memory."""
        columns: Columns = {name: self.memory[name][lanes] for name in (*BEFORE, *PASSAGE)}
        fresh = np.flatnonzero(before_row != _REMEMBERED)
        put(columns, fresh, absent({**BEFORE, **PASSAGE}, len(fresh)))
        fresh = np.flatnonzero(before_row >= 0)
        put(columns, fresh, fix_facts(self.batch, before_row[fresh], "before"))
        fresh = np.flatnonzero(crossing >= 0)
        put(columns, fresh, passage_facts(self.batch, crossing[fresh], self.parameters))
        return columns | fix_facts(self.batch, after_row, "after")

    def _traces(self, lanes: Ints, ranks: Ints, trace_from: Ints, before_row: Ints) -> tuple[Ints, Reals]:
        """P(side A) after the newest evidence up to `ranks`, from `trace_from` on; shapes (t, TRACE_LENGTH)."""
        rank = ranks[:, None] - np.arange(TRACE_LENGTH - 1, -1, -1)
        is_here = rank >= trace_from[:, None]
        at = np.where(is_here, self.offset[lanes][:, None] + rank, 0)
        is_before = (rank < 0) & (rank >= -TRACE_LENGTH) & (before_row == _REMEMBERED)[:, None]
        slot = np.where(is_before, TRACE_LENGTH + rank, 0)
        old_ns = np.where(is_before, self.memory["trace_ns"][lanes[:, None], slot], NEVER_NS)
        old_prob = np.where(is_before, self.memory["trace_prob"][lanes[:, None], slot], np.nan)
        times_ns = self.batch.time_ns[self.evidence.row]
        return np.where(is_here, times_ns[at], old_ns), np.where(is_here, self.prob_a[at], old_prob)


def _quiet_until(lanes: Ints, *decides: list[bool]) -> list[int]:
    """For each rank the first from it on that has other lanes than it, or where any of `decides` holds."""
    ranks = np.arange(len(lanes))
    stops = np.logical_or.reduce(decides)
    alters = np.append(lanes[1:] != lanes[:-1], True)
    until = np.where(stops, ranks, np.where(alters, ranks + 1, len(lanes)))
    return list(np.minimum.accumulate(until[::-1])[::-1].tolist())


def _remembered(pending: Pending, lane: Ints) -> Pending:
    """The rows of some tracks, blank where there is none (-1)."""
    blank = Pending.blank(len(lane))
    known = np.flatnonzero(lane >= 0)
    put(blank.columns, known, pending.take(lane[known]).columns)
    return blank


def _note_newest(pending: Pending, batch: TrackBatch) -> None:
    """Notes the time of each track's newest fix, near the line or not."""
    if not len(batch) or not len(pending):
        return
    last = np.flatnonzero(np.concatenate([batch.key[1:] != batch.key[:-1], [True]]))
    at = positions(batch.key[last], pending["key"])
    touched = at >= 0
    pending["last_ns"][touched] = batch.time_ns[last[at[touched]]]
