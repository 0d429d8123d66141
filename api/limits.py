"""Bounds of the HTTP door: how much, how long, how many. Every queue and wait in the door has one."""

from dataclasses import dataclass

HOUR_NS = 3_600 * 10**9


@dataclass(frozen=True)
class Limits:
    """Defaults fit one mission's staff and sensors on one machine."""

    json_bytes_max: int = 1 << 20
    """Largest body of every route but `POST /v1/events`."""
    body_idle_s: float = 15.0
    """A body that sends nothing for this long is given up."""
    body_grace_s: float = 20.0
    """After this time a whole body must have come at `body_bytes_per_s` on average."""
    body_bytes_per_s: float = 2_048.0
    head_s: float = 15.0
    """A connection that has not sent a whole request head by then is closed."""
    deliveries_max: int = 8
    """Deliveries of events that are taken at one time; further ones are told to wait."""
    deliveries_bytes_max: int = 512 << 20
    """Bytes of bodies in memory at one time."""
    subscribers_max: int = 200
    """Live streams at one time."""
    heartbeat_s: float = 15.0
    session_idle_ns: int = 2 * HOUR_NS
    session_ns: int = 12 * HOUR_NS
    sign_ins_at_once: int = 2
    """Secrets verified at one time: each takes 64 MiB."""
    sign_ins_waiting_max: int = 20
    failures_max: int = 5
    """Failed sign-ins of one name from one address before it has to wait."""
    failure_wait_s: float = 30.0
    """First wait; it doubles with each further failure up to `failure_wait_s_max`."""
    failure_wait_s_max: float = 900.0
    failures_kept_max: int = 10_000
    page_max: int = 1_000
    marks_max: int = 20_000
    evidence_max: int = 5_000
    """Events shown with one case or incident."""
