"""What people do, as a site reports it: one event a thing shown or done.

    {"kind": "click", "event_id": "e-17", "user_id": "ann", "item_id": "film-3",
     "time": "2026-05-01T10:00:00+02:00", "session_id": "s-4", "consent": "full"}

``event_id`` is given by whoever saw the event happen, once, and is the same however often it is
sent. Times have a zone, and are kept in UTC to the microsecond.

What a person agreed to is one of three levels:

    none        nothing of theirs is kept
    essential   kept, to run the service; nothing is learned from it
    full        kept and learned from
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

__all__ = [
    "CHOSEN",
    "KINDS",
    "LEVELS",
    "SLASH",
    "UNKEPT",
    "Bookmark",
    "Click",
    "Consent",
    "Event",
    "Impression",
    "Play",
    "Search",
    "Survey",
    "check",
    "instant",
    "microseconds",
]

Consent = Literal["none", "essential", "full"]
LEVELS: tuple[Consent, ...] = get_args(Consent)  # each allows what those before it do
EPOCH, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
UNKEPT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # databases refuse some, people all
SLASH = "\ue000"  # stands for a slash in the names that addresses are made of: no other may have it
NUMBER = re.compile(r"\s*[-+]?[0-9.]+\s*")


def microseconds(time: datetime) -> int:
    """Unix microseconds, exactly.

    >>> microseconds(datetime(2026, 1, 1, tzinfo=UTC))
    1767225600000000
    """
    return (time - EPOCH) // timedelta(microseconds=1)


def instant(micro: int) -> datetime:
    """The time in UTC that `microseconds` came from."""
    return EPOCH + timedelta(microseconds=micro)


def _name(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        if value != value.strip():
            raise ValueError("begins or ends with a space")
        if SLASH in value:
            raise ValueError("has U+E000 in it, which no id may have")
        return _plain(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, str) and UNKEPT.search(value):
        raise ValueError("has characters in it that are none, such as line ends")
    return value


def _zoned(value: Any) -> Any:
    """Numbers could be seconds, milliseconds or days: only dates say what they are."""
    if not isinstance(value, str | datetime) or (
        isinstance(value, str) and NUMBER.fullmatch(value)
    ):
        raise ValueError('is not a date with a time zone, such as "2026-05-01T10:00:00Z"')
    return value


Name = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_name)]
Text = Annotated[str, Field(min_length=1, max_length=500), BeforeValidator(_plain)]
Time = Annotated[AwareDatetime, Field(ge=EPOCH, lt=END), BeforeValidator(_zoned)]
Chance = Annotated[float, Field(gt=0, le=1)]
Small = Annotated[int, Field(ge=0, lt=2**31, strict=True)]


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    event_id: Name
    user_id: Name
    time: Time
    session_id: Name | None = None
    consent: Consent | None = None  # None: what the store knows of the user


class _Done(_Event):
    """Something done with an item, because of the request if that is known."""

    item_id: Name
    request_id: Name | None = None


class Impression(_Event):
    """One item of what was shown in answer to a request, with the chance that it was."""

    kind: Literal["impression"]
    request_id: Name  # of the answer: its trace id
    item_id: Name
    position: Small  # 0 is the first
    propensity: Chance  # that the item was shown there
    creative: Small | None = None  # which of its pictures
    creative_propensity: Chance | None = None  # that it was shown with that picture
    path: Name | None = None  # the address of the method that brought it

    @model_validator(mode="after")
    def _both(self) -> Impression:
        if (self.creative is None) != (self.creative_propensity is None):
            raise ValueError("creative and creative_propensity: give both, or neither")
        return self


class Click(_Done):
    kind: Literal["click"]


class Play(_Done):
    """How long an item was watched, read or listened to."""

    kind: Literal["play"]
    seconds: Annotated[float, Field(ge=0, le=1e7)]


class Bookmark(_Done):
    kind: Literal["bookmark"]


class Search(_Event):
    kind: Literal["search"]
    query: Text


class Survey(_Event):
    """An answer to how the visit was, from 1 to 5, and to why they had come."""

    kind: Literal["survey"]
    satisfaction: Annotated[int, Field(ge=1, le=5, strict=True)]
    intents: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    item_id: Name | None = None


Event = Impression | Click | Play | Bookmark | Search | Survey
KINDS = tuple(get_args(each.model_fields["kind"].annotation)[0] for each in get_args(Event))
CHOSEN = ("click", "play", "bookmark")  # the kinds that are learned from as what people like
READ: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


def check(events: Sequence[Any]) -> list[Event | str]:
    """Each of ``events`` as an `Event`, or one line on why it is none.

    >>> check([{"kind": "click", "event_id": 1, "user_id": "ann", "time": "2026-05-01"}])
    ['time: Input should have timezone info; item_id: Field required']
    >>> check([7])
    ['an event is a mapping of names to values, not int']
    """
    return [_checked(each) for each in events]


def _checked(event: Any) -> Event | str:
    if not isinstance(event, Mapping | BaseModel):
        return f"an event is a mapping of names to values, not {type(event).__name__}"
    try:
        return READ.validate_python(event)
    except ValidationError as error:
        return _line(error)


def _line(error: ValidationError) -> str:
    said = []
    for each in error.errors(include_url=False, include_input=False, include_context=True):
        where = ".".join(str(part) for part in each["loc"][1:])
        if each["type"] in ("union_tag_invalid", "union_tag_not_found"):
            return f"kind: is one of {', '.join(KINDS)}"
        told = each["msg"].removeprefix("Value error, ")
        said.append(f"{where}: {told}" if where else told)
    return " ".join("; ".join(said).split())[:500]
