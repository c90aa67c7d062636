"""Counts and times of a server, for Prometheus."""

from __future__ import annotations

from ..extras import needs

with needs("the server", "serve"):
    from prometheus_client import (
        CONTENT_TYPE_LATEST,
        CollectorRegistry,
        Counter,
        Gauge,
        Histogram,
        generate_latest,
    )

__all__ = ["Telemetry"]

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Telemetry:
    """Of one app, in a registry of its own."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Histogram(
            "headwater_request_seconds",
            "Time of requests",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=own,
        )
        self.events = Counter(
            "headwater_events_total", "Events by what became of them", ["status"], registry=own
        )
        self.places = Counter(
            "headwater_places_total",
            "Places of answers by what filled them",
            ["path"],
            registry=own,
        )
        self.degraded = Counter(
            "headwater_degraded_total", "Answers with something left out", registry=own
        )
        self._waiting = Gauge(
            "headwater_waiting_records", "Answers that wait to be recorded", registry=own
        )
        self._lost = Gauge(
            "headwater_lost_records", "Answers that could not be recorded", registry=own
        )
        self._ready = Gauge("headwater_ready", "1 if it can answer", registry=own)
        self._model = Gauge(
            "headwater_model", "1 for the version that answers", ["version"], registry=own
        )

    def text(self, *, waiting: int, lost: int, ready: bool, version: str) -> tuple[bytes, str]:
        """All of it, with how the server is now; and what kind of text that is."""
        self._waiting.set(waiting)
        self._lost.set(lost)
        self._ready.set(ready)
        self._model.clear()
        self._model.labels(version).set(1)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
