"""Slow, obvious twins of the rules of scope `track`: one track at a time, one fix at a time."""

from typing import Any

from monitoring.agreement import Parameters
from tests.small_world import LINE, SECOND_NS


def placed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fixes of one track in canonical order with signed distance."""
    made = []
    for row in sorted(rows, key=lambda row: (row["time_ns"], row["sensor_id"], row["id"])):
        distance_m = float(LINE.locator.locate([row["lon"]], [row["lat"]]).signed_distance_m[0])
        made.append({**row, "distance_m": distance_m})
    return made


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
