"""Which column is the user, which the item: by their names, in any spelling."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from ..errors import DataError, MissingColumn

__all__ = ["Column", "by_place", "fold", "guess", "orders_only"]

Column = str | Literal[False] | None  # its name; False: there is none; None: guess

# Within a role the first group that matches anything decides; two matches in it are a question.
NAMES = {
    "user": (
        "userid user uid",
        "customerid customer reviewerid visitorid memberid accountid personid playerid viewerid "
        "listenerid readerid clientid subscriberid studentid",
        "sessionid session",
    ),
    "item": (
        "itemid item iid",
        "movieid movie productid product sku asin bookid isbn artistid trackid songid newsid "
        "articleid videoid filmid showid gameid appid businessid venueid locationid recipeid "
        "courseid postid adid restaurantid hotelid",
    ),
    "rating": (
        "rating stars score preference overall",
        "count counts plays playcount listens listencount weight value",
    ),
    "time": (
        "timestamp ts unixtime unixtimestamp unixreviewtime timestampms",
        "time datetime eventtime createdat",
        "date day",
        "seq sequence seqno",
    ),
    "event": ("event eventtype eventname action actiontype behavior behaviortype behaviour",),
}
SHOWN = {  # the roles of a table of what was put before people
    "request": ("requestid impressionid slateid queryid searchid pageviewid",),
    "user": NAMES["user"],
    "item": (*NAMES["item"], "candidates candidate shown"),
    "time": NAMES["time"],
    "position": ("position rank slot pos",),
    "click": ("click clicks clicked label",),
    "dwell": ("dwell dwelltime dwellseconds watchtime playtime readtime",),
    "propensity": ("propensity propensityscore pscore",),
    "creative": ("creative",),
    "creative_propensity": ("creativepropensity",),
    "history": ("history",),
}
ORDERS = {"seq", "sequence", "seqno"}  # a place within a user's events, not a time


def fold(name: str) -> str:
    """A name without case, underscores and, in the files of RecBole, its type.

    >>> fold("User_ID:token")
    'userid'
    """
    return re.sub(r"[\W_]+", "", name.partition(":")[0].lower())


def orders_only(name: str) -> bool:
    """Whether a column of this name says in which order things happened, but not when."""
    return fold(name) in ORDERS


def guess(
    columns: Sequence[str],
    asked: Mapping[str, Column],
    where: str,
    names: Mapping[str, Sequence[str]] = NAMES,
    needed: Sequence[str] = ("user", "item"),
) -> tuple[dict[str, str], list[str]]:
    """The column of each role, as asked or by its name; and the roles that were guessed.

    Raises `MissingColumn` if one that was asked for is not there or nothing could be one that is
    ``needed``, and `DataError` if several could.

    >>> guess(["userId", "movieId", "stars"], {"item": "movieId"}, "a table")
    ({'item': 'movieId', 'user': 'userId', 'rating': 'stars'}, ['user', 'rating'])
    """
    found = {role: name for role, name in asked.items() if name}
    for name in found.values():
        if name not in columns:
            raise MissingColumn(name, where, columns)
    guessed = []
    for role in (role for role in names if asked.get(role) is None):
        for group in names[role]:
            free = [name for name in columns if name not in found.values()]
            could = [name for name in free if fold(name) in group.split()]
            if len(could) > 1:
                raise DataError(
                    f"{len(could)} columns of {where} could be the {role}: "
                    f"{', '.join(could)}. Say which one, as {role}={could[0]!r}"
                )
            if could:
                found[role] = could[0]
                guessed.append(role)
                break
    for role in needed:
        if role not in found:
            raise MissingColumn(role, f"{where}; say which one it is, {role}='its name'", columns)
    twice = [name for name in found.values() if list(found.values()).count(name) > 1]
    if twice:
        roles = " and ".join(role for role, name in found.items() if name == twice[0])
        raise DataError(f"column {twice[0]!r} of {where} cannot be {roles} at once")
    return found, guessed


def by_place(first: Sequence[str], where: str) -> dict[str, str]:
    """The roles of the columns of a file without a header, whose first row is ``first``.

    User, item, rating, time; a third or fourth number of a hundred million or more is the time.

    >>> by_place(["196", "242", "881250949"], "u.data")
    {'user': 'column_1', 'item': 'column_2', 'time': 'column_3'}
    """
    columns = [f"column_{i + 1}" for i in range(len(first))]
    if not 2 <= len(first) <= 4:
        raise MissingColumn(
            "user", f"{where}: it has no header, so say user='column_1' and so on", columns
        )
    late = [abs(float(value)) >= 1e8 for value in first[2:]]
    rest = ("time", "rating") if late[:1] == [True] else ("rating", "time")
    return dict(zip(("user", "item", *rest), columns, strict=False))
