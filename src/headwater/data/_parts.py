"""The split itself, and how it comes out of what each event is for; `split` has the protocols."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..errors import BadParameter, DataError, Leak
from ..types import PAD, Dataset, Histories, Ids, Impressions, Mask, Queries, Slate

__all__ = [
    "PAST",
    "TRAIN",
    "TRUTH",
    "Protocol",
    "Roles",
    "Split",
    "assemble",
    "check",
    "rows_with",
]

TRAIN, PAST, TRUTH = 1, 2, 4  # what an event is for; TRAIN + PAST is usual, TRUTH is alone

Roles = NDArray[np.uint8]  # (events,) sums of the three


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """What may be learned from, what is asked, and what happened then. A leak raises `Leak`."""

    train: Dataset
    queries: Queries  # B requests
    truth: Histories  # B rows: what each of them went on to choose
    users: pl.Series  # (B,) the external id of who asks, the same in every split of the data
    candidates: Slate | None = None  # (B, K) what is to be ranked; None is the whole catalogue
    name: str = "custom"
    seed: int = 0
    cut: int | None = None  # unix seconds: nothing is known from then on; None if time is no rule
    dropped: Mapping[str, int] = field(default_factory=dict)  # what was left out, and how much
    notes: tuple[str, ...] = ()  # what else is to be said of it
    protocol: Protocol | None = None
    source: Dataset | None = None  # what was split
    roles: Roles | None = None  # (events of source,) what each is for
    inner: Split | None = None  # the validation split, where the protocol made it along with this

    def __post_init__(self) -> None:
        check(self)

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        left_out = "".join(f"; dropped {n:,} {what}" for what, n in self.dropped.items())
        return (
            f"Split({self.name}: {len(self.train.log.items):,} events train, {len(self):,} "
            f"requests, {len(self.truth.items):,} held out{left_out})"
        )

    @cached_property
    def validation(self) -> Split:
        """The split to tune on: all of it lies within ``train``, nothing of it in what is tested.

        The same protocol, applied to ``train``; for `StrongGeneralization` its validation users.
        """
        if self.inner is not None:
            return self.inner
        if self.protocol is None:
            raise DataError(
                "this split was made by hand and has no protocol to make a validation split with: "
                "give inner=Split(...), or split by a protocol"
            )
        return self.protocol.inside()(self.train)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Base of the protocols: frozen settings that, called with a dataset, make its split."""

    name: ClassVar[str]
    seeded: ClassVar[bool] = False  # whether another seed makes another split

    def __call__(self, data: Dataset) -> Split:
        raise NotImplementedError

    def inside(self) -> Protocol:
        """What splits the training part once more, for validation."""
        return self

    def another(self, i: int) -> Protocol:
        """The protocol of the i-th split of several."""
        if i and not self.seeded:
            raise BadParameter(
                f"{self.name} makes the same split every time, so several of it say no more than "
                "one: ask for 1 split, or choose a protocol with a seed, such as random_per_user"
            )
        return self.reseeded(getattr(self, "seed", 0) + i)

    def reseeded(self, seed: int) -> Protocol:
        """The same with another seed, where it has one."""
        return type(self)(**{**asdict(self), "seed": seed}) if self.seeded else self


def assemble(
    data: Dataset,
    roles: Roles,
    *,
    now: int | NDArray[np.int64] | None = None,
    pool: Mask | None = None,
    cut: int | None = None,
    protocol: Protocol | None = None,
    name: str = "custom",
    dropped: Mapping[str, int] | None = None,
    notes: tuple[str, ...] = (),
    inner: Split | None = None,
) -> Split:
    """The split in which each event of ``data.log`` is what ``roles`` (events,) says.

    A role is a sum of TRAIN (learned from), PAST (in the history of the request) and TRUTH (held
    out). The users with TRUTH ask, at ``now``: a unix time, or one for each user (U,); the time of
    the last event if None. ``name`` is for splits without a protocol.
    `DataError` if nothing trains or nobody asks, `Leak` if something held out is known.
    """
    log = data.log
    if roles.shape != log.items.shape:
        raise DataError(f"{len(log.items):,} events need as many roles; got shape {roles.shape}")
    training = rows_with(log, roles, TRAIN)
    asking = np.flatnonzero(rows_with(log, roles, TRUTH))
    counts = {what: n for what, n in (dropped or {}).items() if n}
    called = name if protocol is None else protocol.name
    if not training.any() or not len(asking):
        problem = "nothing is left to learn from" if len(asking) else "nobody is left to ask"
        said = "".join(f"; dropped {n:,} {what}" for what, n in counts.items())
        raise DataError(
            f"{called} split of {data!r}: {problem}{said}. "
            "Choose another protocol or other shares, or filter the data less"
        )
    if (
        inner is not None
        and inner.roles is not None
        and (roles[inner.roles > 0] & TRAIN == 0).any()
    ):
        raise Leak("the validation split holds events that are not in the training part")
    index = np.full(len(log) + 1, PAD, np.int32)  # user -> number in train; the last is PAD's own
    index[np.flatnonzero(training)] = np.arange(training.sum())
    when = log.times.max(initial=0) if now is None else now
    return Split(
        train=_learned_from(data, roles, training, index, cut),
        queries=Queries(
            history=log.where((roles & PAST) > 0)[asking],
            user=index[asking],
            now=np.broadcast_to(when, len(log))[asking].astype(np.int64),
            pool=pool,
        ),
        truth=log.where((roles & TRUTH) > 0)[asking],
        users=data.users.values.gather(asking),
        name=called,
        seed=getattr(protocol, "seed", 0),
        cut=cut,
        dropped=counts,
        notes=notes,
        protocol=protocol,
        source=data,
        roles=roles,
        inner=inner,
    )


def check(split: Split) -> None:
    """Raise `Leak`, with examples, if something held out is known before the question is asked.

    That is: a (user, item) held out that is also in the history of the request or among the user's
    events in training; or, where the split has a cut, anything known from that moment on.
    `DataError` if its parts do not belong together.
    """
    train, queries, truth = split.train, split.queries, split.truth
    rows = {len(queries), len(queries.history), len(truth), len(split.users)}
    widths = {truth.n_items, queries.history.n_items, train.log.n_items, len(train.items)}
    if len(rows) > 1 or len(widths) > 1:
        raise DataError(
            "queries, history, truth and users must have a row for each request, and train, "
            f"history and truth the same items; got {sorted(rows)} rows and {sorted(widths)} items"
        )
    at = train.users.encode(split.users)  # (B,) PAD for newcomers
    if ((queries.user != PAD) & (queries.user != at)).any():
        raise DataError("queries.user must be the number that the user has in train, or PAD")
    _no_leak(split, queries.history, np.arange(len(queries)), "the history of its request")
    mine = np.flatnonzero(at != PAD)
    _no_leak(split, train.log[at[mine]], mine, "training")
    if split.cut is None:
        return
    for where, part in (("training", train.log), ("the histories", queries.history)):
        late = part.items[part.times >= split.cut]
        if len(late):
            raise Leak(
                f"{len(late):,} events in {where} are not before the cut at {split.cut}: "
                f"items {', '.join(map(repr, train.items.decode(late[:3])))}"
            )


def _no_leak(split: Split, known: Histories, of: NDArray[np.int64], where: str) -> None:
    """Raise unless what is ``known``, a row for each of the requests ``of``, was not held out."""
    truth = split.truth[of]
    leaked = np.flatnonzero(known.has(truth.rows, truth.items))
    if len(leaked):
        who = split.users.gather(of[truth.rows[leaked[:3]]])
        what = split.train.items.decode(truth.items[leaked[:3]])
        some = ", ".join(f"user {u!r} item {i!r}" for u, i in zip(who, what, strict=True))
        raise Leak(f"{len(leaked):,} held-out events are also in {where}: {some}")


def rows_with(log: Histories, roles: Roles, role: int) -> Mask:  # (U,)
    return np.bincount(log.rows[(roles & role) > 0], minlength=len(log)) > 0


def _learned_from(
    data: Dataset, roles: Roles, training: Mask, index: NDArray[np.int32], cut: int | None
) -> Dataset:
    """What of ``data`` trains: the users in ``training`` (U,), with their numbers in ``index``."""
    log = data.log.where((roles & TRAIN) > 0)
    shown = _impressions(data, roles, index, cut)
    if training.all():
        return replace(data, log=log, impressions=shown)
    users = Ids(data.users.values.gather(np.flatnonzero(training)))
    people = None if data.people is None else data.people.filter(pl.Series(training))
    return replace(data, users=users, log=log[training], people=people, impressions=shown)


def _impressions(
    data: Dataset, roles: Roles, index: NDArray[np.int32], cut: int | None
) -> Impressions | None:
    """The impressions of training users before the cut, without any that shows what is held out."""
    shown = data.impressions
    if shown is None:
        return None
    asked, user = shown.queries, shown.queries.user
    keep = (index[user] != PAD) | (user == PAD)
    keep &= (user != PAD) if cut is None else (asked.now < cut)  # of strangers only time can tell
    secret = data.log.where((roles & TRUTH) > 0)
    keep &= ~secret.has(user[:, None], shown.slate.items).any(1)
    past = asked.history
    keep[past.rows[secret.has(user[past.rows], past.items)]] = False
    kept = shown[np.flatnonzero(keep)]
    return replace(kept, queries=replace(kept.queries, user=index[kept.queries.user]))
