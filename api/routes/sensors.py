"""Sensors: the registry and how each one stands. Their places are shown to operators only."""

from typing import Any, Final

from fastapi import APIRouter, Request

from api import formats, policy, presentation, schemas
from api.auth import Me
from api.errors import Problem
from api.policy import GuardedRoute, allow
from api.routes.parameters import runtime_of

router = APIRouter(route_class=GuardedRoute, tags=["sensors"])
SILENT_NS: Final = 3_600 * 10**9
"""A sensor that is this far behind the newest event of any sensor is shown as silent."""
COLUMNS: Final = ("sensor_id", "type", "host_side", "last_seen", "last_received", "event_count", "state")


@router.get(
    "/v1/sensors",
    response_model=schemas.Sensors,
    response_model_exclude_unset=True,
    **allow(policy.MONITORS),
)
def list_sensors(request: Request, me: Me) -> Any:
    """Every registered sensor with what it last delivered."""
    rows = runtime_of(request).store.sensors()
    times = [row["last_time_ns"] for row in rows if row["last_time_ns"] is not None]
    newest_ns = max(times) if times else None
    with_place = me.sees_sensor_places
    items = [presentation.sensor(row, newest_ns, SILENT_NS, with_place=with_place) for row in rows]
    wanted = formats.wanted(request)
    if wanted != "json":
        columns = (*COLUMNS, "lon", "lat") if with_place else COLUMNS
        return formats.rows_response(request, wanted, items, columns, None)
    return {"items": items}


@router.post("/v1/sensors", response_model=schemas.Registered, **allow(policy.OPERATORS))
def register_sensors(
    request: Request, me: Me, body: schemas.NewSensor | schemas.NewSensors
) -> dict[str, Any]:
    """Add a sensor to the registry or change it; `{"sensors": […]}` takes several."""
    sensors = body.sensors if isinstance(body, schemas.NewSensors) else [body]
    try:
        return runtime_of(request).register_sensors(
            me.name, [sensor.model_dump(exclude_none=True) for sensor in sensors]
        )
    except ValueError as error:
        raise Problem(422, "sensor_invalid", "The sensor cannot be registered", str(error)) from error
