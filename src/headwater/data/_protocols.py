"""The protocols of `split`: which event of a dataset is for what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadParameter, DataError
from ..model import at_least
from ..types import Dataset, Floats, Histories, Ints, Mask
from ._parts import PAST, TRAIN, TRUTH, Protocol, Roles, Split, assemble, rows_with

__all__ = [
    "ColdItems",
    "LastN",
    "LeaveOneOut",
    "RandomPerUser",
    "StrongGeneralization",
    "Temporal",
    "UserFolds",
]

MARGIN = 0.01  # how far the share of events may be from the share of users
SHUFFLES = 5  # how often that is tried


@dataclass(frozen=True, kw_only=True)
class StrongGeneralization(Protocol):
    """The users who ask were never seen: part of their history is fed in, the rest is held out.

    Users are shuffled; the first floor((train + validation) U) of them are kept for learning, the
    rest are tested. Those kept are shuffled again: floor(train / (train + validation) of them) are
    the training users of the validation split, the rest its requests. A shuffle is made again, up
    to 5 times in all, until the share of events of those in front is within 0.01 of their share of
    users. Of everyone tested, a random ceil(fold_in h) of h events are fed in.

    Source:  Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative
             Filtering", WWW 2018. arXiv:1802.05814; shares and order as RecFusion was tested.
    """

    name: ClassVar[str] = "strong_generalization"
    seeded: ClassVar[bool] = True

    train: float = 0.8  # share of the users
    validation: float = 0.1
    fold_in: float = 0.8  # share of the events of each user who asks
    seed: int = 0

    def __post_init__(self) -> None:
        _share(self, "train", self.train)
        at_least(self, "validation", self.validation, 0)
        if self.train + self.validation >= 1 - 1e-9:
            raise BadParameter(
                f"StrongGeneralization: train + validation must be below 1, or nobody is tested; "
                f"got {self.train} + {self.validation}"
            )
        _share(self, "fold_in", self.fold_in)
        at_least(self, "seed", self.seed, 0)

    def __call__(self, data: Dataset) -> Split:
        rng = np.random.default_rng(self.seed)
        kept_share = self.train + self.validation
        kept, tested, notes = _user_cut(data.log, np.flatnonzero(data.log.lengths), kept_share, rng)
        front, back, more = _user_cut(data.log, kept, self.train / kept_share, rng)
        notes += more
        fed = _places(data.log, rng) < _ceil(self.fold_in * data.log.lengths)[data.log.rows]
        inner = None
        roles, dropped = _folded(data, front, back, fed)
        if (roles & TRUTH).any() and (roles & TRAIN).any():
            inner = assemble(data, roles, protocol=self, dropped=dropped)
        roles, dropped = _folded(data, kept, tested, fed)
        return assemble(
            data, roles, protocol=self, dropped=dropped, notes=tuple(notes), inner=inner
        )


@dataclass(frozen=True, kw_only=True)
class UserFolds(Protocol):
    """Cross-validation over users: one fold of them asks, the others train. See the strong one."""

    name: ClassVar[str] = "user_folds"
    seeded: ClassVar[bool] = True

    folds: int = 5
    fold: int = 0  # which of them is tested, from 0
    fold_in: float = 0.8
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(self, "folds", self.folds, 2)
        if not 0 <= self.fold < self.folds:
            raise BadParameter(f"UserFolds: fold must be 0 to {self.folds - 1}, got {self.fold}")
        _share(self, "fold_in", self.fold_in)
        at_least(self, "seed", self.seed, 0)

    def __call__(self, data: Dataset) -> Split:
        rng = np.random.default_rng(self.seed)
        users = rng.permutation(np.flatnonzero(data.log.lengths))
        mine = np.arange(len(users)) % self.folds == self.fold
        fed = _places(data.log, rng) < _ceil(self.fold_in * data.log.lengths)[data.log.rows]
        roles, dropped = _folded(data, users[~mine], users[mine], fed)
        return assemble(data, roles, protocol=self, dropped=dropped)

    def inside(self) -> Protocol:
        return replace(self, fold=0)

    def another(self, i: int) -> Protocol:
        """The next fold, not the next seed: every user asks in exactly one of them."""
        if self.fold + i >= self.folds:
            raise BadParameter(
                f"UserFolds: {self.folds} folds make {self.folds - self.fold} splits from fold "
                f"{self.fold} on; asked for number {i + 1}: set folds higher"
            )
        return replace(self, fold=self.fold + i)


@dataclass(frozen=True, kw_only=True)
class RandomPerUser(Protocol):
    """Of every user's h events a random h - ceil((1 - held_out) h) are held out."""

    name: ClassVar[str] = "random_per_user"
    seeded: ClassVar[bool] = True

    held_out: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        _share(self, "held_out", self.held_out)
        at_least(self, "seed", self.seed, 0)

    def __call__(self, data: Dataset) -> Split:
        log = data.log
        place = _places(log, np.random.default_rng(self.seed))
        known = place < _ceil((1 - self.held_out) * log.lengths)[log.rows]
        roles = np.where(known, TRAIN | PAST, TRUTH).astype(np.uint8)
        roles, dropped = _settle(data, roles, log.lengths > 0)
        return assemble(data, roles, protocol=self, dropped=dropped)


@dataclass(frozen=True, kw_only=True)
class LastN(Protocol):
    """The last n events of every user who has more than n are held out; the last given, if untimed.

    Others' events train whenever they happened, so what trains may be later than what is asked:
    `Temporal` is the one without that.
    """

    name: ClassVar[str] = "last_n"

    n: int = 5

    def __post_init__(self) -> None:
        at_least(self, "n", self.n, 1)

    def __call__(self, data: Dataset) -> Split:
        return _last(data, self.n, self)


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut(Protocol):
    """`LastN` with n = 1."""

    name: ClassVar[str] = "leave_one_out"

    def __call__(self, data: Dataset) -> Split:
        return _last(data, 1, self)


@dataclass(frozen=True, kw_only=True)
class Temporal(Protocol):
    """One moment for everybody: what was before trains, what came from then on is held out.

    The moment is that of the event with a share ``held_out`` of the events at or after it. It is
    ``queries.now``. An event whose time is 0, so unknown, is left out.
    """

    name: ClassVar[str] = "temporal"

    held_out: float = 0.2  # share of the events; more where several share the moment
    newcomers: bool = False  # whether users with nothing before the moment ask too
    known_items: bool = True  # whether only items with an event before the moment count as truth

    def __post_init__(self) -> None:
        _share(self, "held_out", self.held_out)

    def __call__(self, data: Dataset) -> Split:
        log = data.log
        timed = log.times != 0
        if not timed.any():
            raise DataError(
                "a temporal split needs times and this dataset has none; "
                "use random_per_user, or name the column of times when reading"
            )
        times = log.times[timed]
        nth = min(int(np.floor((1 - self.held_out) * len(times) + 1e-9)), len(times) - 1)
        cut = int(np.partition(times, nth)[nth])
        before = timed & (log.times < cut)
        if not before.any():
            raise DataError(
                f"no event comes before the moment of the split, {cut}: "
                f"{np.mean(times == cut):.0%} of the events share it; use random_per_user"
            )
        dropped = {"events without a time": int((~timed).sum())}
        roles = np.select([before, timed], [TRAIN | PAST, TRUTH], 0).astype(np.uint8)
        if not self.newcomers:
            had = np.bincount(log.rows[before], minlength=len(log)) > 0
            dropped["users without a history"] = len(
                np.unique(log.rows[(roles == TRUTH) & ~had[log.rows]])
            )
            roles[(roles == TRUTH) & ~had[log.rows]] = 0
        asked = np.bincount(log.rows[roles == TRUTH], minlength=len(log)) > 0
        if self.known_items:
            known = np.bincount(log.items[before], minlength=log.n_items) > 0
            lost = (roles == TRUTH) & ~known[log.items]
            dropped["held-out events on items unknown in training"] = int(lost.sum())
            roles[lost] = 0
        roles, more = _settle(data, roles, asked)
        return assemble(data, roles, protocol=self, now=cut, cut=cut, dropped=dropped | more)


@dataclass(frozen=True, kw_only=True)
class ColdItems(Protocol):
    """A random share of the items has no event in training; who chose them is what is asked."""

    name: ClassVar[str] = "cold_items"
    seeded: ClassVar[bool] = True

    share: float = 0.1  # of the items with any event; at least one
    pool: Literal["cold", "all"] = "cold"  # what may be recommended
    seed: int = 0

    def __post_init__(self) -> None:
        _share(self, "share", self.share)
        if self.pool not in ("cold", "all"):
            raise BadParameter(f"ColdItems: pool must be 'cold' or 'all', got {self.pool!r}")
        at_least(self, "seed", self.seed, 0)

    def __call__(self, data: Dataset) -> Split:
        log = data.log
        chosen = np.flatnonzero(np.bincount(log.items, minlength=log.n_items))
        some = max(1, int(np.floor(self.share * len(chosen) + 0.5)))
        rng = np.random.default_rng(self.seed)
        cold = np.zeros(log.n_items, bool)
        cold[rng.permutation(chosen)[:some]] = True
        roles = np.where(cold[log.items], TRUTH, TRAIN | PAST).astype(np.uint8)
        asked = np.bincount(log.rows[roles == TRUTH], minlength=len(log)) > 0
        had = np.bincount(log.rows[roles != TRUTH], minlength=len(log)) > 0
        roles[(roles == TRUTH) & ~had[log.rows]] = 0
        dropped = {"users without a history": int((asked & ~had).sum())}
        pool = cold if self.pool == "cold" else None
        return assemble(data, roles, protocol=self, pool=pool, dropped=dropped)


def _places(log: Histories, rng: np.random.Generator) -> NDArray[np.int64]:  # (events,)
    """The place of each event, from 0, in a random order of its row."""
    bits = 62 - len(log).bit_length()  # as much chance as fits beside the row: lexsort is slower
    chance = rng.integers(1 << bits, size=len(log.items))
    order = np.argsort((log.rows << bits) | chance, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(log.start[:-1], log.lengths)
    return place


def _ceil(share: Floats) -> NDArray[np.int64]:
    whole: NDArray[np.int64] = np.ceil(share - 1e-9).astype(np.int64)  # (1 - 0.7) * 10 is 3, not 4
    return whole


def _user_cut(
    log: Histories, users: Ints, share: float, rng: np.random.Generator
) -> tuple[Ints, Ints, list[str]]:
    """Random front and back of ``users``, such that the front has its ``share`` of the events."""
    lengths = log.lengths
    size = int(np.floor(share * len(users) + 1e-9))
    got = 0.0
    for _ in range(SHUFFLES):
        users = rng.permutation(users)
        got = lengths[users[:size]].sum() / max(lengths[users].sum(), 1)
        if abs(got - share) <= MARGIN:
            return users[:size], users[size:], []
    note = f"{share:.1%} of the users have {got:.1%} of the events, after {SHUFFLES} shuffles"
    return users[:size], users[size:], [note]


def _folded(data: Dataset, learn: Ints, ask: Ints, fed: Mask) -> tuple[Roles, dict[str, int]]:
    """The roles where ``learn`` train and ``ask`` are fed the events ``fed``, asked the others."""
    kind = np.zeros(len(data.log), np.int8)
    kind[learn], kind[ask] = 1, 2
    each = kind[data.log.rows]
    roles = np.select([each == 1, (each == 2) & fed, each == 2], [TRAIN, PAST, TRUTH], 0)
    return _settle(data, roles.astype(np.uint8), kind == 2)


def _last(data: Dataset, n: int, by: Protocol) -> Split:
    log = data.log
    held = (log.recency <= n) & (log.lengths > n)[log.rows]
    roles = np.where(held, TRUTH, TRAIN | PAST).astype(np.uint8)
    first = np.full(len(log), log.times.max(initial=0))
    np.minimum.at(first, log.rows[held], log.times[held])  # when they chose the first of it
    roles, dropped = _settle(data, roles, log.lengths > 0)
    return assemble(data, roles, protocol=by, now=first, dropped=dropped)


def _settle(data: Dataset, roles: Roles, wanted: Mask) -> tuple[Roles, dict[str, int]]:
    """Without held-out repeats of the history; and what that, and nothing held out, cost."""
    log = data.log
    held = np.flatnonzero(roles == TRUTH)
    known = log.where((roles != 0) & (roles != TRUTH))
    repeats = held[known.has(log.rows[held], log.items[held])]
    roles = roles.copy()
    roles[repeats] = 0
    asks = rows_with(log, roles, TRUTH)
    roles[(roles == PAST) & ~asks[log.rows]] = 0
    return roles, {
        "held-out events on items of the user's own history": len(repeats),
        "users with nothing held out": int((wanted & ~asks).sum()),
    }


def _share(protocol: Protocol, name: str, value: float) -> None:
    if not 0 < value < 1:
        raise BadParameter(
            f"{type(protocol).__name__}: {name} must be between 0 and 1, got {value!r}"
        )
