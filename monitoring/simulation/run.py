"""Running a scenario: tables of events in order of arrival, then the truth.

    run = simulate("busy-day", line, agreement, seed=7)
    for table in run.tables(): ...
    run.truth()

Memory is bounded by one window of time and what is on its way; a week needs no week's memory.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from geodata.contact_line import ContactLine
from monitoring import schema
from monitoring.agreement import Agreement
from monitoring.simulation.background import false_alarms, heartbeats, within
from monitoring.simulation.deception import inventions
from monitoring.simulation.delivery import Delivery
from monitoring.simulation.fit import check_fit
from monitoring.simulation.interference import observe_jamming
from monitoring.simulation.looks import observe_movers
from monitoring.simulation.notices import notices_of
from monitoring.simulation.placement import LineSpace
from monitoring.simulation.randomness import stream
from monitoring.simulation.scenario import Scenario
from monitoring.simulation.scenario_file import load_scenario
from monitoring.simulation.sensors import registry_of
from monitoring.simulation.sounds import human_reports, observe_fire
from monitoring.simulation.terms import Terms
from monitoring.simulation.truth import Truth
from monitoring.simulation.witness import Witness
from monitoring.simulation.world import build_world

DEMO_DATE: Final = date(2026, 6, 15)
WINDOW_S: Final = 7_200.0
JAMMING_STREAMS: Final = 1_000
"""Observation of jamming draws from streams above those of its planning."""
WINDOW_S_MIN: Final = 300.0
Progress = Callable[[float], None]
"""Told the finished share (0-1) after each window."""


def period(on: date, zone: str, cut_off: str) -> tuple[int, int]:
    """The reporting period that ends on a date, as nanoseconds UTC: 23, 24 or 25 hours.

    >>> begin, end = period(date(2026, 3, 29), "Europe/Kyiv", "19:30")
    >>> (end - begin) / 3.6e12
    23.0
    """
    at = time.fromisoformat(cut_off)
    ends = [datetime.combine(day, at, ZoneInfo(zone)) for day in (on - timedelta(days=1), on)]
    begin, end = (int(moment.astimezone(UTC).timestamp()) * 1_000_000_000 for moment in ends)
    return begin, end


class Run:
    """One run of a scenario. `tables` may be walked once; `truth` is known after that."""

    def __init__(
        self,
        scenario: Scenario,
        line: ContactLine,
        agreement: Agreement | None,
        seed: int,
        on: date,
        hours: float | None,
        density: float,
        progress: Progress | None,
        start_ns: int | None,
    ) -> None:
        zone, cut_off = ("Europe/Kyiv", "19:30")
        if agreement is not None:
            zone, cut_off = agreement.reporting.zone, agreement.reporting.cut_off
        first_day = on - timedelta(days=scenario.days - 1)
        self.from_ns, end_ns = period(first_day, zone, cut_off)[0], period(on, zone, cut_off)[1]
        duration_s = (end_ns - self.from_ns) / 1e9 if hours is None else hours * 3_600.0
        self.from_ns = self.from_ns if start_ns is None else start_ns
        self.to_ns = self.from_ns + round(duration_s * 1e9)
        terms = Terms() if agreement is None else Terms.of(agreement, self.from_ns, line.left_side)
        local = datetime.fromtimestamp(self.from_ns // 1_000_000_000, ZoneInfo(zone))
        local_start_s = float(local.hour * 3_600 + local.minute * 60)
        density *= scenario.density
        self._world = build_world(
            scenario, line, seed, self.from_ns, duration_s, local_start_s, density, terms
        )
        self._window_s = max(WINDOW_S / max(density / 4.0, 1.0), WINDOW_S_MIN)
        self._witness = Witness(self._world)
        self._progress = progress
        self._is_done = False
        self.header: dict[str, Any] = {
            "scenario": scenario.name,
            "swap_sides": scenario.swap_sides,
            "seed": seed,
            "date": on.isoformat(),
            "from_ns": self.from_ns,
            "to_ns": self.to_ns,
            "density": density,
            "rules": list(terms.rule_ids),
            "line_m": round(line.length_m, 1),
            "line_version": line.version,
            "agreement_version": terms.agreement_version,
            "engine_version": schema.ENGINE_VERSION,
        }

    @property
    def registry(self) -> list[dict[str, Any]]:
        """What the sensors' operators declare (see `registry_of`)."""
        return registry_of(self._world.net, self._world.space)

    @property
    def notices(self) -> dict[str, Any]:
        """What was announced to the mission beforehand (see `notices_of`)."""
        return notices_of(self._world)

    def tables(self) -> Iterator[pa.Table]:
        """Events in order of arrival, columns of `schema.EVENT_FIELDS`; the last table holds the
        stragglers.
        """
        return (table for _, table in self.deliveries() if table.num_rows)

    def deliveries(self, step_s: float | None = None) -> Iterator[tuple[int, pa.Table]]:
        """The same events cut by when they arrive: (ns UTC, what has arrived since the last cut), each `step_s`.

        What is still on its way at the end comes with the end's time. Walked once, like `tables`.
        """
        world, witness = self._world, self._witness
        delivery = Delivery(world)
        reports, group, sensor_type, log_miss = human_reports(world)
        witness.heard(group, sensor_type, log_miss)
        order = reports["made_s"].argsort(kind="stable")
        reports = {name: column[order] for name, column in reports.items()}
        false = false_alarms(world)
        lies, deceptions = inventions(world)
        witness.deceived(deceptions)
        windows = max(int(-(-world.duration_s // self._window_s)), 1)
        for number in range(windows):
            begin_s = number * self._window_s
            end_s = min(begin_s + self._window_s, world.duration_s)
            span = (begin_s, end_s)
            fixes, over, inside, there, gathered = observe_movers(
                world, *span, stream(world.seed, "looks", number)
            )
            witness.saw(over, inside, there, gathered)
            rng = stream(world.seed, "sounds", number + 2)
            sounds, reported, group, sensor_type, log_miss, launches = observe_fire(world, *span, rng)
            witness.heard(group, sensor_type, log_miss)
            witness.recorded(reported)
            witness.placed(*launches)
            rng = stream(world.seed, "jammers", JAMMING_STREAMS + number)
            jamming, disc, sensor_type, log_miss = observe_jamming(world, *span, rng)
            witness.noticed(disc, sensor_type, log_miss)
            parts = [fixes, sounds, jamming, heartbeats(world, begin_s, end_s)]
            parts += [within(batch, begin_s, end_s) for batch in (reports, false, lies)]
            witness.link(delivery.take(parts, number))
            # Nothing made later can arrive before the window's end, so it may be cut anywhere.
            cuts = (
                [end_s] if step_s is None else [*np.arange(begin_s + step_s, end_s, step_s).tolist(), end_s]
            )
            for cut_s in cuts:
                yield self.from_ns + round(cut_s * 1e9), delivery.give(cut_s)
            if self._progress is not None:
                self._progress((number + 1) / windows)
        table = delivery.give(float("inf"))
        self._is_done = True
        yield self.to_ns, table

    def truth(self) -> Truth:
        """What really happened. Only after `tables` was walked to its end."""
        assert self._is_done, "walk tables() to its end before asking for the truth"
        return self._witness.truth(self.header)


def simulate(
    scenario: Scenario | str | Path,
    line: ContactLine,
    agreement: Agreement | None = None,
    *,
    seed: int = 1,
    on: date = DEMO_DATE,
    hours: float | None = None,
    density: float = 1.0,
    progress: Progress | None = None,
    start_ns: int | None = None,
) -> Run:
    """Plans a run of a scenario (or of the packaged one, or file, of that name).

    `on` is the day on which the (last) reporting period ends; `hours` takes only the first hours (or more
    than all); `start_ns` begins at another instant instead; `density` multiplies everybody's activity.
    `agreement` must have the parameters of its rules declared (it decides which happenings break which
    rule); without one the terms are those of `Terms()`. The same arguments give the same bytes. Raises
    ScenarioError naming file, key and reason, also where the scenario does not fit the line.
    """
    file = scenario.name if isinstance(scenario, Scenario) else str(scenario)
    if not isinstance(scenario, Scenario):
        scenario = load_scenario(scenario)
    if hours is not None and not 0 < hours <= 24 * 31:
        raise ValueError(f"hours must lie between 0 and {24 * 31}, not {hours:g}")
    if not 0 < density <= 1_000:
        raise ValueError(f"density must lie between 0 and 1000, not {density:g}")
    check_fit(scenario, LineSpace(line), file)
    return Run(scenario, line, agreement, seed, on, hours, density, progress, start_ns)
