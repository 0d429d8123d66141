"""How far two tracks were from each other, fix by fix: the slow twin of `Surroundings.beside`."""

from math import ceil, hypot, inf

from monitoring.incidents.surroundings import BRIDGE_NS, CLAIMED_SCALE, STRAY_FRAC


def slow_beside(around, way, part):
    """Mean squared distance of `part` from `way`, the worse of the two halves of their common times."""
    words = (around.medium, around.hand)
    if way == part or any(of[way] >= 0 and of[part] >= 0 and of[way] != of[part] for of in words):
        return inf
    apart = _apart_of_all(around, way, part)
    if not apart:
        apart = _apart_of_all(around, part, way)
        return sum(apart) / len(apart) if apart else inf
    half = ceil(len(apart) / 2) if len(apart) >= 6 else len(apart)
    return max(sum(some) / len(some) for some in (apart[:half], apart[half:]) if some)


def _apart_of_all(around, way, part):
    found = (_apart(around, way, row) for row in range(around.begin[part], around.end[part]))
    return [squared for squared in found if squared is not None]


def _apart(around, way, row):
    """Squared distance in standard deviations of a row from a way at its time, None where that is not known."""
    time_ns, (east, north) = around.time_ns, around.place
    at = range(around.begin[way], around.end[way])
    last = next((i for i in at if time_ns[i] >= time_ns[row]), None)
    if last is None or time_ns[row] < time_ns[at[0]]:
        return None
    first = last if time_ns[last] == time_ns[row] else last - 1
    step_ns = time_ns[last] - time_ns[first]
    if step_ns > BRIDGE_NS:
        return None
    share = (time_ns[row] - time_ns[first]) / step_ns if step_ns else 0.0
    way_e, way_n = east[last] - east[first], north[last] - north[first]
    off_e = east[row] - east[first] - share * way_e
    off_n = north[row] - north[first] - share * way_n
    var_e, cov_en, var_n = (CLAIMED_SCALE**2 * (axis[row] + axis[last]) for axis in around.cov)
    var_e, var_n = (var + (STRAY_FRAC * hypot(way_e, way_n)) ** 2 for var in (var_e, var_n))
    return (var_n * off_e**2 - 2 * cov_en * off_e * off_n + var_e * off_n**2) / (var_e * var_n - cov_en**2)
