"""What somebody gets on their home page, and what becomes of it when they choose.

To look is not to show: the pages here are not recorded as shown to anybody. What is done on them
is recorded, as done by the person whose page it is.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from ...data.surveys import Survey
from ...errors import BadParameter
from ...serve.api.asking import Pictured
from ...serve.api.shapes import listing, page
from ...serve.events import LEVELS
from ...serve.store import Outcome
from ..page import Asked, Page, Went

__all__ = ["HOME"]

ITEMS = 12  # of a strip
PEOPLE = 2  # side by side
SAME = 6  # titles of each, of which everybody's pictures are compared
MOST = 2_000  # letters that say what was on a page
SECONDS = (0, 60, 600, 3_600)  # to watch, after a click
AGREED = {
    "none": "nothing of theirs is kept, and they get what anybody gets",
    "essential": "kept, to run the service; nothing is learned from it",
    "full": "kept, and learned from",
}


@cache
def questions() -> Survey:
    """Those of the thesis."""
    return Survey.of("video")


def home(asked: Asked) -> dict[str, Any]:
    """The pages of one person, or of two side by side."""
    users = list(dict.fromkeys(asked.query.ids("user")))
    if len(users) > PEOPLE:
        raise BadParameter(f"{len(users)} people were asked for; the page has room for {PEOPLE}")
    k = asked.query.number("k", ITEMS, least=1, most=50)
    survey = questions()
    whose: list[str | None] = [*users] or [None]
    people = [_person(asked, user, k) for user in whose]
    return {
        "k": k,
        "people": people,
        "same": _same(asked, people) if len(people) > 1 else [],
        "suggested": asked.suggested,
        "agreeing": [{"level": level, "means": AGREED[level]} for level in LEVELS],
        "watching": SECONDS,
        "survey": {
            "question": survey.question,
            "levels": [{"value": at, "says": says} for at, says in enumerate(survey.levels, 1)],
            "why": survey.why,
            "intents": {group: dict(each) for group, each in survey.intents.items()},
            "after": survey.after,
            "now": asked.query.one("ask") == "1",
        },
    }


def _person(asked: Asked, user: str | None, k: int) -> dict[str, Any]:
    service = asked.service
    made: dict[str, Any] = page(service.home(user, k, record=False), Pictured(service))
    recorded = None if user is None else service.store.standing(user).recorded
    had = asked.kept.get("had", "") if user is not None and asked.kept.get("user") == user else ""
    before = {had[at : at + 4] for at in range(0, len(had), 4)}
    shown = [item for strip in made["strips"] for item in strip["items"]]
    for item in shown:
        item["new"] = bool(before) and _mark(item["item_id"]) not in before
    return made | {
        "recorded": recorded,
        "items": len(shown),
        "new": sum(item["new"] for item in shown) if before else None,
        "had": "".join(_mark(item["item_id"]) for item in shown),
    }


def _same(asked: Asked, people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first titles of each, with the picture that each would get of them."""
    service = asked.service
    first = [item for person in people for item in person["strips"][0]["items"][:SAME]]
    titles = {item["item_id"]: item["title"] for item in first}
    if not titles:
        return []
    theirs = []
    for person in people:
        reply = service.rank(person["user_id"], list(titles), record=False)
        places = listing(reply, Pictured(service))["items"]
        theirs.append({each["item_id"]: each for each in places})
    return [
        {"item_id": item, "title": title, "theirs": [each[item] for each in theirs]}
        for item, title in titles.items()
    ]


def _mark(item_id: str) -> str:
    """Four letters for an item: all of a page travel in a cookie, to tell what is new on the next.
    Of a hundred titles one is taken for another once in two thousand pages."""
    return urlsafe_b64encode(sha256(item_id.encode()).digest()[:3]).decode()


# What is done on it


def act(asked: Asked) -> Went:
    """Somebody clicks an item, and watches it for a while."""
    user = asked.form.id("user")
    trace, _, item = asked.form.must("chosen").partition(" ")
    if not trace or not item:
        raise BadParameter("chosen is the trace of a strip and an item")
    seconds = asked.form.number("seconds", 0, least=0, most=86_400)
    title, now = _title(asked, item), _now(asked)
    done = {"user_id": user, "item_id": item, "request_id": trace, "session_id": asked.visit}
    events: list[dict[str, Any]] = [_event("click", now, done)]
    if seconds:
        later = _event("play", now + timedelta(microseconds=1), done)
        events.append(later | {"seconds": seconds})
    _kept(asked.service.take(events))
    said = f"{user} chose {title}"
    said += f", and watched it for {_long(seconds)}." if seconds else "."
    return Went(_back(asked), said, {"user": user, "had": asked.form.one("had")[:MOST]})


def consent(asked: Asked) -> Went:
    """What somebody agrees to from now on."""
    user, level = asked.form.id("user"), asked.form.must("level")
    if level not in LEVELS:
        raise BadParameter(f"level is one of {', '.join(LEVELS)}; got {level[:40]!r}")
    asked.service.store.consent(user, level)
    return Went(_back(asked), f"{user} agreed to {level}: {AGREED[level]}.")


def survey(asked: Asked) -> Went:
    """Somebody says how the visit was."""
    user = asked.form.id("user")
    level = asked.form.number("satisfaction", 0, least=0, most=5)
    if not level:
        raise BadParameter("choose one of the five faces: nothing was sent")
    have = questions().names
    intents = asked.form.all("intents")
    for each in intents:
        if each not in have:
            raise BadParameter(f"intents are of {', '.join(have)}; got {each[:40]!r}")
    said = {"user_id": user, "session_id": asked.visit, "satisfaction": level, "intents": intents}
    _kept(asked.service.take([_event("survey", _now(asked), said)]))
    return Went(_back(asked), f"Thank you. {user} was {questions().levels[level - 1].lower()}.")


def _event(kind: str, time: datetime, more: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "event_id": f"studio-{uuid4().hex}", "time": time.isoformat(), **more}


def _now(asked: Asked) -> datetime:
    return datetime.fromtimestamp(asked.service.clock(), UTC)


def _kept(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        if each.status in ("refused", "not kept"):
            raise BadParameter(f"nothing was recorded: {each.reason or each.status}")


def _title(asked: Asked, item: str) -> str:
    live = asked.service.fleet.live()
    at = live.version.items.get(item)
    if at is not None:
        return live.title(at)
    return str(asked.service.item(item).get("title", item))


def _long(seconds: int) -> str:
    if seconds < 3_600:
        return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
    return f"{seconds / 3_600:g} h"


def _back(asked: Asked) -> str:
    """The page as it was, with all who are on it."""
    users = asked.form.ids("beside") or asked.form.ids("user")
    query = [("user", each) for each in users[:PEOPLE]]
    k = asked.form.number("k", ITEMS, least=1, most=50)
    return f"/studio/home?{urlencode(query + [('k', k)] * (k != ITEMS))}"


HOME = Page("home", "Home", home, {"act": act, "consent": consent, "survey": survey})
