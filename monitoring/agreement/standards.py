"""Standards of proof of an agreement: section `standards`, one for each kind of decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from monitoring.agreement.checking import Node

DECISIONS: Final = ("occurrence", "attribution", "remedy")
LADDER: Final = (
    "reasonable_suspicion",
    "reasonable_grounds",
    "balance_of_probabilities",
    "clear_and_convincing",
    "beyond_reasonable_doubt",
)
"""From the least to the most that may be asked for."""


@dataclass(frozen=True)
class Standard:
    """What must be shown before a decision is taken, and where that is written."""

    standard: str
    source: str

    @property
    def rank(self) -> int:
        """Its rung on the ladder, from 0."""
        return LADDER.index(self.standard)


def read_standards(section: Node) -> Mapping[str, Standard]:
    """The standards by decision; the usual procedure sets those not given. Raises `AgreementInvalid`."""
    found = {}
    for decision, node in section.mapping((), DECISIONS).items():
        fields = node.mapping(("standard", "source"))
        found[decision] = Standard(fields["standard"].word(LADDER), fields["source"].text())
    return found
