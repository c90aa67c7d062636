"""A platform whose history is made by hand, for what the studio says of it."""

from contextlib import contextmanager
from datetime import timedelta

from stored import NOW, Clock
from world import settings

from headwater.data.toy import blocks
from headwater.facade import Fitted
from headwater.registry import build
from headwater.serve.service import Service
from headwater.serve.shelf import Shelf

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@contextmanager
def running(tmp_path, *, model=False, clock=None, **more):
    """A service that answers, or does not; without a thread that looks after it."""
    clock = clock or Clock()
    if model:
        publish(tmp_path, clock)
    service = Service(settings(tmp_path, **more), clock=clock)
    service.store.upgrade()
    service.look()
    try:
        yield service
    finally:
        service.close()


def publish(tmp_path, clock, report=None, method="itemknn"):
    data, shelf = blocks(), Shelf(tmp_path / "models", clock=clock)
    name = shelf.add(Fitted(build(method).fit(data), data), report or {"why": "for a test"})
    shelf.publish(name)
    return name


def put(service, events):
    """All of them have to be taken."""
    outcomes = service.store.ingest(events)
    assert {each.status for each in outcomes} <= {"accepted"}, outcomes


def told(kind, name, user, time=NOW, **more):
    return {
        "kind": kind,
        "event_id": name,
        "user_id": user,
        "time": time,
        "consent": "full",
        **more,
    }


def strip(request, user, items, time=NOW, clicked=(), *, propensity=0.5, play=(), **more):
    """A strip of ``items`` for a person, and the clicks and plays of it a minute later."""
    events = [
        told(
            "impression",
            f"{request}:{at}",
            user,
            time,
            request_id=request,
            item_id=item,
            position=at,
            propensity=propensity,
            **more,
        )
        for at, item in enumerate(items)
    ]
    done = {"time": time + timedelta(minutes=1), "request_id": request}
    events += [told("click", f"{request}/{i}", user, item_id=i, **done) for i in clicked]
    events += [told("play", f"{request}+{i}", user, item_id=i, seconds=60.0, **done) for i in play]
    return events
