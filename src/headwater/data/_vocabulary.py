"""What the events of a log mean, as a file says it, and what of a session is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, NamedTuple, Self

from ..errors import DataError
from ._columns import NAMES
from ._yaml import called, listed, mapping, only, tree

__all__ = ["BEHAVIOURS", "CENSORED", "INTENTS", "ROLES", "Signal", "Vocabulary"]

BEHAVIOURS = (  # table 4.2 of the thesis, in the order of its released code
    "num_plays",
    "time_to_first_play",
    "num_trailer_plays",
    "time_to_first_trailer",
    "num_bookmarks",
    "num_profile_clicks",
    "num_account_visits",
    "num_strips",
    "num_searches",
    "num_series_descriptions",
    "num_movie_descriptions",
    "session_length",
)
CENSORED = ("time_to_first_play", "time_to_first_trailer")
INTENTS: Mapping[str, tuple[str, ...]] = {
    "decisive": ("catch_up", "continue_watching", "live_tv", "specific_title"),
    "explorative": ("add_to_watchlist", "genre", "new", "watchlist"),
}

ROLES = {
    "user": NAMES["user"][:2],
    "time": NAMES["time"][:3],
    "event": (*NAMES["event"], "kind type hittype eventaction"),
    "session": ("sessionid", "visitid session visit"),
}
HOWS = ("count", "first", "per_minute", "share")  # and "length", which is of no kind


class Signal(NamedTuple):
    """What of a session is measured, and of which kinds of event."""

    how: str  # "count", "first", "length", "per_minute" or "share"
    of: tuple[str, ...] = ()  # kinds


@dataclass(frozen=True)
class Vocabulary:
    """What the events of a log mean, and what of a session is measured."""

    kinds: Mapping[str, tuple[str, ...]]  # kind -> the names that its events have in the log
    behaviours: Mapping[str, Signal]
    derived: Mapping[str, Signal] = field(default_factory=dict)  # measured only if asked for
    columns: Mapping[str, str] = field(default_factory=dict)  # role -> column; guessed if not here
    name: str = "the vocabulary"  # for messages

    @classmethod
    def of(cls, source: str | PathLike[str] | Mapping[str, Any] | Vocabulary) -> Self:
        """From a YAML file, the name of one that comes along ("video", "music"), or its tree.

            columns: {user: account, time: at, event: what, session: visit}    # may be left out
            kinds:
              play: [PLAY, RESUME]            # the names that such events have in the log
              page: VIEW                      # without a behaviour it keeps a session going
            behaviours:
              num_plays: {count: play}        # how many; several kinds: {count: [play, page]}
              first_play: {first: play}       # seconds from the start, unknown where never
              length: length                  # seconds from the first event to the last
            derived:                          # only with derived=True
              plays_per_minute: {per_minute: play}   # a session takes at least a minute
              play_share: {share: play}       # of the events that behaviours count

        `UnknownName` for a key, kind or vocabulary that does not exist, `DataError` for the rest.
        """
        if isinstance(source, cls):
            return source
        found, where = tree(source, "vocabularies", "vocabulary")  # type: ignore[arg-type]
        found = mapping(found, where)
        only(found, ("columns", "kinds", "behaviours", "derived"), where)
        columns = mapping(found.get("columns", {}), f"columns in {where}")
        only(columns, ROLES, f"columns in {where}")
        kinds = {
            kind: listed(given, f"kind {kind!r} in {where}")
            for kind, given in mapping(found.get("kinds"), f"kinds in {where}").items()
        }
        often = Counter(name for given in kinds.values() for name in given)
        twice = [name for name, n in often.items() if n > 1]
        if twice:
            raise DataError(f"event {twice[0]!r} means two things in {where}: name it once")
        behaviours = _signals(found.get("behaviours"), kinds, f"behaviours in {where}")
        if not behaviours:
            raise DataError(f"{where} names no behaviours: nothing of a session would be measured")
        derived = _signals(found.get("derived", {}), kinds, f"derived in {where}")
        both = [name for name in derived if name in behaviours]
        if both:
            raise DataError(f"{both[0]!r} is both in behaviours and in derived of {where}")
        given = {role: called(name, f"columns in {where}") for role, name in columns.items()}
        return cls(kinds, behaviours, derived, given, where)

    def signals(self, *, derived: bool) -> dict[str, Signal]:
        return {**self.behaviours, **(self.derived if derived else {})}


def _signals(found: Any, kinds: Mapping[str, Any], where: str) -> dict[str, Signal]:
    out = {}
    for name, given in mapping(found, where).items():
        if given == "length":
            out[name] = Signal("length")
            continue
        here = f"{name!r} of {where}"
        if not isinstance(given, Mapping) or len(given) != 1:
            raise DataError(
                f"{here} is {given!r}; it must be `length`, or one of "
                f"{', '.join(f'{{{how}: KIND}}' for how in HOWS)}"
            )
        only(mapping(given, here), HOWS, here)
        ((how, of),) = given.items()
        of = listed(of, here)
        only(dict.fromkeys(of), kinds, f"{here}, as a kind")
        out[name] = Signal(how, of)
    return out
