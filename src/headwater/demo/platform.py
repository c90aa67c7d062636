"""A streaming platform on this machine: a store, models, a server, and people who use it.

The films are real, their stills are drawn, the people are made up (`simulate.streaming`). They come
on simulated days, the last of which ends now, through the same HTTP API that a site would use. What
they do comes back as events; every night a new model is trained on that, and published if it is
better. Beside it an experiment compares that flow with one that goes by people who are alike.
"""

from __future__ import annotations

import json
import logging
import shutil
import socket
import threading
import time as clocks
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from ..atomic import atomic_path
from ..errors import DataError
from ..extras import needs
from ..facade import fit
from ..serve.app import create_app
from ..serve.events import Consent
from ..serve.experiments import Experiment
from ..serve.retrain import Terms, retrain
from ..serve.service import Service
from ..serve.settings import Settings, settings_from
from ..serve.shelf import Shelf
from ..serve.store import Store
from ..simulate.people import Arm, People
from ..simulate.streaming import Person, World
from ..studio import mount
from ..types import Dataset
from .films import called

with needs("headwater demo", "demo"):
    import uvicorn

__all__ = ["Day", "Platform", "listening"]

log = logging.getLogger("headwater")

DAY = 86_400
MARK = "made-by-headwater-demo"  # a folder without it is never removed
CONFIG = "headwater.toml"
WARM_UP = 7  # days with pages by lot, before there is a model
FLOW: Mapping[str, Any] = {
    "model": "flow",
    "width": 200,
    "degrade": True,
    "retrieve": "popularity",
    "stages": [
        {"model": "calibrated", "by": "genres", "trade": 0.2},
        {"model": "thumbnail.match", "epsilon": 0.1},
    ],
}
EASE = {**FLOW, "retrieve": {"model": "ease", "l2": 50}, "stages": FLOW["stages"][1:]}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Day:
    """A day of the platform, and the night after it."""

    name: str
    visits: Arm
    returning: float  # share of the people who came
    verdict: str = ""  # of the retraining
    reason: str = ""
    model: str = ""  # that answers from then on

    def row(self) -> dict[str, Any]:
        all_ = self.visits
        return {
            "day": self.name,
            "visits": all_.visits,
            "clicks a visit": round(all_.clicks / max(all_.visits, 1), 2),
            "satisfied, in truth": _percent(all_.true),
            "satisfied, who answered": f"{_percent(all_.measured)} of {all_.answers}",
            "came": _percent(self.returning),
            "the night after": self.verdict,
        }


class Platform:
    """Made in ``folder``, which is made anew; ``films`` is where its catalogue comes from.

    platform = Platform(Path("runs/platform"), films, days=5)
    with platform.open(platform.prepare()) as url:
        for day in platform.live():
            print(day.row())
    """

    def __init__(
        self,
        folder: Path,
        films: Dataset | None,
        *,
        days: int = 5,
        users: int = 200,
        items: int = 200,
        port: int = 0,
        seed: int = 0,
        progress: Progress | None = None,
    ):
        self.folder, self.days, self.port = folder, days, port
        self.world = World(n_users=users, n_items=items, catalogue=films, seed=seed)
        self.progress = progress or (lambda *_: None)
        begin = float(int(clocks.time()) - days * DAY)
        self._time: Callable[[], float] = lambda: begin
        self._people: list[Person] = []
        self.service: Service | None = None
        self.url = ""

    def clock(self) -> float:
        """Of the server: that of the people, until they have all been; then the real one."""
        return self._time()

    # Before it opens

    def prepare(self) -> Settings:
        """Catalogue, stills, a week of visits without a model, and the first model."""
        self._emptied()
        told = self.progress
        told("drawing stills", 0, 4)
        self.world.draw(self.folder / "pictures")
        settings = self._settings()
        told("a week of visits, by lot", 1, 4)
        lived = self.world.lived(WARM_UP, until=int(self.clock()))
        self._people = lived.people
        visits = Arm()
        for kept in lived.kept:
            visits.add(kept.visit)
        came = visits.visits / (WARM_UP * len(self._people))
        self.before = Day("the week before, by lot", visits, came)
        with Store(settings.store, clock=self.clock) as store:
            store.upgrade()
            store.put_items(self._items())
            for person in self._people:
                store.consent(person.user_id, cast(Consent, person.consent))
            store.ingest(lived.events())
            shelf = Shelf(settings.models, clock=self.clock)
            told("the first model", 2, 4)
            terms = Terms(method=FLOW, window=2, least=5, tolerance=1)  # before it was chance
            first = retrain(store, shelf, terms)
            if first["verdict"] != "published":
                raise DataError(f"the first model is not good enough: {first['reason']}")
            told("a second one, to compare it with", 3, 4)
            self._compare(store, shelf)
        told("ready", 4, 4)
        return settings

    def _settings(self) -> Settings:
        """What is in the file, and nothing of the environment, which may be of a real platform."""
        here = self.folder.resolve()
        told: dict[str, Any] = {name: str(here / name) for name in ("models", "pictures")}
        told |= {"store": str(here / "events.db"), "open": True, "log": "text"}
        with atomic_path(self.folder / CONFIG) as temp:
            lines = [f"{name} = {json.dumps(value)}\n" for name, value in told.items()]
            temp.write_text("".join(lines), encoding="utf-8")
        apart = {"_env_prefix": "HEADWATER_DEMO_"}
        return settings_from(self.folder / CONFIG, port=self.port, refresh=0.5, **apart)

    def _compare(self, store: Store, shelf: Shelf) -> None:
        """An experiment: half of the people see what people like them chose, by EASE."""
        other = shelf.add(fit(EASE, store.dataset()), {"why": "for the experiment 'alike'"})
        about = {
            "arms": {"current": {"share": 0.5}, "alike": {"share": 0.5, "model": other}},
            "metric": "satisfaction",
            "horizon": 24,
            "guardrails": {"clicks": 0.5, "latency_p95": 50},
            "people": 200,
            "started": datetime.fromtimestamp(self.clock(), UTC).isoformat(),
        }
        store.put_experiment("alike", Experiment.of("alike", about).about())

    def _items(self) -> dict[str, dict[str, Any]]:
        stills = self.world.titles.stills
        about = self.world.about()
        for at, (item_id, told) in enumerate(about.items()):
            told["stills"] = [
                {
                    "name": stills.names[number],
                    "shows": {
                        str(kind): round(float(share), 3)
                        for kind, share in zip(stills.kinds, stills.scores[number], strict=True)
                    },
                }
                for number in range(int(stills.start[at]), int(stills.start[at + 1]))
            ]
            about[item_id] = told
        return about

    def _emptied(self) -> None:
        if self.folder.exists():
            if not (self.folder / MARK).exists():
                raise DataError(f"{self.folder} holds something else: choose another folder")
            shutil.rmtree(self.folder)
        with atomic_path(self.folder) as temp:
            temp.mkdir(parents=True)
            (temp / MARK).write_text("`headwater demo` makes this folder anew.\n")

    # While it is open

    @contextmanager
    def open(self, settings: Settings) -> Iterator[str]:
        """Serve what was prepared, on loopback; where its pages are."""
        self.service = Service(settings, clock=self.clock)
        app = mount(create_app(settings, self.service))
        at = listening(settings.host, self.port)
        self.url = f"http://{settings.host}:{at.getsockname()[1]}"
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5)
        )
        thread = threading.Thread(target=server.run, args=([at],), daemon=True)
        thread.start()
        try:
            until = clocks.monotonic() + 30
            while not server.started:
                if not thread.is_alive() or clocks.monotonic() > until:
                    raise DataError("the server did not start; its log says why")
                clocks.sleep(0.02)
            yield f"{self.url}/studio"
        finally:
            server.should_exit = True
            thread.join(15)
            at.close()

    def epilogue(self) -> str:
        """What to do with it next."""
        headwater, config = called(), self.folder / CONFIG
        return "\n".join(
            [
                f"All of it is in {self.folder}. Next:",
                f"  {headwater} experiment result alike --config {config}",
                f"  {headwater} retrain --dry-run --config {config}",
                f"  {headwater} serve --config {config}",
            ]
        )

    def live(self) -> Iterator[Day]:
        """Day after day: people come, and at night a model learns from it."""
        assert self.service is not None
        service, begin = self.service, self.clock()
        people = People(
            self.world,
            self.url,
            None,
            days=self.days,
            begin=datetime.fromtimestamp(begin, UTC),
            first_day=WARM_UP,
            people=self._people,
            name="demo",
        )
        terms = Terms(window=2, least=10)
        with people:
            self._time = people.clock
            for n in range(self.days):
                lived = people.day(n)
                service.recorder.flush()
                report = retrain(service.store, service.shelf, terms)
                service.look()
                yield Day(
                    lived.began.date().isoformat(),
                    lived.all,
                    lived.returning,
                    report["verdict"],
                    report["reason"],
                    service.fleet.current or "none",
                )
        self._time = clocks.time


def listening(host: str, port: int) -> socket.socket:
    """At ``port`` if it is free, else at any."""
    try:
        return socket.create_server((host, port))
    except OSError:
        return socket.create_server((host, 0))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
