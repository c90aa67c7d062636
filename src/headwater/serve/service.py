"""The platform: people, models and the store behind one door, for the API and the studio alike.

    settings -> Service -> home, recommend, rank, similar -> Reply
                        -> take(events), items, people, erasure

Who has given no consent gets what anybody would, and nothing of it is kept. While the store is
away, everybody is treated so, and the reply says why.
"""

from __future__ import annotations

import logging
import sys
import time as clocks
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from typing import Any

from ..errors import BadParameter, StoreError, UnknownName
from .answers import Person, Strip, Wish, new_trace
from .events import Consent
from .experiments import CURRENT, Experiment, assign
from .fleet import Fleet
from .home import home
from .likeness import similar
from .live import Live
from .newcomers import Changes
from .recents import InRedis, InStore, Recents
from .recorder import Record, Recorder
from .reply import Inside, Reply, record_of
from .settings import Settings
from .shadow import Shadow
from .shelf import Shelf
from .store import Outcome, Receipt, Store
from .telemetry import Telemetry

__all__ = ["Service"]

log = logging.getLogger("headwater")

REASONS = 20
AWAY = 2.0  # seconds that a store which failed is left alone by requests for pages


@dataclass(frozen=True)
class _Asked:
    """Who asks, and what may be done for them."""

    user_id: str | None
    person: Person
    consent: Consent
    live: Live
    degraded: tuple[str, ...] = ()
    experiment: str | None = None
    arm: str | None = None


class Service:
    """What ``settings`` describe, running: `start` it, and `close` it."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = clocks.time):
        self.settings, self.clock = settings, clock
        self.store = Store(
            settings.store,
            default=settings.consent,
            trust_consent=settings.trust_consent,
            timeout=5,
            clock=clock,
        )
        self.shelf = Shelf(settings.models, clock=clock)
        self.fleet = Fleet(self.shelf, by=settings.kinds, explore=settings.explore)
        self.recents: Recents = (
            InRedis(settings.redis, self.store) if settings.redis else InStore(self.store)
        )
        self.recorder = Recorder(self._write)
        self.shadow = Shadow()
        self.telemetry = Telemetry()
        self.swapped: Callable[[], None] = lambda: None  # called when another model answers
        self.experiments: tuple[Experiment, ...] = ()
        self.trouble = ""  # of the store, for who asks for pages
        self.refused: deque[str] = deque(maxlen=REASONS)  # why events were, the newest last
        self._away = 0.0  # until when it is left alone
        self._items: dict[str, Mapping[str, Any]] = {}
        self._removed: set[str] = set()
        self._revision = 0
        self._looking = Lock()
        self._looked = 0.0
        self._stop = Event()
        self._keeper: Thread | None = None

    # Life

    def start(self) -> Service:
        """Bring the store up to date, read the models, and look for newer ones from now on."""
        self.store.upgrade()
        self.look()
        self._keeper = Thread(target=self._keep, name="headwater-keeper", daemon=True)
        self._keeper.start()
        return self

    def close(self) -> None:
        """Write what waits, and end."""
        self._stop.set()
        if self._keeper is not None:
            self._keeper.join(10)
        self.shadow.close()
        self.recorder.close()
        self.store.close()

    def _keep(self) -> None:
        while not self._stop.wait(self.settings.refresh):
            try:
                self.look()
            except Exception:  # whatever it is, the next look may find it mended
                log.exception("looking for newer models and items failed")

    def look(self) -> None:
        """See what was published, which items changed and which experiments run."""
        with self._looking:
            self._looked = clocks.monotonic()
            try:
                changed, self._revision = self.store.items_changed(self._revision)
                self.experiments = running(self.store.experiments(), self._now())
                self.trouble = ""
            except StoreError as error:
                self.trouble, changed = str(error), []
            if changed:
                for item_id, about in changed:
                    if about is None:
                        self._items.pop(item_id, None)
                        self._removed.add(item_id)
                    else:
                        self._items[item_id] = about
                        self._removed.discard(item_id)
                self.fleet.amend(Changes(dict(self._items), frozenset(self._removed)))
            arms = {arm.model for each in self.experiments for arm in each.arms.values()}
            also = {*arms, self.settings.shadow} - {None, CURRENT}
            if self.fleet.refresh(also=[each for each in also if each]):
                if "torch" in sys.modules:
                    sys.modules["torch"].set_num_threads(self.settings.threads)
                self.swapped()
            self._tell()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    @property
    def ready(self) -> str:
        """Empty, or why requests had better go elsewhere."""
        if self.fleet.current is None:
            return self.fleet.trouble or "no model was published yet"
        return self.trouble

    def telemetry_text(self) -> tuple[bytes, str]:
        """What Prometheus is told, and what kind of text that is."""
        self._tell()
        return self.telemetry.text()

    def _tell(self) -> None:
        self.telemetry.now(
            waiting=len(self.recorder),
            lost=self.recorder.lost,
            ready=not self.ready,
            version=self.fleet.current or "none",
        )

    # Pages and lists

    def home(self, user_id: str | None, k: int = 12, *, record: bool = True) -> Reply:
        """A page. ``record=False`` is for who only looks at what somebody would get: nothing of it
        is kept, counted or told to a shadow."""

        def made(asked: _Asked) -> tuple[Strip, ...]:
            now, budget = int(self.clock()), self.settings.budget
            return home(asked.live, asked.person, k, now=now, budget=budget)

        return self._replied("home", user_id, k, made, record)

    def recommend(self, user_id: str | None, k: int = 20, wish: Wish | None = None) -> Reply:
        def made(asked: _Asked) -> tuple[Strip, ...]:
            now = int(self.clock())
            return (Strip("", asked.live.recommend(asked.person, k, wish, now=now)),)

        return self._replied("recommend", user_id, k, made)

    def rank(
        self,
        user_id: str | None,
        items: Sequence[str],
        k: int | None = None,
        *,
        record: bool = True,
    ) -> Reply:
        most = len(items) if k is None else k

        def made(asked: _Asked) -> tuple[Strip, ...]:
            now = int(self.clock())
            return (Strip("", asked.live.rank(asked.person, items, most, now=now)),)

        return self._replied("rank", user_id, most, made, record)

    def similar(self, item_id: str, k: int = 20) -> Reply:
        """Of nobody in particular; so nothing of it is kept."""

        def made(asked: _Asked) -> tuple[Strip, ...]:
            return (Strip("", similar(asked.live, item_id, k)),)

        return self._replied("similar", None, k, made)

    def inside(self, user_id: str | None, k: int = 10) -> Inside:
        """How a list for somebody comes about, to look at: nothing of it is kept."""
        asked, wish, began = self._who(user_id), Wish(), clocks.perf_counter()
        said = asked.live.ask(asked.person, k, wish, now=int(self.clock()))
        answer = asked.live.answer(said, asked.person, k, wish)
        seconds = clocks.perf_counter() - began
        degraded = asked.degraded + answer.degraded
        return Inside(
            asked.live, said, replace(answer, degraded=degraded), asked.consent, asked.arm, seconds
        )

    def _replied(
        self,
        surface: str,
        user_id: str | None,
        k: int,
        made: Callable[[_Asked], tuple[Strip, ...]],
        record: bool = True,
    ) -> Reply:
        if k < 1:
            raise BadParameter(f"k must be at least 1, got {k}")
        began, now = clocks.perf_counter(), self._now()
        asked = self._who(user_id)
        strips = made(asked)
        degraded = asked.degraded + tuple(
            dict.fromkeys(said for strip in strips for said in strip.answer.degraded)
        )
        reply = Reply(
            user_id=user_id,
            trace_id=strips[0].answer.trace_id if len(strips) == 1 else new_trace(),
            time=now,
            surface=surface,
            model=asked.live.model,
            consent=asked.consent,
            strips=strips,
            seconds=clocks.perf_counter() - began,
            k=k,
            degraded=degraded,
            experiment=asked.experiment,
            arm=asked.arm,
        )
        if not record:
            return reply
        self._counted(reply)
        if asked.person.user_id is not None:
            self.recorder.add(record_of(reply))
        if self.settings.shadow and self.fleet.has(self.settings.shadow):
            other = replace(asked, live=self.fleet.live(self.settings.shadow))
            self.shadow.ask(lambda: made(other), reply)
        return reply

    def _counted(self, reply: Reply) -> None:
        paths = Counter(each.path for strip in reply.strips for each in strip.answer.items)
        for path, often in paths.items():
            self.telemetry.places.labels(path).inc(often)
        if reply.degraded:
            self.telemetry.degraded.inc()

    def _who(self, user_id: str | None) -> _Asked:
        """As much as may be known of somebody."""
        if user_id is None:
            return _Asked(None, Person(), "none", self.fleet.live())
        if clocks.monotonic() < self._away:
            return self._unknown(user_id)
        try:
            standing, done = self.recents.person(user_id)
        except StoreError as error:
            self.trouble, self._away = str(error), clocks.monotonic() + AWAY
            return self._unknown(user_id)
        if standing.consent == "none":
            return _Asked(user_id, Person(), "none", self.fleet.live())
        since = 0 if standing.erased is None else standing.erased // 1_000_000 + 1
        person = Person(user_id, done, since)
        for each in self.experiments:
            arm = assign(each, user_id)
            if arm is None:
                continue
            model = each.arms[arm].model
            if model == CURRENT or self.fleet.has(model):
                live = self.fleet.live(None if model == CURRENT else model)
                return _Asked(user_id, person, standing.consent, live, (), each.name, arm)
            said = f"experiment {each.name}: version {model} cannot be used, the current one is"
            return _Asked(user_id, person, standing.consent, self.fleet.live(), (said,))
        return _Asked(user_id, person, standing.consent, self.fleet.live())

    def _unknown(self, user_id: str) -> _Asked:
        said = "the store is away: nothing is known of anybody, and this is what all get"
        return _Asked(user_id, Person(), "none", self.fleet.live(), (said,))

    def _write(self, records: Sequence[Record]) -> None:
        self.store.keep(
            [row for each in records for row in each.answers],
            [each.exposure for each in records if each.exposure is not None],
            [event for each in records for event in each.impressions],
        )

    # What comes in

    def take(self, events: Sequence[Any]) -> list[Outcome]:
        """Keep what people did; the next page knows of it."""
        outcomes = self.store.ingest(events)
        for status, often in Counter(each.status for each in outcomes).items():
            self.telemetry.events.labels(status).inc(often)
        self.refused.extend(each.reason for each in outcomes if each.status == "refused")
        both = zip(events, outcomes, strict=True)
        self.recents.changed({str(e["user_id"]) for e, o in both if o.status == "accepted"})
        return outcomes

    def put_item(self, item_id: str, about: Mapping[str, Any]) -> None:
        """Into the catalogue; it can be shown as soon as the service has looked, which it does now
        unless it just did."""
        self.store.put_items({item_id: about})
        if clocks.monotonic() - self._looked > self.settings.refresh:
            self.look()

    def remove_item(self, item_id: str) -> None:
        """Out of the catalogue: from now on it is not shown. `UnknownName` if nobody knows it."""
        live = self.fleet.live() if self.fleet.current else None
        known = live is not None and item_id in live.version.items and not live.is_gone(item_id)
        if not known:
            self.store.item(item_id)
        self.store.remove_items([item_id])
        self.look()

    def item(self, item_id: str) -> dict[str, Any]:
        """What is known of it: what was put, or else what the model's catalogue has."""
        try:
            return self.store.item(item_id)
        except UnknownName:
            live = self.fleet.live()
            at = live.version.items.get(item_id)
            if at is None or live.is_gone(item_id):
                raise
            row = live.version.data.catalog.table.row(at, named=True)
            return {n: v for n, v in row.items() if not isinstance(v, bytes)}

    def erase(self, user_id: str) -> Receipt:
        """All of somebody, here and now; the models follow with the next retraining."""
        self.recorder.flush()  # what waits of theirs would be refused, and counted as lost
        receipt = self.store.erase(user_id)
        self.recents.forget(user_id)
        return receipt


def running(found: Mapping[str, Mapping[str, Any]], now: datetime) -> tuple[Experiment, ...]:
    """Those that have begun and have not ended; one that cannot be read is left out, and told."""
    made = []
    for name, about in found.items():
        try:
            each = Experiment.of(name, about)
        except BadParameter as error:
            log.error("%s", error)
            continue
        if each.runs(now):
            made.append(each)
    return tuple(made)
