"""What an agreement may set: the declared parameters of the steps, and how a value is checked.

A rule declares its own parameters in its file with the same `Parameter`; this list holds those of the steps
around the rules. A key that nobody declared stops the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum, inf, isfinite
from typing import Final, Literal

from monitoring import schema

Value = (
    float
    | str
    | Mapping[str, float]
    | Mapping[str, str]
    | Mapping[str, tuple[str, ...]]
    | Mapping[str, Mapping[str, float]]
)
Shape = Literal[
    "number", "word", "numbers by name", "word by name", "words by name", "numbers by party and name"
]

SIDES: Final = ("A", "B")
VERDICTS: Final = ("violation", "permitted", "undetermined")


class ValueRefused(ValueError):
    """A value does not have the declared form; the message says what was expected."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter of an agreement.

    `name` carries its unit as a suffix where it has one; `names` are the names a mapping must have, all of
    them (empty = any); `words` are the allowed words (empty = any). `numbers by party and name` is a mapping of
    `names` for each of A and B. `default` is what holds where an agreement does not say (None = it must say); it
    is for what has one natural value, and for parameters that came after agreements were written. Of `numbers by
    name`, those named in pairs by `equal` must be equal, and all together make `total`.
    """

    name: str
    unit: str
    shape: Shape = "number"
    least: float = 0.0
    most: float = inf
    names: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    default: Value | None = None
    equal: tuple[tuple[str, str], ...] = ()
    total: float | None = None

    def read(self, raw: object) -> Value:
        """The value in its type, or `ValueRefused`.

        >>> Parameter("width_m", "m", "numbers by name", names=("A", "B")).read({"A": 2000, "B": 1500})
        {'A': 2000.0, 'B': 1500.0}
        >>> Parameter("gap_s", "s").read(-1)
        Traceback (most recent call last):
        monitoring.agreement.catalogue.ValueRefused: expected a number from 0 on, found -1
        """
        if self.shape == "number":
            return self._number(raw)
        if self.shape == "word":
            return self._word(raw)
        if self.shape == "numbers by party and name":
            by_party = self._named(raw, SIDES)
            return {
                party: {name: self._number(value) for name, value in self._named(values, self.names).items()}
                for party, values in by_party.items()
            }
        named = self._named(raw, self.names)
        if self.shape == "numbers by name":
            return self._fair({name: self._number(value) for name, value in named.items()})
        if self.shape == "word by name":
            return {name: self._word(value) for name, value in named.items()}
        return {name: self._words(value) for name, value in named.items()}

    def _fair(self, numbers: dict[str, float]) -> dict[str, float]:
        for one, other in self.equal:
            if numbers[one] != numbers[other]:
                raise ValueRefused(
                    f"{one} and {other} must be equal, found {numbers[one]:g} and {numbers[other]:g}"
                )
        whole = fsum(numbers.values())
        if self.total is not None and abs(whole - self.total) > 1e-9:
            raise ValueRefused(f"the numbers must add up to {self.total:g}, found {whole:g}")
        return numbers

    def _named(self, raw: object, names: tuple[str, ...]) -> dict[str, object]:
        if not isinstance(raw, Mapping):
            raise ValueRefused(f"expected {self.shape}, found {raw!r}")
        named = {str(name): value for name, value in raw.items()}
        missing = [name for name in names if name not in named]
        unknown = [name for name in named if names and name not in names]
        if missing or unknown:
            found = f"missing {', '.join(missing)}" if missing else f"unknown {', '.join(unknown)}"
            raise ValueRefused(f"expected the names {', '.join(names)}: {found}")
        return named

    def _number(self, raw: object) -> float:
        if isinstance(raw, bool) or not isinstance(raw, int | float) or not isfinite(raw):
            raise ValueRefused(f"expected a number, found {raw!r}")
        if not self.least <= raw <= self.most:
            until = "on" if self.most == inf else f"to {self.most:g}"
            raise ValueRefused(f"expected a number from {self.least:g} {until}, found {raw:g}")
        return float(raw)

    def _word(self, raw: object) -> str:
        if not isinstance(raw, str) or not raw or (self.words and raw not in self.words):
            expected = f"one of {', '.join(self.words)}" if self.words else "a word"
            raise ValueRefused(f"expected {expected}, found {raw!r}")
        return raw

    def _words(self, raw: object) -> tuple[str, ...]:
        if not isinstance(raw, list | tuple):
            raise ValueRefused(f"expected a list of words, found {raw!r}")
        return tuple(self._word(word) for word in raw)


_PRIOR: Final = {
    "A": 0.3,
    "A_as_B": 0.05,
    "B": 0.3,
    "B_as_A": 0.05,
    "third": 0.1,
    "natural": 0.08,
    "sensor_fault": 0.07,
    "spoofing": 0.05,
}
_HEAVY: Final = ("armoured_vehicle", "tank", "artillery", "mlrs", "air_defence")
_ATTRIBUTION: Final = (
    Parameter(
        "prior",
        "1",
        "numbers by name",
        least=0.001,
        most=1,
        names=tuple(_PRIOR),
        default=_PRIOR,
        equal=(("A", "B"), ("A_as_B", "B_as_A")),
        total=1.0,
    ),
    Parameter("standard_prob", "1", least=0.5, most=1, default=0.5),
    Parameter("margin_prob", "1", most=0.45, default=0.15),
    Parameter(
        "infiltration_m",
        "m",
        "numbers by name",
        names=schema.OBJECT_CLASSES,
        default={name: 500.0 if name in _HEAVY else 2_200.0 for name in schema.OBJECT_CLASSES},
    ),
    Parameter("infiltration_sigma_m", "m", least=1, default=200.0),
    Parameter(
        "affiliation_wrong_frac",
        "1",
        "numbers by name",
        least=0.001,
        most=0.2,
        names=schema.SENSOR_TYPES,
        default={
            name: 0.02 if name in ("eo_ir_tower", "uav_eo_ir") else 0.05 if name == "human_report" else 0.1
            for name in schema.SENSOR_TYPES
        },
    ),
    Parameter("direction_wrong_frac", "1", least=0.001, most=0.5, default=0.05),
    Parameter("repeat_weight", "1", most=0.9, default=0.5),
    Parameter("other_host_weight", "1", least=0.01, most=1, default=0.7),
    Parameter("undecided_prob_max", "1", most=0.5, default=0.45),
    Parameter("one_host_prob_max", "1", least=0.5, most=1, default=0.9),
    Parameter("one_sensor_prob_max", "1", least=0.5, most=1, default=0.95),
)
"""Parameters of attribution. They came after agreements were written, so all have a default."""

CONTACT_LINE: Final = "contact_line"
"""The name under which a rule's `reference_line` speaks of the contact line itself."""
REFERENCE_LINE: Final = Parameter(
    "reference_line",
    "name of a line",
    "word by name",
    names=SIDES,
    default={"A": CONTACT_LINE, "B": CONTACT_LINE},
)
"""From which line a party's forces are measured, for rules whose distances may have one of its own per party."""

SECTIONS: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "stream": (Parameter("lateness_s", "s"), Parameter("idle_s", "s")),
    "tracks": (
        Parameter("k_sigma", "1", least=0, most=10),
        Parameter("forget_s", "s", least=1),
        Parameter("side_change_per_h", "1/h", least=1e-6, most=3_600),
        Parameter("bias_frac", "1", most=1),
        Parameter("speed_mps_max", "m/s", "numbers by name", least=0.1, names=schema.OBJECT_CLASSES),
        Parameter("false_life_s", "s", least=1),
        Parameter("false_per_true", "1", "numbers by name", names=schema.SENSOR_TYPES),
        Parameter("shouting_per_h", "1/h", least=1),
        Parameter("watch_m", "m", "numbers by name", names=schema.SENSOR_TYPES),
        Parameter("assert_prob", "1", least=0.5, most=1),
    ),
    "association": (
        Parameter("gap_s", "s"),
        Parameter("move_m", "m"),
        Parameter("phenomenon_gate_s", "s"),
        Parameter("k_sigma", "1", least=0.1, most=10),
        # Happenings are associated in cells of about 28 km and a halo of five such limits, which bounds it.
        Parameter("limit_m", "m", least=1, most=3_000),
        Parameter("duration_s_max", "s", least=1),
        Parameter("excursion_s", "s"),
        Parameter("handover_s", "s", most=1_800),
    ),
    "permissions": (
        Parameter("k_sigma", "1", least=0, most=10, default=2.0),
        Parameter("grow_m_max", "m", default=1_000.0),
        Parameter("tolerance_s", "s", most=86_400, default=300.0),
        Parameter("clearing_s", "s", most=86_400, default=3_600.0),
    ),
    "fire_evidence": (
        Parameter("false_alarms_per_day", "1/d", "numbers by name", least=1e-6, names=schema.SENSOR_TYPES),
        Parameter("single_report_per_day", "1/d", least=1e-6),
        Parameter("repeat_ratio", "1", least=1),
        Parameter("second_sensor_ratio", "1", least=1),
        Parameter("trajectory_ratio", "1", least=1),
        Parameter("confidence_ratio_max", "1", least=1),
        Parameter("sensor_odds_max", "1", least=1),
        Parameter("invented_frac", "1", least=0.01, most=0.99, default=0.7),
        Parameter("distrust_ratio_max", "1", least=1, default=150.0),
        Parameter("claims_kept_s", "s", most=2_592_000, default=604_800.0),
        Parameter("unheard_prob", "1", least=1e-3, most=1),
        Parameter("shouting_per_h", "1/h", least=1),
        Parameter("weapon_odds", "1", least=1e-3),
        Parameter("sign_ratio", "1", least=1),
        Parameter(
            "tells_direction", "sensor types", "words by name", names=("by",), words=schema.SENSOR_TYPES
        ),
        Parameter("untold_ratio", "1", least=1e-3, most=1),
        Parameter(
            "hears_small_arms", "sensor types", "words by name", names=("by",), words=schema.SENSOR_TYPES
        ),
        Parameter("misheard_ratio", "1", least=1e-3, most=1),
    ),
    "filing": (
        Parameter("opens_on", "verdicts by rule", "words by name", words=VERDICTS),
        Parameter("join_window_s", "s"),
        Parameter("place", "place", "word", words=("sector", "cell")),
        Parameter("priority", "1 (first) to 5, by rule", "numbers by name", least=1, most=5),
        Parameter("urgent_count", "recorded phenomena", least=1),
        Parameter("least_prob", "1, by rule", "numbers by name", most=1),
        Parameter("alone_m", "m"),
        Parameter("harm_near_m", "m"),
        Parameter("novelty_s", "s", least=1),
        Parameter("escalation_count", "corroborated incidents", least=2),
    ),
    "attribution": _ATTRIBUTION,
}
"""Parameters of the steps around the rules, by section. Those without a default are required."""
