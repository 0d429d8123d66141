"""Chances of many sensors together: what is remembered or put in order must not show in any figure."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitoring.coverage import reach
from monitoring.coverage.chances import (
    HOSTS,
    Grouping,
    Observers,
    Pairs,
    all_miss,
    by_observer,
    group_of,
    nested,
    pairs_of,
)
from monitoring.coverage.hours import _Site, sites_along
from monitoring.coverage.ordering import ranges, spans, stable_order
from tests.small_world import LINE, LON, SECTORS

OBSERVERS = 7
CELLS = 5
FACTORS = arrays(np.float64, OBSERVERS, elements=st.sampled_from([0.0, 0.25, 1.0]))


@st.composite
def pairs(draw):
    both = draw(
        st.lists(st.tuples(st.integers(0, OBSERVERS - 1), st.integers(0, CELLS - 1)), unique=True).map(sorted)
    )
    observer, cell = (
        (np.array(column, dtype=np.int64) for column in zip(*both, strict=True))
        if both
        else (
            np.zeros(0, dtype=np.int64),
            np.zeros(0, dtype=np.int64),
        )
    )
    prob = draw(arrays(np.float64, len(both), elements=st.floats(0.0, 0.97)))
    return Pairs(observer, cell, prob)


GROUPS = arrays(np.int64, OBSERVERS, elements=st.integers(0, len(reach.CAUSE_NAMES) * len(HOSTS) - 1))


@given(arrays(np.int64, st.integers(0, 40), elements=st.integers(0, 9)))
def test_the_stable_order_is_that_of_a_stable_sort(key):
    assert stable_order(key).tolist() == np.argsort(key, kind="stable").tolist()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=6))
def test_spans_are_the_ranges_one_after_the_other(wanted):
    first = np.array([begin for begin, _ in wanted], dtype=np.int64)
    end = np.array([begin + count for begin, count in wanted], dtype=np.int64)
    assert spans(first, end).tolist() == [at for begin, count in wanted for at in range(begin, begin + count)]
    begin = np.cumsum([0, *(count for _, count in wanted)])
    assert ranges(begin, np.arange(len(wanted))).tolist() == list(range(begin[-1]))


@given(pairs(), GROUPS, st.lists(FACTORS, min_size=1, max_size=4))
def test_a_grouping_that_was_asked_before_gives_the_bits_of_a_new_one(found, group, factors):
    remembering = Grouping(found, group, CELLS)
    for factor in factors:
        new = Grouping(found, group, CELLS).miss(factor)
        assert remembering.miss(factor).tobytes() == new.tobytes()
        left = Pairs(found.observer, found.cell, found.prob * factor[found.observer])
        assert new.tobytes() == all_miss(left.cell, group[left.observer], left.prob, CELLS).tobytes()


@given(pairs(), GROUPS, FACTORS, st.integers(1, OBSERVERS))
def test_observers_nested_part_by_part_miss_what_they_miss_alone(found, group, factor, first_part):
    part = (np.arange(OBSERVERS) >= first_part).astype(np.int64)
    made = nested(found, group, part, 2, CELLS)
    for number, own in enumerate(made):
        members = np.flatnonzero(part == number)
        is_own = part[found.observer] == number
        cell, missed = own.missed(factor[members])
        whole = np.ones(CELLS)
        whole[cell] = missed
        left = found.prob[is_own] * factor[found.observer[is_own]]
        alone = all_miss(found.cell[is_own], group[found.observer[is_own]], left, CELLS)
        assert whole.tobytes() == alone.tobytes()


@st.composite
def nets(draw):
    count = draw(st.integers(1, 8))

    def reals(low, high):
        return draw(arrays(np.float64, count, elements=st.floats(low, high)))

    return Observers(
        type_idx=draw(arrays(np.int64, count, elements=st.integers(0, len(reach.TYPES) - 1))),
        host_idx=draw(arrays(np.int64, count, elements=st.integers(0, 2))),
        lon=draw(arrays(np.float64, count, elements=st.just(np.nan) | st.floats(LON - 0.2, LON + 0.2))),
        lat=reals(LINE.lat.min() - 0.1, LINE.lat.max() + 0.1),
        scale=reals(0.1, 1.5),
        best_prob=reals(0.1, 0.97),
        fov_azimuth_deg=reals(0.0, 360.0),
        fov_width_deg=draw(arrays(np.float64, count, elements=st.sampled_from([np.nan, 360.0, 90.0]))),
    )


@settings(max_examples=25, deadline=None)
@given(nets())
def test_pairs_are_all_those_within_reach_in_view_kind_by_kind(observers):
    cells = sites_along(LINE, SECTORS).cells
    found = by_observer(pairs_of(observers, cells))
    x, y = cells.frame.forward(observers.lon, observers.lat)
    reaches = set()
    for observer in np.flatnonzero(np.isfinite(x)).tolist():
        half_m = reach.HALF_M[observers.type_idx[observer]] * observers.scale[observer]
        for kind in np.flatnonzero(half_m > 0).tolist():
            own = np.arange(cells.begin[kind], cells.begin[kind + 1])
            distance_m = np.hypot(cells.x[own] - x[observer], cells.y[own] - y[observer])
            reaches |= {(observer, cell) for cell in own[distance_m <= reach.CUT * half_m[kind]].tolist()}
    pairs_found = list(zip(found.observer.tolist(), found.cell.tolist(), strict=True))
    assert pairs_found == sorted(set(pairs_found))
    all_round = ~(observers.fov_width_deg < 360.0)
    assert {pair for pair in pairs_found if all_round[pair[0]]} == {o for o in reaches if all_round[o[0]]}
    assert set(pairs_found) <= reaches


@settings(max_examples=25, deadline=None)
@given(nets(), nets(), st.data())
def test_what_is_watched_does_not_depend_on_what_was_asked_before(posts, others, data):
    cells = sites_along(LINE, SECTORS).cells
    found = by_observer(pairs_of(posts, cells))
    count = len(posts.lon)
    remembering = _Site(posts, found, cells)
    beside = pairs_of(others, cells)
    (crew,) = nested(beside, group_of(others), np.zeros(len(others.lon), dtype=np.int64), 1, cells.cell_count)
    cell, missed = crew.missed(np.ones(len(others.lon)))
    for _ in range(3):
        factor = data.draw(arrays(np.float64, count, elements=st.sampled_from([0.0, 0.5, 1.0])))
        watch, new = remembering.watch(factor), _Site(posts, found, cells).watch(factor)
        assert watch.km.tobytes() == new.km.tobytes()
        joined = remembering.joined(watch, cell, missed)
        miss = new.miss.copy()
        miss[cell] *= missed
        prob = 0.98 * (1.0 - miss)
        km = np.bincount(cells.row, cells.km * (prob >= 0.1), cells.row_count)
        assert joined.km[:, 0].tobytes() == km.tobytes()
        assert remembering.watch(factor).km.tobytes() == watch.km.tobytes()
