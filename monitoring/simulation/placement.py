"""Places relative to the line: by chainage along it and distance to its left or right.

A line meanders at every scale, so a normal erected on one of its edges means little. A place is guessed
from the line smoothed over about twice the distance, then moved along the gradient of the true distance
field until its distance is the one asked for. Inside the simulation everything is left or right (`hand` +1
or -1) and metres of the line's frame; the parties' names are attached at the very end, which is why both
sides are alike.
"""

from collections.abc import Generator, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import ContactLine
from geodata.locator import Located

Reals = NDArray[np.float64]

STEP_M: Final = 200.0
SMOOTHING_M: Final = (1_000.0, 2_000.0, 4_000.0, 8_000.0, 16_000.0, 32_000.0)
BLOCK: Final = 65_536
"""Places that are looked for at once; more, and what is in between takes more memory than the answer is worth."""
END_MARGIN_FRAC: Final = 0.01
"""Nothing is placed within this share of the length from the line's ends."""

Placed = tuple[Reals, Reals, NDArray[np.bool_]]
Planned = TypeVar("Planned")
Plan = Generator[tuple[Reals, Reals], Placed, Planned]
"""What is planned while places are asked for: gives chainages and distances to the left (m), is sent what
`LineSpace.place` answers, and returns what it has planned."""


class LineSpace:
    """The line as the simulation sees it."""

    def __init__(self, line: ContactLine) -> None:
        self.line = line
        self.length_m = line.length_m
        count = max(int(self.length_m / STEP_M) + 1, 16)
        self._chainage = np.linspace(0.0, self.length_m, count)
        x, y = line.frame.forward(*line.place_at(self._chainage))
        self._step_m = self._chainage[1]
        self._smooth = [_smoothed(x, y, self._step_m, width) for width in SMOOTHING_M]

    def along(self, frac: Reals) -> Reals:
        """Chainage for a share 0-1 of the usable length."""
        return np.asarray(self.length_m * (END_MARGIN_FRAC + (1 - 2 * END_MARGIN_FRAC) * np.asarray(frac)))

    def on_line(self, chainage_m: Reals) -> tuple[Reals, Reals]:
        """The line's own places (x, y in m) at each chainage."""
        x, y = self.line.frame.forward(*self.line.place_at(chainage_m))
        return np.asarray(x), np.asarray(y)

    def signed(self, x: Reals, y: Reals) -> tuple[Reals, Reals, Reals, Reals]:
        """Distance to the left of the line (m), foot point x, y (m) and chainage (m) of each place."""
        located = self._located(x, y)
        foot_x, foot_y = self.line.frame.forward(located.foot_lon, located.foot_lat)
        return located.signed_distance_m * self.line.left_sign, foot_x, foot_y, located.chainage_m

    def left_of(self, x: Reals, y: Reals) -> Reals:
        """Distance to the left of the line (m) of each place, as the first of `signed`."""
        return self._located(x, y).signed_distance_m * self.line.left_sign

    def _located(self, x: Reals, y: Reals) -> Located:
        return self.line.locator.locate(*self.line.frame.inverse(x, y))

    def place(self, chainage_m: Reals, left_m: Reals) -> tuple[Reals, Reals, NDArray[np.bool_]]:
        """Places at signed distance `left_m` near chainage `chainage_m`, and whether each was reached.

        Reached: on the right side and within 5 % or 40 m of the distance asked for. Shapes (n,).
        """
        parts = [
            self._place(chainage_m[begin : begin + BLOCK], left_m[begin : begin + BLOCK])
            for begin in range(0, max(len(left_m), 1), BLOCK)
        ]
        x, y, is_placed = (np.concatenate(column) for column in zip(*parts, strict=True))
        return x, y, is_placed

    def _place(self, chainage_m: Reals, left_m: Reals) -> Placed:
        x, y, normal_x, normal_y = self._guess(chainage_m, np.abs(left_m))
        x, y = x + left_m * normal_x, y + left_m * normal_y
        tolerance = np.maximum(40.0, 0.05 * np.abs(left_m))
        open_ = np.arange(len(x))
        reached = np.empty(len(x))
        for _ in range(6):
            located = self._located(x[open_], y[open_])
            left = located.signed_distance_m * self.line.left_sign
            reached[open_] = left
            miss = left_m[open_] - left
            is_far = np.abs(miss) > tolerance[open_] / 4
            if not is_far.any():
                break
            open_, left, miss = open_[is_far], left[is_far], miss[is_far]
            foot_x, foot_y = self.line.frame.forward(located.foot_lon[is_far], located.foot_lat[is_far])
            away_x, away_y = x[open_] - foot_x, y[open_] - foot_y
            norm = np.hypot(away_x, away_y)
            is_on = norm < 1.0
            unit = np.where(is_on, 1.0, norm) * np.where(left < 0, -1.0, 1.0)
            step_x = np.where(is_on, normal_x[open_], away_x / unit)
            step_y = np.where(is_on, normal_y[open_], away_y / unit)
            x[open_] += miss * step_x
            y[open_] += miss * step_y
        else:
            reached[open_] = self.left_of(x[open_], y[open_])
        return x, y, np.abs(reached - left_m) <= tolerance

    def place_surely(self, rng: np.random.Generator, chainage_m: Reals, left_m: Reals) -> tuple[Reals, Reals]:
        """As `place`; where it fails, the chainage is shifted a little, up to eight times."""
        return self.answered(placing_surely(rng, self.length_m, chainage_m, left_m))

    def answered(self, plan: Plan[Planned]) -> Planned:
        """What a plan comes to, given the places that it asks for."""
        try:
            asked = next(plan)
            while True:
                asked = plan.send(self.place(*asked))
        except StopIteration as done:
            planned: Planned = done.value
            return planned

    def towards(self, x: Reals, y: Reals, beyond_m: Reals) -> tuple[Reals, Reals]:
        """From each place straight to the nearest point of the line and `beyond_m` past it (negative:
        before).
        """
        _, foot_x, foot_y, _chainage = self.signed(x, y)
        go_x, go_y = foot_x - x, foot_y - y
        norm = np.maximum(np.hypot(go_x, go_y), 1.0)
        return foot_x + beyond_m * go_x / norm, foot_y + beyond_m * go_y / norm

    def azimuth_to_true(self, x: Reals, y: Reals) -> Reals:
        """Degrees to add to an azimuth of the plane (clockwise from y) to get one from true north."""
        frame = self.line.frame
        # The frame is a cone: meridians converge at its apex, and the angle there is the convergence.
        return np.degrees(np.arctan2(frame.n * x / frame.unit_m, 1.0 - frame.n * y / frame.unit_m))

    def _guess(self, chainage_m: Reals, distance_m: Reals) -> tuple[Reals, Reals, Reals, Reals]:
        level = np.clip(
            np.ceil(np.log2(np.maximum(2 * distance_m, 1.0) / SMOOTHING_M[0])), 0, len(SMOOTHING_M) - 1
        )
        position = np.clip(chainage_m / self._step_m, 0, len(self._chainage) - 1.001)
        idx = position.astype(np.int64)
        t = position - idx
        out = np.empty((4, len(chainage_m)))
        for which, curves in enumerate(self._smooth):
            here = level == which
            for row, curve in enumerate(curves):
                at = idx[here]
                out[row, here] = curve[at] * (1 - t[here]) + curve[at + 1] * t[here]
        return out[0], out[1], out[2], out[3]


def placing_surely(
    rng: np.random.Generator, length_m: float, chainage_m: Reals, left_m: Reals
) -> Plan[tuple[Reals, Reals]]:
    """Places as of `LineSpace.place`; where it fails, the chainage is shifted a little, up to eight times."""
    x, y, is_placed = yield chainage_m, left_m
    for attempt in range(1, 9):
        idx = np.flatnonzero(~is_placed)
        if not len(idx):
            break
        shift = rng.normal(0.0, 500.0 * attempt, len(idx)) + rng.choice([-1.0, 1.0], len(idx)) * np.abs(
            left_m[idx]
        )
        shifted = np.clip(chainage_m[idx] + shift, 0.0, length_m)
        x[idx], y[idx], is_placed[idx] = yield shifted, left_m[idx]
    return x, y


def together(plans: Sequence[Plan[Planned]]) -> Plan[list[Planned]]:
    """Several plans as one: what all of them ask for next is asked for at once. Places do not depend on each other."""
    planned: dict[int, Planned] = {}
    asked: dict[int, tuple[Reals, Reals]] = {}
    answers: dict[int, Placed | None] = dict.fromkeys(range(len(plans)))
    while answers:
        asked = {}
        for number, answer in answers.items():
            try:
                asked[number] = next(plans[number]) if answer is None else plans[number].send(answer)
            except StopIteration as done:
                planned[number] = done.value
        answers = {}
        if asked:
            chainage_m, left_m = (np.concatenate(column) for column in zip(*asked.values(), strict=True))
            x, y, is_placed = yield chainage_m, left_m
            begin = 0
            for number, (own_m, _) in asked.items():
                part = slice(begin, begin + len(own_m))
                answers[number] = (x[part], y[part], is_placed[part])
                begin = part.stop
    return [planned[number] for number in range(len(plans))]


def _smoothed(x: Reals, y: Reals, step_m: float, width_m: float) -> tuple[Reals, Reals, Reals, Reals]:
    """The curve under a moving average of `width_m`, and its unit normals to the left."""
    half = max(int(width_m / step_m / 2), 1)
    weights = np.ones(2 * half + 1) / (2 * half + 1)
    mean_x = np.convolve(np.pad(x, half, mode="edge"), weights, mode="valid")
    mean_y = np.convolve(np.pad(y, half, mode="edge"), weights, mode="valid")
    go_x, go_y = np.gradient(mean_x), np.gradient(mean_y)
    norm = np.maximum(np.hypot(go_x, go_y), 1e-9)
    return mean_x, mean_y, -go_y / norm, go_x / norm
