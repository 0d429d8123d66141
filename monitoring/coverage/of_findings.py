"""What findings say of the coverage of their sector and hour (`detail.coverage`), as it was when they were decided.

The hour is the one in which the finding begins, if that hour was over when it was decided, else the last one before.
Amendments of an hour do not change findings: what stands in them is what could be known then.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa
from numpy.typing import NDArray

from monitoring import events
from monitoring.coverage import hours, reach
from monitoring.coverage.health import HOUR_NS, KEEP_HOURS
from monitoring.coverage.step import CoverageState, word_of
from monitoring.findings import canonical_json, detail_of, parts_of, utc_text

_MOVED: Final = {
    "line_crossing": "crossing",
    "buffer_incursion": "incursion",
    "heavy_weapon_zone": "incursion",
    "air_violation": "incursion",
    "force_build_up": "incursion",
}
_OTHER: Final = {"engineering_works": ("works",), "monitor_interference": ("jamming",)}
_FIRE_RULES: Final = ("ceasefire_fire", "cross_line_fire")
_LIGHT_FIRE: Final = ("fire_small_arms",)
_HEAVY_FIRE: Final = ("fire_mortar", "fire_artillery", "fire_rocket")
_LIGHT_PHENOMENA: Final = frozenset({"shot", "burst", "muzzle_flash", "flare"})
_WEAPONS: Final = {
    "mortar": ("fire_mortar",),
    "artillery": ("fire_artillery",),
    "tank": ("fire_artillery",),
    "mlrs": ("fire_rocket",),
}
_READ: Final = ("phenomena",)
"""What `kinds_of` reads in a detail."""
_OBJECTS: Final = {
    "person": "person",
    "group": "person",
    "uav_small": "uav",
    "uav_large": "uav",
    "aircraft": "uav",
}


def kinds_of(rule_id: str, object_class: str | None, detail: Mapping[str, Any]) -> tuple[str, ...]:
    """The kinds of happening that a finding of this rule, class and detail may be of; none for a rule without one.

    Fire whose weapon was not told is of small arms when only shots, bursts and flashes were recorded.

    >>> kinds_of("line_crossing", "group", {}), kinds_of("sensor_outage", None, {})
    (('crossing_person',), ())
    >>> kinds_of("ceasefire_fire", None, {"phenomena": {"burst": 3}})
    ('fire_small_arms',)
    """
    if rule_id in _MOVED:
        return (f"{_MOVED[rule_id]}_{_OBJECTS.get(object_class or '', 'vehicle')}",)
    if rule_id in _FIRE_RULES:
        recorded = set(detail.get("phenomena", ()))
        unknown = _LIGHT_FIRE if recorded and recorded <= _LIGHT_PHENOMENA else _HEAVY_FIRE
        return _WEAPONS.get(object_class or "", unknown)
    return _OTHER.get(rule_id, ())


def with_coverage(state: CoverageState, findings: pa.Table, decided_ns: NDArray[Any]) -> pa.Table:
    """The findings (FINDINGS) with `detail.coverage` where it is known; of several kinds the one watched least."""
    if not state.told or not findings.num_rows:
        return findings
    sectors = _sector_rows(state)
    changed = []
    columns = (findings.column(name).to_pylist() for name in ("rule_id", "object_class", "sector", "detail"))
    rows = zip(*columns, events.ints(findings, "time_start_ns").tolist(), decided_ns.tolist(), strict=True)
    for rule_id, object_class, sector, detail, start_ns, decided in rows:
        parts = parts_of(detail)
        read = {name: json.loads(bytes(parts[name])) for name in _READ if name in parts}
        said = _said(
            state, kinds_of(rule_id, object_class, read), sectors.get(sector or ""), start_ns, decided
        )
        changed.append(
            detail if said is None else detail_of(parts | {"coverage": canonical_json(said).encode()})
        )
    return _with_detail(findings, changed)


def without_coverage(findings: pa.Table) -> pa.Table:
    """The findings without `detail.coverage`: what they say besides, by which amendments are told from repetitions."""
    details = findings.column("detail").to_pylist()
    if not any('"coverage":' in detail for detail in details):
        return findings
    stripped = []
    for detail in details:
        parts = parts_of(detail)
        stripped.append(detail_of({name: part for name, part in parts.items() if name != "coverage"}))
    return _with_detail(findings, stripped)


def _said(
    state: CoverageState, kinds: Iterable[str], sector_row: int | None, start_ns: int, decided_ns: int
) -> dict[str, Any] | None:
    hour = start_ns // HOUR_NS
    if (hour + 1) * HOUR_NS > decided_ns:
        hour -= 1
    # Findings that were decided days later say nothing, so that it does not matter how long the state remembers.
    known = state.told.get(hour) if hour > decided_ns // HOUR_NS - KEEP_HOURS else None
    if known is None or sector_row is None or not kinds:
        return None
    base = sector_row * len(reach.NAMES)
    rows = {kind: known.first[base + reach.NAMES.index(kind)].tolist() for kind in kinds}
    kind = min(rows, key=lambda name: (rows[name][hours.EFFECTIVE], name))
    line, watched, effective = (rows[kind][at] for at in (hours.LINE, hours.WATCHED, hours.EFFECTIVE))
    if not line:
        return None
    return {
        "kind": kind,
        "from": utc_text(hour * HOUR_NS),
        "to": utc_text((hour + 1) * HOUR_NS),
        "status": word_of(watched, line),
        "watched_frac": round(watched / line, 3),
        "detection_prob": round(effective / watched, 3) if watched else None,
        "is_upper_bound": True,
    }


def _sector_rows(state: CoverageState) -> dict[str, int]:
    return {name: row for row, name in enumerate(state.sector_ids)}


def _with_detail(findings: pa.Table, details: list[str]) -> pa.Table:
    at = findings.schema.get_field_index("detail")
    return findings.set_column(at, findings.schema.field(at), pa.array(details, type=pa.string()))
