"""Evidence: what is known of one incident, as attribution reads it; arguments: what it says of each hypothesis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from typing import Any, Final

from monitoring import schema
from monitoring.attribution.hypotheses import IDS, Likelihoods

HEAVY: Final = ("armoured_vehicle", "tank", "artillery", "mlrs", "air_defence", "aircraft")
"""Classes that, as a rule, only the forces of a party have."""
IN_THE_AIR: Final = ("uav_small", "uav_large", "aircraft")
SMALL_ARMS: Final = frozenset(("shot", "burst"))
"""Phenomena that are recorded where the weapon is."""


@dataclass(frozen=True)
class Located:
    """A place: its signed distance from the line (m, positive on side A) and standard deviation (m)."""

    signed_distance_m: float
    sigma_m: float
    sensors: int = 1


@dataclass(frozen=True, eq=False)
class Argument:
    """One argument: a sentence, and how probable what it says is under each hypothesis, raised to `weight`.

    `weight` below 1 tempers what depends on other evidence; above 1 it stands for several sources. Most arguments come
    again and again; each is made once, so that what follows from it is worked out once as well.
    """

    text: str
    likelihoods: Likelihoods
    weight: float = 1.0

    @cached_property
    def logs(self) -> list[float]:
        """Logarithms of the likelihoods, weighted, in the order of `IDS`."""
        return [self.weight * log(self.likelihoods[name]) for name in IDS]


@dataclass(frozen=True)
class Evidence:
    """What one incident says: its kind, statements (see `monitoring.incidents.statements`) and located ends.

    `hosts`: host sides of all sensors (`A`, `B`, `none`); `sensors`: how many there were; `kinds`: how many different
    pairs of type and host.
    """

    kind: str
    time_ns: int
    statements: Sequence[Mapping[str, Any]] = ()
    origin: Located | None = None
    impact: Located | None = None
    phenomena: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    sensors: int = 1
    kinds: int = 1
    _by: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for entry in sorted(self.statements, key=_order):
            self._by.setdefault(entry["says"], []).append(entry)

    def said(self, says: str) -> list[Mapping[str, Any]]:
        """Statements of one sort, in an order that does not depend on how they came."""
        return self._by.get(says, [])

    def words(self, says: str) -> Iterator[str]:
        """Different words of one sort of statement, sorted."""
        return iter(sorted({entry["word"] for entry in self.said(says)}))

    @cached_property
    def object_class(self) -> str:
        """The class that most sensors named, of equals the first by the vocabulary; for small arms `group`."""
        votes: dict[str, int] = {}
        for entry in self.said("class"):
            votes[entry["word"]] = votes.get(entry["word"], 0) + int(entry["sensors"])
        if votes:
            return min(votes, key=lambda word: (-votes[word], schema.OBJECT_CLASSES.index(word)))
        if self.kind == "fire" and self.phenomena and self.phenomena <= SMALL_ARMS:
            return "group"
        return "unknown"


def _order(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        entry["says"],
        entry.get("word") or "",
        entry["type"],
        entry["host"],
        str(entry.get("distance_m")),
    )


def repeated(count: int, weight: float) -> float:
    """How many independent sources `count` dependent ones are worth: each further one `weight` of the one before.

    >>> repeated(1, 0.5), repeated(3, 0.5), repeated(1000, 0.5)
    (1.0, 1.75, 2.0)
    """
    return (1.0 - weight**count) / (1.0 - weight)
