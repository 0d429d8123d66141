"""Hypotheses: what could have been, and how a likelihood is stated for each of them.

| id | what it says |
|---|---|
| `A`, `B` | forces of that party did it, as they are |
| `A_as_B`, `B_as_A` | forces of the first party staged it so that the other is blamed |
| `third` | a third or unknown actor did it, civilians among them |
| `natural` | an accident or a natural cause: thunder, animals, blasting |
| `sensor_fault` | nothing was there: sensors were wrong by themselves |
| `spoofing` | nothing was there: somebody made sensors report it |

A deed is a party's under its plain and its staging hypothesis alike. Nothing here knows which party is which: a
model states likelihoods for one way round, and `mirrored` gives the other, so that swapping the names of the parties
swaps the results and nothing else.
"""

from collections.abc import Mapping
from math import fsum
from typing import Final

IDS: Final = ("A", "A_as_B", "B", "B_as_A", "third", "natural", "sensor_fault", "spoofing")
PARTIES: Final = ("A", "B")
OTHER: Final = {"A": "B", "B": "A"}
OF_PARTY: Final = {"A": ("A", "A_as_B"), "B": ("B", "B_as_A")}
WORDS: Final = {
    "A": "party A",
    "A_as_B": "party A, acting so that party B is blamed",
    "B": "party B",
    "B_as_A": "party B, acting so that party A is blamed",
    "third": "a third or unknown actor",
    "natural": "an accident or a natural cause",
    "sensor_fault": "a fault of sensors",
    "spoofing": "sensors made to report what was not",
}
_MIRROR: Final = {"A": "B", "B": "A", "A_as_B": "B_as_A", "B_as_A": "A_as_B"}

Likelihoods = Mapping[str, float]
"""How probable a piece of evidence is under each hypothesis, by id; only ratios matter."""


def mirrored(likelihoods: Likelihoods) -> dict[str, float]:
    """The same with the parties swapped.

    >>> mirrored(stated(own=0.9, staged=0.5, other=0.1, other_staged=0.2, rest=0.3))["B"]
    0.9
    """
    return {name: likelihoods[_MIRROR.get(name, name)] for name in IDS}


def stated(
    *, own: float, staged: float, other: float, other_staged: float, rest: float, **named: float
) -> dict[str, float]:
    """Likelihoods for evidence about side A: `own` = A, `staged` = A as B, `other` = B; `rest` of the others by id."""
    made = {"A": own, "A_as_B": staged, "B": other, "B_as_A": other_staged}
    return {name: made.get(name, named.get(name, rest)) for name in IDS}


def for_side(side: str, likelihoods: Likelihoods) -> dict[str, float]:
    """Likelihoods that were stated for side A, for evidence about `side`."""
    return dict(likelihoods) if side == "A" else mirrored(likelihoods)


def of_party(probabilities: Mapping[str, float], party: str) -> float:
    """What both hypotheses of a party come to."""
    return fsum(probabilities[name] for name in OF_PARTY[party])
