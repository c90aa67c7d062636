"""Counts and times of a server, for Prometheus.

Where the environment names a folder as PROMETHEUS_MULTIPROC_DIR, the processes that have it in
common count there, and each tells of all of them.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

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
    from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

__all__ = ["SHARED", "Telemetry"]

SHARED = "PROMETHEUS_MULTIPROC_DIR"
LIVE = re.compile(r"gauge_live[a-z]+_(\d+)\.db", re.ASCII)

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Telemetry:
    """Of one app, in a registry of its own."""

    def __init__(self) -> None:
        own = self._own = CollectorRegistry()
        self._versions: set[str] = set()
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
        self._processes = Gauge(
            "headwater_processes",
            "Processes that answer",
            registry=own,
            multiprocess_mode="livesum",
        )
        self._waiting = Gauge(
            "headwater_waiting_records",
            "Answers that wait to be recorded",
            registry=own,
            multiprocess_mode="livesum",
        )
        self._lost = Gauge(
            "headwater_lost_records",
            "Answers that could not be recorded",
            registry=own,
            multiprocess_mode="sum",
        )
        self._ready = Gauge(
            "headwater_ready",
            "1 if every process can answer",
            registry=own,
            multiprocess_mode="livemin",
        )
        self._model = Gauge(
            "headwater_model",
            "Processes in which this version answers",
            ["version"],
            registry=own,
            multiprocess_mode="livesum",
        )

    def now(self, *, waiting: int, lost: int, ready: bool, version: str) -> None:
        """How this process is."""
        self._processes.set(1)
        self._waiting.set(waiting)
        self._lost.set(lost)
        self._ready.set(ready)
        self._versions.add(version)
        for each in self._versions:
            self._model.labels(each).set(each == version)

    @property
    def registry(self) -> CollectorRegistry:
        """All that is counted, by all processes that count together."""
        folder = os.environ.get(SHARED)
        if not folder:
            return self._own
        for file in Path(folder).iterdir():
            live = LIVE.fullmatch(file.name)
            if live and not _alive(int(live[1])):
                with suppress(FileNotFoundError):  # another one has just done so
                    mark_process_dead(int(live[1]), folder)  # type: ignore[no-untyped-call]
        shared = CollectorRegistry()
        MultiProcessCollector(shared, folder)  # type: ignore[no-untyped-call]
        return shared

    def text(self) -> tuple[bytes, str]:
        """All of it, and what kind of text that is."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True  # nobody can be asked there without being hurt
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # of somebody else
    return True
