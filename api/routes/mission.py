"""What is watched: the mission, its line with belts and sectors, and its reference versions."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from fastapi import APIRouter, Body, Request

from api import policy, schemas
from api.auth import Me
from api.policy import GuardedRoute, allow
from api.ports import Runtime
from api.routes.parameters import runtime_of, time_ns
from api.times import to_text
from monitoring.schema import ENGINE_VERSION

EARLIEST_NS, LATEST_NS = -(2**62), 2**62

router = APIRouter(route_class=GuardedRoute, tags=["mission"])
CONCEPT_NOTICE: Final = (
    "Concept stage. The line and the agreement shown here are illustrative stand-ins for what the parties would "
    "agree. Not affiliated with any government or organisation."
)
UPPER_BOUND: Final = "upper bound: no terrain mask"
MARK_EVERY_M: Final = 50_000.0


@router.get("/v1/mission", response_model=schemas.Mission, **allow(policy.MONITORS))
def mission(request: Request) -> dict[str, Any]:
    """Name, reporting period, line, agreement and engine of this mission."""
    runtime = runtime_of(request)
    reporting = runtime.agreement.reporting
    periods = [{k: one[k] for k in ("date", "from", "to")} for one in runtime.reports()]
    current = period_at(request.app.state.clock_ns(), reporting.zone, reporting.cut_off)
    return {
        "name": runtime.mission_name,
        "zone": reporting.zone,
        "cut_off": reporting.cut_off,
        "period": periods[0] if periods else current,
        "periods": periods,
        "line": {
            "version": runtime.line.version,
            "label": runtime.line.label,
            "length_m": round(runtime.line.length_m, 3),
        },
        "agreement": {"version": runtime.agreement.version, "label": runtime.agreement.label},
        "engine_version": ENGINE_VERSION,
        "coverage": UPPER_BOUND if runtime.store.has_coverage() else "not computed",
        "concept_notice": CONCEPT_NOTICE,
        "illustrative": runtime.is_illustrative,
    }


@router.get("/v1/line", response_model=schemas.FeatureCollection, **allow(policy.MONITORS))
def line(request: Request) -> dict[str, Any]:
    """The line, kilometre marks, belts and sectors as one GeoJSON collection; `role` tells them apart."""
    return line_features(runtime_of(request))


@router.post("/v1/lines", response_model=schemas.Registered, **allow(policy.OPERATORS))
def load_line(request: Request, me: Me, body: Annotated[schemas.NewLine, Body()]) -> dict[str, Any]:
    """Add a line version that holds from an event time on."""
    valid_from_ns = time_ns(body.valid_from, "valid_from")
    assert valid_from_ns is not None
    return runtime_of(request).load_line(me.name, body.line, valid_from_ns)


@router.get("/v1/notices", response_model=schemas.NoticesInForce, **allow(policy.MONITORS))
def notices(request: Request) -> dict[str, Any]:
    """Crossing points, notified activities, zones and protected places, from the agreement and from notices."""
    return runtime_of(request).notices()


@router.post("/v1/notices", response_model=schemas.Registered, **allow(policy.OPERATORS))
def load_notices(request: Request, me: Me, body: schemas.NewNotices) -> dict[str, Any]:
    """Take notices; they hold by event time, and later ones replace earlier ones by id."""
    return runtime_of(request).load_notices(me.name, body.notices, body.name)


@router.post("/v1/reanalyse", response_model=schemas.Reanalysed, **allow(policy.OPERATORS))
def reanalyse(request: Request, me: Me, body: schemas.Reanalysis) -> dict[str, Any]:
    """What the present engine, line and agreement would change in published results; `apply` publishes it."""
    from_ns, to_ns = time_ns(body.from_time, "from"), time_ns(body.to_time, "to")
    runtime = runtime_of(request)
    return runtime.reanalyse(
        me.name,
        EARLIEST_NS if from_ns is None else from_ns,
        LATEST_NS if to_ns is None else to_ns,
        is_applied=body.apply,
    )


@router.get("/v1/status", response_model=schemas.Status, **allow(policy.MONITORS))
def status(request: Request) -> dict[str, Any]:
    """Where journal, engine and store stand, and how much the store holds."""
    runtime = runtime_of(request)
    return {**runtime.status(), "counts": runtime.store.counts()}


def line_features(runtime: Runtime) -> dict[str, Any]:
    """The line's own features first, then belts, sectors and kilometre marks."""
    features: list[dict[str, Any]] = []
    shown = runtime.line.to_geojson()
    parts = shown["features"] if shown.get("type") == "FeatureCollection" else [shown]
    features += [_with(part, role="line") for part in parts]
    belts = runtime.belts.get("features", [])
    features += [_with(belt, role="buffer") for belt in belts]
    for sector in runtime.sectors.to_geojson()["features"]:
        names = sector["properties"].get("names", {})
        name = names.get("en") or next(iter(names.values()), sector["properties"]["id"])
        features.append(_with(sector, role="sector", name=name))
    chainage_m = np.arange(0.0, runtime.line.length_m, MARK_EVERY_M)
    lon, lat = runtime.line.place_at(chainage_m)
    for at_m, x, y in zip(chainage_m.tolist(), lon.tolist(), lat.tolist(), strict=True):
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [round(x, 6), round(y, 6)]},
                "properties": {"role": "mark", "chainage_m": at_m},
            }
        )
    return {"type": "FeatureCollection", "features": features}


def sector_names(runtime: Runtime) -> dict[str, str]:
    """The sectors' names by id, in English where there is one."""
    found = {}
    for sector_id, names in zip(runtime.sectors.ids, runtime.sectors.names, strict=True):
        found[sector_id] = names.get("en") or next(iter(names.values()), sector_id)
    return found


def period_at(now_ns: int, zone: str, cut_off: str) -> dict[str, str]:
    """The reporting period that holds `now_ns`: it is named after the date on which it ends.

    >>> period_at(0, "UTC", "19:30")
    {'date': '1970-01-01', 'from': '1969-12-31T19:30:00Z', 'to': '1970-01-01T19:30:00Z'}
    """
    here = ZoneInfo(zone)
    now = datetime.fromtimestamp(now_ns / 1e9, UTC).astimezone(here)
    ends = datetime.combine(now.date(), time.fromisoformat(cut_off), here)
    if now >= ends:
        ends = datetime.combine(now.date() + timedelta(days=1), time.fromisoformat(cut_off), here)
    begins = datetime.combine(ends.date() - timedelta(days=1), time.fromisoformat(cut_off), here)
    return {"date": ends.date().isoformat(), "from": _text(begins), "to": _text(ends)}


def _text(moment: datetime) -> str:
    return to_text(round(moment.timestamp()) * 10**9)


def _with(feature: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {**feature, "properties": {**(feature.get("properties") or {}), **properties}}
