"""What a person agreed to, and whether they were erased: the one rule of what may be kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...extras import needs
from ..events import LEVELS, Consent
from ._tables import CONSENTS, RECEIPTS

with needs("the event store", "serve"):
    import sqlalchemy as sa

__all__ = ["Known", "Standing", "erased", "known", "last_said"]

# Built once: they are asked for every page.
AGREED = (
    sa.select(CONSENTS.c.user_id, CONSENTS.c.level, CONSENTS.c.time)
    .where(CONSENTS.c.user_id.in_(sa.bindparam("users", expanding=True)))
    .order_by(CONSENTS.c.time, CONSENTS.c.seq)
)
GONE = (
    sa.select(RECEIPTS.c.who, sa.func.max(RECEIPTS.c.time))
    .where(RECEIPTS.c.who.in_(sa.bindparam("hashes", expanding=True)))
    .group_by(RECEIPTS.c.who)
)


@dataclass(frozen=True)
class Standing:
    """How the store stands to a person."""

    consent: Consent  # that counts where nothing else is said: recorded, or the store's default
    erased: int | None = None  # unix microseconds of the last time that they were
    recorded: Consent | None = None  # what they last agreed to; None where nobody asked them


@dataclass(frozen=True, slots=True)
class Known:
    """The latest consent of a person, and their last erasure; times in unix microseconds."""

    recorded: Consent | None = None
    since: int = 0
    erased: int | None = None

    @property
    def gone(self) -> bool:
        """Erased, and not come back."""
        return self.erased is not None and self.since <= self.erased

    def refuses(self, time: int) -> bool:
        """What they did at ``time`` belongs to what was erased."""
        return self.erased is not None and (self.since <= self.erased or time <= self.erased)

    def level(self, said: Consent | None, default: Consent, *, trust: bool) -> Consent:
        """The lowest of what there is: what was ``said`` with an event, and what is recorded.
        Where nothing is, ``default`` counts; without ``trust`` also where only the event says."""
        told = [each for each in (said, self.recorded) if each is not None]
        if self.recorded is None and (not trust or said is None):
            told.append(default)
        return min(told, key=LEVELS.index)


def known(db: sa.Connection, users: Sequence[str], who: Callable[[str], str]) -> dict[str, Known]:
    """Of each of ``users``; ``who`` is the keyed hash by which the erased are known."""
    in_order = db.execute(AGREED, {"users": users})
    agreed = {user: (level, since) for user, level, since in in_order}
    gone = erased(db, users, who)
    return {user: Known(*agreed.get(user, (None, 0)), gone.get(user)) for user in users}


def last_said() -> sa.Select[tuple[str, str]]:
    """Of everybody who said what they agree to: user_id, and the level that they said last."""
    c = CONSENTS.c
    newest = sa.func.row_number().over(
        partition_by=c.user_id, order_by=[c.time.desc(), c.seq.desc()]
    )
    told = sa.select(c.user_id, c.level, newest.label("place")).subquery()
    return sa.select(told.c.user_id, told.c.level).where(told.c.place == 1)


def erased(db: sa.Connection, users: Sequence[str], who: Callable[[str], str]) -> dict[str, int]:
    """When those of ``users`` were erased who were."""
    hashes = {who(user): user for user in users}
    return {hashes[each]: last for each, last in db.execute(GONE, {"hashes": list(hashes)})}
