"""Lines of an agreement besides the contact line: from which a rule may measure a party's forces.

Section `reference_lines`: name → title, source, dated versions, each with a GeoJSON `geometry` (LineString or
MultiLineString, walked so that side A is on the left unless `left_side` says otherwise).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from geodata.contact_line import ContactLine, LineHistory
from geodata.errors import LineInvalid
from monitoring.agreement.catalogue import CONTACT_LINE, SIDES
from monitoring.agreement.checking import BEGINNING_NS, Node

SIGMA_M_MAX: Final = 50_000.0


def read_reference_lines(section: Node) -> dict[str, LineHistory]:
    """The lines by name. Raises `AgreementInvalid`."""
    lines = {}
    for name, node in section.named().items():
        if name == CONTACT_LINE:
            raise node.refused("this name is the contact line's own")
        fields = node.mapping(("title", "source", "versions"))
        fields["title"].text()
        fields["source"].text()
        lines[name] = _history(name, fields["versions"])
    return lines


def _history(name: str, versions: Node) -> LineHistory:
    begins: list[int] = []
    lines: list[ContactLine] = []
    for node in versions.entries():
        fields = node.mapping(("from", "geometry"), ("left_side", "sigma_m"))
        begin_ns = fields["from"].instant_ns()
        if not begins and begin_ns != BEGINNING_NS:
            raise fields["from"].refused("the first version must hold from: always")
        if begins and begin_ns <= begins[-1]:
            raise fields["from"].refused("dates must rise; this one does not come after the one before")
        begins.append(begin_ns)
        lines.append(_line(name, fields))
    if not lines:
        raise versions.refused("expected a list of dated versions")
    return LineHistory(lines, begins)


def _line(name: str, fields: Mapping[str, Node]) -> ContactLine:
    properties = {
        "label": name,
        "left_side": fields["left_side"].word(SIDES) if "left_side" in fields else "A",
        "sigma_m": fields["sigma_m"].number(0.0, SIGMA_M_MAX) if "sigma_m" in fields else 0.0,
    }
    geometry = fields["geometry"]
    try:
        return ContactLine.from_geojson(
            {"type": "Feature", "properties": properties, "geometry": geometry.raw}, name
        )
    except LineInvalid as error:
        raise geometry.refused(str(error)) from None


def spliced(histories: Sequence[LineHistory], from_ns: Sequence[int]) -> LineHistory:
    """One history that follows `histories[i]` from `from_ns[i]` (ascending, the first the beginning) until the
    next.

    >>> from geodata.contact_line import LineDraft
    >>> line = ContactLine.from_draft(LineDraft(((37.0, 48.0), (37.0, 49.0)), "line"))
    >>> one, two = LineHistory([line]), LineHistory([line]).with_line(line, 15)
    >>> spliced([one, two, one], [BEGINNING_NS, 10, 20]).valid_from_ns[1:]
    (10, 15, 20)
    """
    begins: list[int] = []
    lines: list[ContactLine] = []
    for history, (begin_ns, end_ns) in zip(histories, pairwise([*from_ns, None]), strict=True):
        assert begin_ns is not None
        changes = [at for at in history.valid_from_ns if at > begin_ns and (end_ns is None or at < end_ns)]
        for instant in [begin_ns, *changes]:
            begins.append(instant)
            lines.append(history.lines[int(history.at(instant))])
    return LineHistory(lines, begins)
