"""Reporting periods across changes of the clocks."""

from datetime import date

import pytest

from monitoring.reports import period_at, period_ending_on, periods_between

HOUR_NS = 3_600 * 1_000_000_000


@pytest.mark.parametrize(
    ("on", "hours", "begins", "ends"),
    [
        (date(2026, 6, 15), 24, "2026-06-14T19:30:00+03:00", "2026-06-15T19:30:00+03:00"),
        (date(2026, 3, 29), 23, "2026-03-28T19:30:00+02:00", "2026-03-29T19:30:00+03:00"),
        (date(2026, 10, 25), 25, "2026-10-24T19:30:00+03:00", "2026-10-25T19:30:00+02:00"),
    ],
)
def test_a_period_ends_on_its_date_and_has_23_24_or_25_hours(on, hours, begins, ends):
    period = period_ending_on(on, "Europe/Kyiv", "19:30")
    assert period.hours == hours
    assert (period.from_at.isoformat(), period.to_at.isoformat()) == (begins, ends)


def test_periods_follow_each_other_without_gap_or_overlap_for_a_year():
    period = period_ending_on(date(2026, 1, 1), "Europe/Kyiv", "19:30")
    for _ in range(365):
        following = period.following()
        assert following.from_ns == period.to_ns
        assert following.previous() == period
        period = following


def test_an_instant_belongs_to_one_period_and_the_end_to_the_next():
    period = period_ending_on(date(2026, 3, 29), "Europe/Kyiv", "19:30")
    assert period_at(period.to_ns - 1, "Europe/Kyiv", "19:30") == period
    assert period_at(period.to_ns, "Europe/Kyiv", "19:30") == period.following()
    assert period_at(period.from_ns, "Europe/Kyiv", "19:30") == period
    assert not period.holds(period.to_ns)


def test_a_cut_off_that_clocks_skip_or_repeat_still_gives_whole_periods():
    skipped = period_ending_on(date(2026, 3, 29), "Europe/Kyiv", "03:30")
    repeated = period_ending_on(date(2026, 10, 25), "Europe/Kyiv", "03:30")
    assert skipped.hours + skipped.following().hours == 47
    assert repeated.hours + repeated.following().hours == 49


def test_periods_between_two_instants_hold_both():
    period = period_ending_on(date(2026, 10, 25), "Europe/Kyiv", "19:30")
    found = list(periods_between(period.from_ns + HOUR_NS, period.to_ns + HOUR_NS, "Europe/Kyiv", "19:30"))
    assert [p.date.day for p in found] == [25, 26]
