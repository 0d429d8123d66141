"""What every step is handed besides state and events: the agreement, the lines, the sectors, the sensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geodata.contact_line import LineHistory
from geodata.sectors import Sectors
from monitoring import schema
from monitoring.agreement.agreement import Agreement
from monitoring.agreement.catalogue import CONTACT_LINE
from monitoring.agreement.notices import Notices
from monitoring.agreement.reference_lines import spliced
from monitoring.agreement.terms import Terms


@dataclass(frozen=True)
class SensorFacts:
    """What the registry says of one sensor, as far as judgement needs it.

    `host_side` is `A`, `B` or None; `sigma_m` the declared standard deviation per axis, None = the type's;
    `detection_prob` how likely one look notices what is near, `reach_m` how far it notices anything at all.
    """

    type: str = "generic"
    host_side: str | None = None
    sigma_m: float | None = None
    lon: float | None = None
    lat: float | None = None
    detection_prob: float | None = None
    reach_m: float | None = None


class Posted(NamedTuple):
    """The sensors that stand somewhere, in the order of their ids: names, facts and places, all (n,)."""

    names: tuple[str, ...]
    facts: tuple[SensorFacts, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


@dataclass(frozen=True)
class Parameters:
    """Everything outside the events that determines results.

    `position_error` = 0 takes positions, and the line, as exact; `rules` None = every rule that the agreement
    has a clause for; `default_sigma_m` stands in for the sensor type's default where it is given; `sensors`
    maps ids to facts, an unlisted sensor is a `generic` one; `given_later` are the notices that came besides the
    agreement, in their order.
    """

    agreement: Agreement
    lines: LineHistory
    sectors: Sectors
    sensors: Mapping[str, SensorFacts] = field(default_factory=dict)
    position_error: Literal["sigma", 0] = "sigma"
    rules: tuple[str, ...] | None = None
    default_sigma_m: float | None = None
    given_later: tuple[Notices, ...] = ()

    @cached_property
    def terms(self) -> Terms:
        """What the agreement, and the notices given under it, allow at a place and time."""
        return Terms.of(self.agreement, self.given_later)

    @cached_property
    def posted(self) -> Posted:
        """The sensors of the registry that have a post."""
        known = [(name, facts, facts.lon, facts.lat) for name, facts in sorted(self.sensors.items())]
        stand = [post for post in known if post[2] is not None and post[3] is not None]
        return Posted(
            tuple(post[0] for post in stand),
            tuple(post[1] for post in stand),
            np.array([post[2] for post in stand], dtype=np.float64),
            np.array([post[3] for post in stand], dtype=np.float64),
        )

    def line_for(self, rule_id: str, party: str) -> LineHistory:
        """The line from which a rule measures the forces of a party (`A` or `B`): `lines` itself unless the rule's
        `reference_line` names another one."""
        known = self._lines_for.get((rule_id, party))
        if known is None:
            known = self._lines_for[rule_id, party] = self._line_for(rule_id, party)
        return known

    @cached_property
    def _lines_for(self) -> dict[tuple[str, str], LineHistory]:
        return {}

    def _line_for(self, rule_id: str, party: str) -> LineHistory:
        key = f"{rule_id}.reference_line"
        if not self.agreement.has(key):
            return self.lines
        dated = self.agreement.dated(key)
        names = [value[party] for value in dated.values if isinstance(value, Mapping)]
        if set(names) == {CONTACT_LINE}:
            return self.lines
        known = {CONTACT_LINE: self.lines, **self.agreement.reference_lines}
        return spliced([known[str(name)] for name in names], dated.from_ns)

    @property
    def is_exact(self) -> bool:
        """Whether positions are taken as exact."""
        return self.position_error == 0

    def sigma_m(self, sensor_id: str) -> float:
        """Standard deviation per axis for an event of this sensor that states none, in metres."""
        if self.is_exact:
            return 0.0
        facts = self.sensors.get(sensor_id)
        if facts is not None and facts.sigma_m is not None:
            return facts.sigma_m
        if self.default_sigma_m is not None:
            return self.default_sigma_m
        return schema.DEFAULT_SIGMA_M.get(
            facts.type if facts else "generic", schema.DEFAULT_SIGMA_M["generic"]
        )
