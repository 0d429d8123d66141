"""Weapon classes of an agreement, by object class and calibre band: section `weapon_classes`."""

from dataclasses import dataclass
from math import inf, isnan

from monitoring import schema
from monitoring.agreement.checking import Node
from monitoring.agreement.permits import words_of

CALIBRE_MM_MAX = 1_000.0


@dataclass(frozen=True)
class WeaponClass:
    """Objects of some classes whose calibre is above `above_mm` and at most `to_mm`."""

    id: str
    title: str
    source: str
    object_classes: frozenset[str]
    above_mm: float
    to_mm: float

    def may_hold(self, object_class: str | None, calibre_mm: float | None = None) -> bool:
        """Whether an object may be of this class; an unknown calibre may be any.

        >>> guns = WeaponClass("guns", "Guns", "annex", frozenset({"artillery"}), 100.0, inf)
        >>> guns.may_hold("artillery", 152.0), guns.may_hold("artillery", 100.0), guns.may_hold("artillery")
        (True, False, True)
        """
        if object_class not in self.object_classes:
            return False
        return calibre_mm is None or isnan(calibre_mm) or self.above_mm < calibre_mm <= self.to_mm


def read_weapon_classes(section: Node) -> tuple[WeaponClass, ...]:
    """The weapon classes; those of one object class may not overlap in calibre. Raises `AgreementInvalid`."""
    found: list[WeaponClass] = []
    for node in section.entries():
        fields = node.mapping(
            ("id", "title", "source", "object_classes"), ("calibre_mm_above", "calibre_mm_to")
        )
        above, to = fields.get("calibre_mm_above"), fields.get("calibre_mm_to")
        one = WeaponClass(
            id=fields["id"].text(),
            title=fields["title"].text(),
            source=fields["source"].text(),
            object_classes=words_of(fields["object_classes"], schema.OBJECT_CLASSES),
            above_mm=0.0 if above is None else above.number(0.0, CALIBRE_MM_MAX),
            to_mm=inf if to is None else to.number(0.0, CALIBRE_MM_MAX),
        )
        if one.to_mm <= one.above_mm:
            raise node.refused("calibre_mm_to must be above calibre_mm_above")
        for other in found:
            shared = sorted(one.object_classes & other.object_classes)
            if other.id == one.id:
                raise fields["id"].refused(f"{one.id} is there already")
            if shared and one.above_mm < other.to_mm and other.above_mm < one.to_mm:
                raise node.refused(f"{shared[0]} of some calibres is in {other.id} already")
        found.append(one)
    return tuple(found)
