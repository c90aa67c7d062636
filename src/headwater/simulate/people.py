"""People who use a platform's API: they open the page, look, and the site reports what they did.

Each simulated day those of a `World` who come ask ``GET /v1/home/{user_id}`` and do with the page
what the world says that they do; the site then sends ``POST /v1/events``. Their days lie one behind
the other, of 24 hours each, and the last of them ends now: a store takes events of the past, and
none of the future. A server that runs in the same process can be given the same `Clock` as its own,
so that what it notes itself lies in the same days; elsewhere its impressions have the time at which
it answered, and what was done with them has that of the simulated day.

What fails is tried again, after growing pauses or as long as the answer says: answers of 429, of
500 and above, timeouts and broken connections. Events have ids that follow from the person and the
day, so that one that is sent twice is the same event. Other answers of 400 and above are an
`ApiError`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from time import sleep as really_sleep
from time import time as present
from typing import Any, Self
from urllib.parse import quote

import numpy as np

from ..errors import BadParameter, DataError
from ..extras import needs
from ..types import PAD
from ._people_client import Client
from ._streaming_record import iso, reported
from ._streaming_visit import LONGEST, Page, Row, Visit
from .streaming import DAY, LATE, Person, World

with needs("people who use the API", "people"):
    import httpx

__all__ = ["Arm", "Clock", "Day", "People", "page_of"]

EVENTS = 500  # of one request
assert LATE * DAY + LONGEST < DAY


class Clock:
    """The time of the people, in unix seconds: what a call gives. It never goes back."""

    def __init__(self, begin: float):
        self._now = begin

    def __call__(self) -> float:
        return self._now

    def reach(self, time: float) -> None:
        self._now = max(self._now, time)


@dataclass
class Arm:
    """What happened in visits, of all of them or of one arm of an experiment."""

    visits: int = 0
    looked: int = 0  # places
    clicks: int = 0
    clicks_on_page: int = 0
    plays: int = 0
    answers: int = 0
    satisfied_answers: int = 0  # of 4 or 5
    satisfied: int = 0  # visits, whether they said so or not
    satisfaction: float = 0.0  # how likely they were to satisfy, summed

    def add(self, visit: Visit) -> None:
        self.visits += 1
        self.looked += len(visit.looked)
        self.clicks += visit.count("click")
        self.clicks_on_page += sum(a.kind == "click" and a.row != PAD for a in visit.acts)
        self.plays += visit.count("play")
        self.answers += visit.answered
        self.satisfied_answers += visit.answered and visit.satisfied
        self.satisfied += visit.satisfied
        self.satisfaction += visit.satisfaction

    @property
    def true(self) -> float | None:
        """The share of visits that satisfy, as the world knows; None without any visit."""
        return self.satisfaction / self.visits if self.visits else None

    @property
    def measured(self) -> float | None:
        """The share of answers that say so, which is all that the platform can see."""
        return self.satisfied_answers / self.answers if self.answers else None


@dataclass
class Day:
    """A day, as it was (`Arm.true` in ``all``) and as the platform could measure it."""

    day: int
    began: datetime
    people: int  # who might have come
    all: Arm = field(default_factory=Arm)
    arms: dict[str, Arm] = field(default_factory=dict)  # "experiment: arm", where there is one
    unknown_items: int = 0  # on pages, that this world does not know
    empty_pages: int = 0
    degraded: int = 0  # pages that say that something was left out
    events: dict[str, int] = field(default_factory=dict)  # by what became of them
    reasons: dict[str, int] = field(default_factory=dict)  # why events were refused
    retries: int = 0

    @property
    def returning(self) -> float:
        """The share of the people who came."""
        return self.all.visits / self.people

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; with the shares."""
        found = asdict(self)
        found["began"] = self.began.isoformat()
        found["returning"] = self.returning
        for said, arm in (
            (found["all"], self.all),
            *((found["arms"][n], self.arms[n]) for n in self.arms),
        ):
            said |= {"true": arm.true, "measured": arm.measured}
        return found


class People:
    """The people of ``world``, at the API at ``url``, with the ``key`` of a site, which may change
    consents (admin); None for a server without keys.

    ``days`` is how many there will be. ``begin`` is when the first begins, with a zone; None is
    when ``clock`` stands, and without one so that the last ends now. ``first_day`` is the number of
    the first, which the dice go by: after `World.lived` it is how many days these were, with
    ``people`` as they were left. ``name`` begins the ids of all events; two runs at one store need
    two names. ``k`` is how many titles of a strip are asked for. ``client`` is an `httpx.Client` to
    use, in tests with a transport of its own.

    >>> world = World(n_users=20, n_items=60)
    >>> people = People(world, "http://127.0.0.1:8000", "a key", days=3)
    >>> people.close()
    """

    def __init__(
        self,
        world: World,
        url: str,
        key: str | None,
        *,
        days: int = 7,
        begin: datetime | None = None,
        clock: Clock | None = None,
        first_day: int = 0,
        people: Sequence[Person] | None = None,
        name: str = "people",
        k: int = 12,
        client: httpx.Client | None = None,
        tries: int = 8,
        timeout: float = 30.0,
        sleep: Callable[[float], None] = really_sleep,
    ):
        if days < 1 or k < 1 or tries < 1:
            raise BadParameter(f"days, k and tries are at least 1; got {days}, {k} and {tries}")
        if begin is not None and begin.tzinfo is None:
            raise BadParameter(f"begin needs a time zone, such as UTC; got {begin}")
        now = present()
        stands = now - days * DAY if clock is None else clock()
        self.begin = stands if begin is None else begin.timestamp()
        if self.begin + days * DAY > now + 60:
            raise BadParameter(
                f"{days} days from {iso(self.begin)} end in the future, and no store takes "
                "events from there: begin earlier, or leave begin out"
            )
        self.world, self.days, self.first_day, self.name, self.k = world, days, first_day, name, k
        self.people = list(world.people if people is None else people)
        self.clock = Clock(self.begin) if clock is None else clock
        self._api = Client(url, key, client=client, tries=tries, timeout=timeout, sleep=sleep)
        self._agreed: set[str] = set()
        self._next = 0

    def close(self) -> None:
        self._api.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self) -> list[Day]:
        """All days that are left."""
        return [self.day(n) for n in range(self._next, self.days)]

    def day(self, n: int) -> Day:
        """Day ``n``, from 0, of ``days``; one after the other, each once."""
        if n != self._next or n >= self.days:
            raise BadParameter(
                f"day {n} cannot be lived now: of {self.days} days, {self._next} are over"
            )
        began = self.begin + n * DAY
        report = Day(n, datetime.fromtimestamp(began, UTC), len(self.people))
        before = self._api.retries
        # Pages are asked for and events sent in the order of their times, whoever's they are.
        todo: list[tuple[float, int, int, list[dict[str, Any]]]] = []
        for at, person in enumerate(self.people):
            when = self.world.comes(person, self.first_day + n)
            if when is not None:
                todo.append((began + when * DAY, 0, at, []))
        heapq.heapify(todo)
        while todo:
            time, sends, at, events = heapq.heappop(todo)
            self.clock.reach(time)
            if sends:
                self._send(events, report)
                continue
            visit, done = self._visit(self.people[at], n, time, report)
            self.people[at] = visit.person
            if done:
                heapq.heappush(todo, (time + visit.seconds, 1, at, done))
        self.clock.reach(began + DAY)
        report.retries = self._api.retries - before
        self._next += 1
        return report

    def _visit(
        self, person: Person, n: int, time: float, report: Day
    ) -> tuple[Visit, list[dict[str, Any]]]:
        user = quote(person.user_id, safe="")
        if person.user_id not in self._agreed:
            self._api.ask("PUT", f"/v1/users/{user}/consent", json={"level": person.consent})
            self._agreed.add(person.user_id)
        answer = self._api.ask("GET", f"/v1/home/{user}", params={"k": self.k})
        page, unknown = page_of(self.world, answer)
        visit = self.world.visit(person, page, self.world.dice(person, self.first_day + n))
        report.all.add(visit)
        told = answer.get("experiment")
        if told:
            report.arms.setdefault(f"{told['name']}: {told['arm']}", Arm()).add(visit)
        report.unknown_items += unknown
        report.empty_pages += not any((row.items != PAD).any() for row in page.rows)
        report.degraded += bool(answer.get("degraded"))
        name = f"{self.name}-{self.world.seed}-{self.first_day + n}-{person.number}"
        return visit, reported(self.world, page, visit, time, name)

    def _send(self, events: list[dict[str, Any]], report: Day) -> None:
        for at in range(0, len(events), EVENTS):
            some = events[at : at + EVENTS]
            answer = self._api.ask("POST", "/v1/events", json={"events": some})
            outcomes = answer.get("outcomes")
            if not isinstance(outcomes, list) or len(outcomes) != len(some):
                raise DataError(
                    f"{self._api.url}/v1/events was sent {len(some)} events, and its answer has "
                    f"no outcome for each: {str(answer)[:200]}"
                )
            for each in outcomes:
                status = str(each.get("status"))
                report.events[status] = report.events.get(status, 0) + 1
                if status == "refused":
                    why = str(each.get("reason"))
                    report.reasons[why] = report.reasons.get(why, 0) + 1


def page_of(world: World, answer: Any) -> tuple[Page, int]:
    """The page in an answer of ``/v1/home``, and how many titles of it the world does not know;
    nobody sees these. A picture that the world does not know is none."""
    try:
        strips = [
            ([_known(world, each) for each in strip["items"]], str(strip["trace_id"]))
            for strip in answer["strips"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"this is no home page: {type(error).__name__} {error} in {str(answer)[:200]}"
        ) from None
    rows = []
    for places, trace_id in strips:
        items, creative = np.array(places, np.int64).reshape(-1, 2).T
        rows.append(Row(items, creative, trace_id))
    return Page(tuple(rows)), sum(int((row.items == PAD).sum()) for row in rows)


def _known(world: World, told: Any) -> tuple[int, int]:
    """The number of a title and of its picture, PAD for what the world does not know."""
    item = world.titles.number.get(str(told["item_id"]), PAD)
    creative = PAD if told["creative"] is None else int(told["creative"])
    start = world.titles.stills.start
    known = item != PAD and 0 <= creative < start[item + 1] - start[item]
    return item, creative if known else PAD
