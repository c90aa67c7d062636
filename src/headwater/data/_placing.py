"""To which session a row of a table belongs: by its name, or by whose it was and when."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import DataError
from ..types import PAD, Dataset, Ints, Mask, Sessions
from ..visits import learnable
from ._answers import ROLES, SOME, roles_of, rows_of, whose, with_session, yes
from ._blocks import content
from ._columns import fold
from ._ids import texts
from ._notes import Note
from ._tables import Table, open_table

__all__ = ["Known", "asked_in", "on_time"]

OF_ALL = ("session", "user", "time", "shown")  # the roles of a table of who was asked
WHOLE = r"(0|-?[1-9][0-9]{0,17})\.0*"  # what a program that takes ids for numbers makes of 1


class Known:
    """The sessions that there are, and what tables may call them."""

    def __init__(self, data: Dataset, tolerance: float):
        self.sessions, self.tolerance = learnable(data), tolerance
        self.ids = texts(self.sessions.ids)
        self.whole_ids = _whole(self.ids)
        self.users = _whole(texts(data.users.values))

    def placed(self, rows: pl.DataFrame, what: str, notes: list[str]) -> pl.DataFrame:
        """``rows``, as `whose` makes them, with the row ``at`` of their session; those that have
        none are left out, and told in ``notes`` as ``what``."""
        n, session, user = len(rows), rows["session_id"], rows["user_id"]
        who = _found(_whole(user), self.users)
        at = _found(session, self.ids)
        own = pl.select(pl.format("{}@{}", session, user)).to_series()
        for ids, known in ((session, self.whole_ids), (own, self.whole_ids)):
            at = np.where(at == PAD, _found(_whole(ids), known), at)
        named = session.is_not_null().to_numpy()
        if named.any() and (at[named] == PAD).all():
            by_time = self._by_time(who, rows["time"])
            if (by_time != PAD).any():
                notes.append(f"no session that the {what} name is there: placed by user and time")
                named = np.zeros(n, bool)
                at = by_time
        elif not named.all():
            at = np.where(named, at, self._by_time(who, rows["time"]))
        if not named.all():
            notes.append(f"{(~named).sum():,} {what} are placed by their user and time")
        whose = self.sessions.user[np.maximum(at, 0)]
        other = (at != PAD) & user.is_not_null().to_numpy() & (whose != PAD) & (whose != who)
        lost = named & (at == PAD)
        if lost.any():
            said = f"left out {lost.sum():,} of {n:,} {what} for sessions that are not there"
            some = ", ".join(session.filter(pl.Series(lost)).unique(maintain_order=True).head(SOME))
            notes.append(Note(f"{said}, such as {some}", said))
        lost |= at == PAD
        if (lost & ~named).any():
            notes.append(
                f"left out {(lost & ~named).sum():,} of {n:,} {what} whose user had no session then"
            )
        if other.any():
            notes.append(
                f"left out {other.sum():,} of {n:,} {what} for sessions of somebody else than the "
                "user that they name"
            )
        return rows.with_columns(at=pl.Series(at)).filter(pl.Series(~lost & ~other))

    def _by_time(self, who: Ints, when: pl.Series) -> Ints:
        known = when.is_not_null().to_numpy()
        at = self.sessions.at(who, when.fill_null(0).to_numpy(), late=self.tolerance)
        return np.where(known, at, PAD)


def _whole(ids: pl.Series) -> pl.Series:
    """Ids as text, what was made 1.0 as 1; also in session@user."""
    return ids.str.replace(f"^{WHOLE}(@|$)", "${1}${2}").str.replace(f"@{WHOLE}$", "@${1}")


def _found(asked: pl.Series, names: pl.Series) -> Ints:
    """The place in ``names`` of each that is ``asked`` for, PAD for what is not there once."""
    known = pl.DataFrame({"id": names, "at": np.arange(len(names))}).unique("id", keep="none")
    found = pl.DataFrame({"id": asked}).join(known, on="id", how="left", maintain_order="left")
    at: Ints = found["at"].fill_null(PAD).to_numpy()
    return at


def asked_in(source: Any, known: Known, encoding: str, notes: list[str]) -> Mask:
    """The sessions (S,) that a table says were shown the survey."""
    table = _of_ids(source, encoding)
    roles, _ = roles_of(table, {}, {role: ROLES[role] for role in OF_ALL}, ())
    frame, said = rows_of(table)
    about: list[str] = [*said]
    rows = pl.DataFrame(whose(frame, roles))
    if "shown" in roles:
        rows = rows.filter(yes(frame[roles["shown"]], table.name))
    rows = known.placed(with_session(rows, about), "rows", about)
    notes += [
        Note(f"who was asked: {note}", f"who was asked: {getattr(note, 'counts', note)}")
        for note in about
    ]
    out = np.zeros(len(known.ids), bool)
    out[rows["at"].to_numpy()] = True
    return out


def _of_ids(source: Any, encoding: str) -> Table:
    """A table that may be a text file of session ids alone, which no separator tells from prose."""
    try:
        return open_table(source, encoding=encoding)
    except DataError:
        if not isinstance(source, str | PathLike) or not Path(source).expanduser().is_file():
            raise
        lines = content(Path(source).expanduser(), encoding).splitlines()
        name, *ids = [each.strip().strip('"') for each in lines if each.strip()] or [""]
        if fold(name) not in " ".join(ROLES["session"]).split():
            raise
        return replace(
            open_table(pl.DataFrame({name: ids}, schema={name: pl.String})), name=str(source)
        )


def on_time(
    rows: pl.DataFrame, sessions: Sessions, tolerance: float, notes: list[str]
) -> pl.DataFrame:
    """Without answers whose clock is wrong."""
    at = rows["at"].to_numpy()
    early = pl.Series(sessions.start[at]) - rows["time"]
    late = rows["time"] - pl.Series(sessions.start[at] + sessions.seconds[at].astype(np.int64))
    off = pl.select(pl.max_horizontal(early, late)).to_series().fill_null(0)
    wrong = off > tolerance
    if wrong.any():
        notes.append(
            f"left out {wrong.sum():,} rows of the survey from more than {tolerance:,g} seconds "
            "before their session began or after it ended: their clocks are wrong"
        )
    soon = (early > 0).fill_null(False) & ~wrong
    if soon.any():
        notes.append(
            f"{soon.sum():,} rows of the survey are from before their session began, by "
            f"{tolerance:,g} seconds at most: kept"
        )
    return rows.filter(~wrong)
