"""Slow, obvious twins of the rules of scope `track`: one track at a time, one fix at a time."""

from typing import Any

from geodata.crossings import step_crossings
from monitoring.agreement import Parameters
from tests.small_world import LINE, SECOND_NS


def placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fixes of one track in canonical order with signed distance."""
    made = []
    for row in sorted(rows, key=lambda row: (row["time_ns"], row["sensor_id"], row["id"])):
        distance_m = float(LINE.locator.locate([row["lon"]], [row["lat"]]).signed_distance_m[0])
        made.append({**row, "distance_m": distance_m})
    return made


def crossings(rows: list[dict[str, Any]], parameters: Parameters) -> list[tuple[str, str, str, int]]:
    """(id before, id after, direction, instant in microseconds) of each change between certain sides."""
    fixes, found = placed(rows), []
    k_sigma = parameters.agreement.number("tracks.k_sigma", 0)
    forget_ns = parameters.agreement.number("tracks.forget_s", 0) * SECOND_NS
    last, passages = None, {1: None, -1: None}
    pending = 0
    for i, fix in enumerate(fixes):
        if i and fix["time_ns"] - fixes[i - 1]["time_ns"] > forget_ns:
            last, pending = None, 0
        elif i:
            before = fixes[i - 1]
            steps = step_crossings(
                LINE, [before["lon"]], [before["lat"]], [fix["lon"]], [fix["lat"]], pending_before=[pending]
            )
            pending = int(steps.pending_side[0])
            for fraction, direction in zip(steps.fraction, steps.direction, strict=True):
                way_ns = fix["time_ns"] - before["time_ns"]
                passages[int(direction)] = (
                    i,
                    before["time_ns"] // 1000 + round(float(fraction) * way_ns / 1000),
                )
        side = 0
        if abs(fix["distance_m"]) > k_sigma * fix["sigma_m"]:
            side = 1 if fix["distance_m"] > 0 else -1
        if side == 0:
            continue
        if last is not None and side != last[1]:
            passage = passages[last[1]]
            if passage is not None and passage[0] > last[0]:
                direction = "A>B" if last[1] > 0 else "B>A"
                found.append((fixes[last[0]]["id"], fix["id"], direction, passage[1]))
        last = (i, side)
    return found


def stays(rows: list[dict[str, Any]], parameters: Parameters) -> list[tuple[int, int, str]]:
    """(first fix inside, last fix inside, id of the deepest fix) of each stay in the buffer."""
    fixes, found = placed(rows), []
    agreement = parameters.agreement
    k_sigma = agreement.number("tracks.k_sigma", 0)
    gap_ns = (
        min(agreement.number("buffer_incursion.gap_s", 0), agreement.number("tracks.forget_s", 0)) * SECOND_NS
    )
    width_m = agreement.value("buffer_incursion.width_m", 0)
    inside: list[tuple[float, dict[str, Any]]] = []
    previous_ns = None
    for fix in fixes:
        if previous_ns is not None and fix["time_ns"] - previous_ns > gap_ns and inside:
            found.append(inside)
            inside = []
        previous_ns = fix["time_ns"]
        depth_m = width_m["A" if fix["distance_m"] >= 0 else "B"] - abs(fix["distance_m"])
        slack_m = k_sigma * fix["sigma_m"]
        if depth_m >= slack_m:
            inside.append((depth_m - slack_m, fix))
        elif depth_m < -slack_m and inside:
            found.append(inside)
            inside = []
    if inside:
        found.append(inside)
    return [
        (stay[0][1]["time_ns"], stay[-1][1]["time_ns"], max(stay, key=lambda one: one[0])[1]["id"])
        for stay in found
    ]
