"""Which kinds of permission excuse which rule, by which clause: section `permits` of an agreement."""

from dataclasses import dataclass
from typing import Final

from monitoring import schema
from monitoring.agreement.checking import Node, validity

ACTIVITIES: Final = (
    "works",
    "convoy",
    "exercise",
    "flight",
    "return_fire",
    "demining",
    "repair",
    "maintenance",
)
"""Kinds of activity that a mission may be notified of."""
KINDS: Final = ("crossing_point", "monitor", *ACTIVITIES)
"""`crossing_point`: within its hours; `monitor`: whatever the monitors themselves do; the rest: as notified."""


@dataclass(frozen=True)
class Permit:
    """One clause that excuses: `kind` of permission, the `rules` it excuses, in force in [from_ns, to_ns).

    `whose` are the affiliations it is for (empty = the one that was notified, or anybody's whom nobody identified);
    `classes` the object classes (empty = any).
    """

    id: str
    kind: str
    title: str
    text: str
    source: str
    rules: frozenset[str]
    whose: frozenset[str]
    classes: frozenset[str]
    from_ns: int
    to_ns: int


def read_permits(section: Node, taken_ids: frozenset[str]) -> tuple[Permit, ...]:
    """The permits of an agreement; ids must differ from `taken_ids` (its clauses). Raises `AgreementInvalid`."""
    permits: list[Permit] = []
    for node in section.entries():
        fields = node.mapping(
            ("id", "kind", "title", "text", "source", "rules"), ("whose", "classes", "from", "to")
        )
        permit_id, kind = fields["id"].text(), fields["kind"].word(KINDS)
        if permit_id in taken_ids:
            raise fields["id"].refused(f"{permit_id} is already a clause")
        begin_ns, end_ns = validity(fields, node)
        for other in permits:
            if other.id == permit_id and other.kind != kind:
                raise fields["id"].refused(f"{permit_id} is already the clause of {other.kind}")
            if other.kind == kind and other.from_ns < end_ns and begin_ns < other.to_ns:
                raise node.refused(f"{kind} is permitted by {other.id} at the same time already")
        permits.append(
            Permit(
                id=permit_id,
                kind=kind,
                title=fields["title"].text(),
                text=fields["text"].text(),
                source=fields["source"].text(),
                rules=words_of(fields.get("rules"), schema.RULE_IDS),
                whose=words_of(fields.get("whose"), schema.AFFILIATIONS),
                classes=words_of(fields.get("classes"), schema.OBJECT_CLASSES),
                from_ns=begin_ns,
                to_ns=end_ns,
            )
        )
    return tuple(permits)


def words_of(node: Node | None, words: tuple[str, ...]) -> frozenset[str]:
    """A list of known words; none where it is not given. Raises `AgreementInvalid`."""
    if node is None:
        return frozenset()
    return frozenset(entry.word(words) for entry in node.entries())
