"""Counters for Prometheus, of the door and of how far the steps are; nothing of the mission's content."""

from collections.abc import Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Metrics:
    """One registry for one application, so that several can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "contactline_http_requests_total",
            "Requests answered",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "contactline_http_request_seconds",
            "Time until an answer was complete",
            ["route"],
            registry=self.registry,
            buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )
        self._rows = Counter(
            "contactline_ingest_rows_total",
            "Rows of events by what became of them",
            ["outcome"],
            registry=self.registry,
        )
        self._refused = Counter(
            "contactline_deliveries_refused_total",
            "Deliveries refused whole, by reason",
            ["reason"],
            registry=self.registry,
        )
        self.subscribers = Gauge("contactline_live_subscribers", "Open live streams", registry=self.registry)
        self._status = Gauge(
            "contactline_records",
            "Journal records by how far they have come",
            ["stage"],
            registry=self.registry,
        )
        self._ready = Gauge("contactline_ready", "1 when events can be taken", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        known = method if method in METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def delivery(self, receipt: Mapping[str, Any]) -> None:
        """Count the rows of a receipt."""
        rejected = sum((receipt.get("rejected") or {}).values())
        for outcome, count in (
            ("accepted", receipt.get("accepted") or 0),
            ("duplicate", receipt.get("duplicates") or 0),
            ("rejected", rejected),
            ("id_conflict", (receipt.get("flagged") or {}).get("id_conflict", 0)),
        ):
            self._rows.labels(outcome).inc(count)

    def refused(self, reason: str) -> None:
        """Count a delivery that was refused whole."""
        self._refused.labels(reason).inc()

    def text(self, status: Mapping[str, Any]) -> bytes:
        """The exposition, with the present state of the system."""
        self._ready.set(1 if status.get("ready") else 0)
        for stage, name in (("journaled", "journal_seq"), ("processed", "processed_seq")):
            self._status.labels(stage).set(status.get(name) or 0)
        return generate_latest(self.registry)
