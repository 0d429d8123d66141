"""The receipt of a delivery: what became of every row that was read."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitoring.decode.limits import DEFAULT_LIMITS


class RefusedRow(NamedTuple):
    """A refused row as a receipt names it."""

    line: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Receipt:
    """Counts of one delivery: rows read = `accepted` + `duplicates` + all `rejected` +
    `flagged["id_conflict"]`.

    `rejected` and `flagged` map code → rows; `rows` names the first refused rows, conflicts included.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    flagged: Mapping[str, int] = field(default_factory=dict)
    rows: tuple[RefusedRow, ...] = ()

    @property
    def row_count(self) -> int:
        """How many rows were read."""
        return (
            self.accepted + self.duplicates + sum(self.rejected.values()) + self.flagged.get("id_conflict", 0)
        )

    @property
    def has_refusals(self) -> bool:
        """Whether any row was not taken: such a delivery exits with 1. Flags alone are no refusal."""
        return bool(self.rejected) or "id_conflict" in self.flagged

    def merge(self, other: "Receipt", rows_max: int = DEFAULT_LIMITS.receipt_rows_max) -> "Receipt":
        """The receipt of both, in this order.

        >>> one = Receipt(accepted=2, rejected={"sigma": 1})
        >>> one.merge(Receipt(accepted=1, rejected={"sigma": 2})).rejected
        {'sigma': 3}
        """
        return Receipt(
            accepted=self.accepted + other.accepted,
            duplicates=self.duplicates + other.duplicates,
            rejected=_sum(self.rejected, other.rejected),
            flagged=_sum(self.flagged, other.flagged),
            rows=(*self.rows, *other.rows[: max(0, rows_max - len(self.rows))]),
        )

    def to_json(self) -> dict[str, Any]:
        """The shape of the contract; `rows` are `{line, reason, detail}`."""
        return {
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": dict(self.rejected),
            "flagged": dict(self.flagged),
            "rows": [row._asdict() for row in self.rows],
        }


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(one) + Counter(other)).items()))
