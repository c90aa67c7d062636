"""Splits: what may be learned from, what is asked then, and what those who asked went on to choose.

A protocol decides what each event of a dataset is: learned from (TRAIN), known when the question is
asked (PAST), held out (TRUTH), or none of it. `assemble` makes the `Split` from that, and no `Split`
comes to be in which something held out is also known.

    >>> from headwater.data.toy import blocks
    >>> split(blocks(), "temporal")
    Split(temporal: 1,152 events train, 103 requests, 273 held out)

Three rules hold for every protocol:

* the items stay, all N of them, so that an index means the same everywhere; the users of ``train``
  are those with at least one event there, so U can shrink. Whoever asks and is not among them is
  somebody new to the model: PAD in ``queries.user``. In a user split that is everybody who asks;
* a held-out event on an item that the same user already has in the history is no test, since what
  was seen is not recommended: it is dropped and counted in ``dropped``;
* whoever has nothing held out does not ask.

Source:  the names follow common usage; the strong generalization of `StrongGeneralization` is that
         of Liang et al., WWW 2018 (arXiv:1802.05814), with the proportions and order of the RecFusion
         experiments.
Checked: proportions, order and absence of leaks on random data, tests/data/test_split.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, get_type_hints

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..atomic import atomic_path, recover
from ..errors import BadArtifact, BadParameter, DataError, Leak, UnknownName
from ..model import at_least
from ..types import PAD, Dataset, Histories, Ids, Impressions, Ints, Mask, Queries
from .fingerprint import fingerprint

__all__ = [
    "PAST",
    "PROTOCOLS",
    "TRAIN",
    "TRUTH",
    "ColdItems",
    "LastN",
    "LeaveOneOut",
    "Protocol",
    "RandomPerUser",
    "Split",
    "Splits",
    "StrongGeneralization",
    "Temporal",
    "UserFolds",
    "assemble",
    "check",
    "default_protocol",
    "describe",
    "load",
    "protocol",
    "save",
    "split",
    "splits",
]

TRAIN, PAST, TRUTH = 1, 2, 4  # what an event is for; TRAIN + PAST is usual, TRUTH is alone
FORMAT = 1
MARGIN = 0.01  # how far the share of events may be from the share of users
SHUFFLES = 5  # how often that is tried

Roles = NDArray[np.uint8]  # (events,)


@dataclass(frozen=True, eq=False, kw_only=True)
class Split:
    """What may be learned from, what is asked, and what happened then. Leaks raise `Leak`."""

    train: Dataset
    queries: Queries  # B requests
    truth: Histories  # B rows: what each of them went on to choose
    users: pl.Series  # (B,) the external id of who asks, the same in every split of the data
    name: str = "custom"
    seed: int = 0
    cut: int | None = (
        None  # unix seconds: nothing from then on is known; None where time is no rule
    )
    dropped: Mapping[str, int] = field(default_factory=dict)  # what was left out, and how much
    notes: tuple[str, ...] = ()
    protocol: Protocol | None = None
    source: Dataset | None = None  # what was split
    roles: Roles | None = None  # (events of source,) TRAIN, PAST, TRUTH
    inner: Split | None = None  # the validation split, where the protocol made one along with this

    def __post_init__(self) -> None:
        check(self)

    def __len__(self) -> int:
        return len(self.queries)

    def __repr__(self) -> str:
        said = (
            f"{self.name}: {len(self.train.log.items):,} events train, {len(self):,} requests, "
            f"{len(self.truth.items):,} held out"
        )
        return f"Split({'; dropped: '.join([said, *self._dropped()])})"

    def _dropped(self) -> list[str]:
        each = ", ".join(f"{n:,} {what}" for what, n in self.dropped.items())
        return [each] if each else []

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
                "give inner=Split(...), or split with a protocol"
            )
        return self.protocol.inside()(self.train)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Base of the protocols: frozen settings that, called with a dataset, make its split."""

    seeded: ClassVar[bool] = False  # whether another seed makes another split

    def __call__(self, data: Dataset) -> Split:
        raise NotImplementedError

    @property
    def name(self) -> str:
        return next(name for name, kind in PROTOCOLS.items() if kind is type(self))

    def inside(self) -> Protocol:
        """What splits the training part once more, for validation."""
        return self

    def another(self, i: int) -> Protocol:
        """The protocol for the i-th split of several."""
        if i == 0:
            return self
        if not self.seeded:
            raise BadParameter(
                f"{self.name} makes the same split every time, so several of it say no more than "
                f"one; ask for 1 split, or use one of: {', '.join(_seeded())}"
            )
        return replace(self, seed=getattr(self, "seed", 0) + i)


@dataclass(frozen=True, kw_only=True)
class StrongGeneralization(Protocol):
    """The users who ask were never seen: part of their history is fed in, the rest is held out.

    Users are shuffled; the first floor((train + validation) U) of them are kept for learning, the
    rest are tested. Those kept are shuffled again: floor(train / (train + validation) of them) are
    the training users of the validation split, the rest its requests. Each shuffle is made again, up
    to 5 times, until the share of events that it puts in front is within 0.01 of the share of users.
    Of everyone tested, a random ceil(fold_in h) of h events are fed in.
    """

    train: float = 0.8  # share of the users
    validation: float = 0.1
    fold_in: float = 0.8  # share of the events of each user who asks
    seed: int = 0

    seeded: ClassVar[bool] = True

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
        front, back = kept, kept[:0]
        if self.validation:
            front, back, more = _user_cut(data.log, kept, self.train / kept_share, rng)
            notes += more
        fed = _places(data.log, rng) < _ceil(self.fold_in * data.log.lengths)[data.log.rows]
        inner = None
        if len(back):
            roles, dropped = _folded(data, front, back, fed)
            inner = assemble(data, roles, protocol=self, dropped=dropped)
        roles, dropped = _folded(data, kept, tested, fed)
        return assemble(
            data, roles, protocol=self, dropped=dropped, notes=tuple(notes), inner=inner
        )


@dataclass(frozen=True, kw_only=True)
class UserFolds(Protocol):
    """Cross-validation over users: one fold of them asks, the others train. See the strong one."""

    folds: int = 5
    fold: int = 0  # which of them is tested, from 0
    fold_in: float = 0.8
    seed: int = 0

    seeded: ClassVar[bool] = True

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

    held_out: float = 0.2
    seed: int = 0

    seeded: ClassVar[bool] = True

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

    n: int = 5

    def __post_init__(self) -> None:
        at_least(self, "n", self.n, 1)

    def __call__(self, data: Dataset) -> Split:
        return _last(data, self.n, self)


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut(Protocol):
    """`LastN` with n = 1."""

    def __call__(self, data: Dataset) -> Split:
        return _last(data, 1, self)


@dataclass(frozen=True, kw_only=True)
class Temporal(Protocol):
    """One moment for everybody: what was before trains, what came from then on is held out.

    The moment is that of the event with a share ``held_out`` of the events at or after it. It is
    ``queries.now``. An event whose time is 0, so unknown, is left out.
    """

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

    share: float = 0.1  # of the items with any event; at least one
    pool: Literal["cold", "all"] = "cold"  # what may be recommended
    seed: int = 0

    seeded: ClassVar[bool] = True

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


PROTOCOLS: dict[str, type[Protocol]] = {
    "temporal": Temporal,
    "random_per_user": RandomPerUser,
    "strong_generalization": StrongGeneralization,
    "leave_one_out": LeaveOneOut,
    "last_n": LastN,
    "user_folds": UserFolds,
    "cold_items": ColdItems,
}


def protocol(tree: str | Mapping[str, Any], *, seed: int | None = None) -> Protocol:
    """The protocol that ``tree`` names: its name, or a mapping with the key ``protocol``.

    ``seed`` comes on top where the protocol has one.

    >>> protocol({"protocol": "last-n", "n": 3})
    LastN(n=3)
    """
    asked: dict[str, Any] = {"protocol": tree} if isinstance(tree, str) else dict(tree)
    if "protocol" not in asked:
        raise BadParameter(f"no key 'protocol' in {asked!r}: one of {', '.join(PROTOCOLS)}")
    name = str(asked.pop("protocol"))
    kind = PROTOCOLS.get(name.lower().replace("-", "_"))
    if kind is None:
        raise UnknownName("split", name, PROTOCOLS)
    hints = get_type_hints(kind)
    have = [f.name for f in fields(kind)]
    for key, value in asked.items():
        if key not in have:
            raise UnknownName(f"parameter of {kind.__name__}", key, have)
        _typed(kind, key, hints[key], value)
    if seed is not None and "seed" in have:
        asked["seed"] = seed
    return kind(**asked)


def describe(protocol: Protocol) -> dict[str, Any]:
    """The tree that makes ``protocol`` again.

    >>> describe(LastN(n=3))
    {'protocol': 'last_n', 'n': 3}
    """
    return {"protocol": protocol.name, **asdict(protocol)}


def default_protocol(data: Dataset, *, seed: int = 0) -> Protocol:
    """`Temporal` where anybody knows when things happened, `RandomPerUser` else."""
    return Temporal() if data.log.timed else RandomPerUser(seed=seed)


def split(
    data: Dataset,
    by: str | Mapping[str, Any] | Protocol | None = None,
    *,
    seed: int | None = None,
) -> Split:
    """One split of ``data``, by a protocol, its name or its tree; by `default_protocol` if None."""
    return _chosen(data, by, seed)(data)


@dataclass(frozen=True)
class Splits:
    """Several splits of one dataset. Each is made when it is asked for, so one is in memory."""

    data: Dataset
    protocols: tuple[Protocol, ...]

    def __len__(self) -> int:
        return len(self.protocols)

    def __getitem__(self, i: int) -> Split:
        return self.protocols[i](self.data)

    def __iter__(self) -> Iterator[Split]:
        return (each(self.data) for each in self.protocols)


def splits(
    data: Dataset,
    by: str | Mapping[str, Any] | Protocol | None = None,
    *,
    n: int = 1,
    seed: int | None = None,
) -> Splits:
    """``n`` splits with the seeds seed, seed + 1, ...; for `UserFolds` the folds 0, 1, ... of one.

    `BadParameter` for several splits by a protocol that always makes the same.
    """
    if n < 1:
        raise BadParameter(f"splits: n must be at least 1, got {n}")
    first = _chosen(data, by, seed)
    return Splits(data, tuple(first.another(i) for i in range(n)))


def assemble(
    data: Dataset,
    roles: Ints,
    *,
    now: int | Ints | None = None,
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
    out). The users with TRUTH ask, at ``now`` (U,) or for all; the time of the last event if None.
    `DataError` if nothing trains or nobody asks, `Leak` if something held out is known.
    """
    log = data.log
    roles = np.asarray(roles, np.uint8)
    if roles.shape != log.items.shape:
        raise DataError(f"{len(log.items):,} events need as many roles; got shape {roles.shape}")
    training = _rows_with(log, roles, TRAIN)
    asking = np.flatnonzero(_rows_with(log, roles, TRUTH))
    counts = {what: n for what, n in (dropped or {}).items() if n}
    if not training.any() or not len(asking):
        why = "nothing is left to learn from" if len(asking) else "nobody is left to ask"
        said = ", ".join(f"{n:,} {what}" for what, n in counts.items())
        raise DataError(
            f"{protocol.name if protocol else name} of {data!r}: {why}"
            + (f"; dropped: {said}" if said else "")
            + ". Choose another split or other shares, or filter the data less"
        )
    index = np.full(len(log) + 1, PAD, np.int32)  # the last place is PAD's own
    index[np.flatnonzero(training)] = np.arange(training.sum())
    when = log.times.max(initial=0) if now is None else now
    queries = Queries(
        history=log.where((roles & PAST) > 0)[asking],
        user=index[asking],
        now=np.broadcast_to(when, len(log))[asking].astype(np.int64),
        pool=pool,
    )
    if (
        inner is not None
        and inner.roles is not None
        and (roles[inner.roles > 0] & TRAIN == 0).any()
    ):
        raise Leak("the validation split holds events that are not in the training part")
    return Split(
        train=_part(data, roles, training, index, cut),
        queries=queries,
        truth=log.where((roles & TRUTH) > 0)[asking],
        users=data.users.values.gather(asking),
        name=protocol.name if protocol else name,
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
    events in training, or, where the split has a cut, anything known from that moment or later.
    """
    train, queries, truth, n = split.train, split.queries, split.truth, split.truth.n_items
    sizes = {len(queries), len(queries.history), len(truth), len(split.users)}
    widths = {n, queries.history.n_items, train.log.n_items, len(train.items)}
    if len(sizes) > 1 or len(widths) > 1:
        raise DataError(
            f"a split needs a row of queries, truth and users for each request, got {sorted(sizes)}"
            f" rows; and one numbering of the items, got {sorted(widths)} of them"
        )
    at = train.users.encode(split.users)  # (B,) PAD for the newcomers
    if ((queries.user != PAD) & (queries.user != at)).any():
        raise DataError("queries.user must be the number that the user has in train, or PAD")
    held = truth.rows * n + truth.items
    known = train.log[at]  # PAD takes the last row, which is not looked at
    mine = (at != PAD)[known.rows]
    for what, past in (("the history of its request", queries.history), ("training", known)):
        keys = past.rows * n + past.items
        leaked = np.isin(held, keys if past is queries.history else keys[mine])
        if leaked.any():
            first = np.flatnonzero(leaked)[:3]
            who = split.users.gather(truth.rows[first])
            items = train.items.decode(truth.items[first])
            pairs = zip(who, items, strict=True)
            some = ", ".join(f"user {user!r} item {item!r}" for user, item in pairs)
            raise Leak(f"{leaked.sum():,} held-out events are also in {what}: {some}")
    if split.cut is None:
        return
    for what, part in (("training", train.log), ("the histories", queries.history)):
        late = np.flatnonzero(part.times >= split.cut)
        if len(late):
            some = ", ".join(str(train.items.values[int(i)]) for i in part.items[late[:3]])
            raise Leak(
                f"{len(late):,} events in {what} are not before the cut at {split.cut}: items {some}"
            )


def save(split: Split, folder: str | Path) -> Path:
    """Write ``split`` to ``folder``: what each event is for, and the fingerprint of the data."""
    from safetensors.numpy import save_file

    if split.source is None:
        raise DataError(
            "this split was made by hand; make it with `assemble` so that it can be saved"
        )
    about = {"format": FORMAT, "fingerprint": fingerprint(split.source), "split": _about(split)}
    with atomic_path(folder) as temp:
        temp.mkdir()
        save_file(_arrays(split), temp / "split.safetensors")
        text = json.dumps(about, indent=2, ensure_ascii=False)
        (temp / "split.json").write_text(text + "\n", encoding="utf-8")
    return Path(folder)


def load(folder: str | Path, data: Dataset) -> Split:
    """The split in ``folder``; `DataError` unless ``data`` is what it was made of."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = Path(folder)
    recover(folder)
    if not (folder / "split.json").is_file():
        raise BadArtifact(f"{folder} is not a saved split: it has no split.json")
    try:
        about = json.loads((folder / "split.json").read_text(encoding="utf-8"))
        version, wanted = about["format"], about["fingerprint"]
        arrays = load_file(folder / "split.safetensors")
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BadArtifact(f"{folder} is damaged or foreign ({_said(error)})") from None
    if version != FORMAT:
        raise BadArtifact(f"{folder} has format {version!r}; this Headwater reads {FORMAT}")
    got = fingerprint(data)
    if got != wanted:
        raise DataError(
            f"the split in {folder} was made of other data ({wanted[:12]}; these are {got[:12]}): "
            "read those with the same filters, or split again"
        )
    try:
        return _rebuilt(about["split"], arrays, data)
    except (KeyError, TypeError, ValueError) as error:
        raise BadArtifact(f"{folder} is damaged or foreign ({_said(error)})") from None


def _about(split: Split) -> dict[str, Any]:
    return {
        "name": split.name,
        "protocol": None if split.protocol is None else describe(split.protocol),
        "cut": split.cut,
        "requests": len(split),
        "dropped": dict(split.dropped),
        "notes": list(split.notes),
        "validation": None if split.inner is None else _about(split.inner),
    }


def _arrays(split: Split, prefix: str = "") -> dict[str, NDArray[Any]]:
    if split.roles is None:
        raise DataError("the validation split was made by hand; make it with `assemble`")
    arrays: dict[str, NDArray[Any]] = {
        f"{prefix}roles": split.roles,
        f"{prefix}now": split.queries.now,
    }
    if split.queries.pool is not None:
        arrays[f"{prefix}pool"] = split.queries.pool
    return arrays | ({} if split.inner is None else _arrays(split.inner, f"{prefix}validation/"))


def _rebuilt(
    about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], data: Dataset, prefix: str = ""
) -> Split:
    inner = about["validation"]
    roles = arrays[f"{prefix}roles"]
    now = np.zeros(len(data.log), np.int64)
    now[_rows_with(data.log, roles, TRUTH)] = arrays[f"{prefix}now"]
    return assemble(
        data,
        roles,
        now=now,
        pool=arrays.get(f"{prefix}pool"),
        cut=about["cut"],
        protocol=None if about["protocol"] is None else protocol(about["protocol"]),
        name=about["name"],
        dropped=about["dropped"],
        notes=tuple(about["notes"]),
        inner=None if inner is None else _rebuilt(inner, arrays, data, f"{prefix}validation/"),
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _chosen(
    data: Dataset, by: str | Mapping[str, Any] | Protocol | None, seed: int | None
) -> Protocol:
    if by is None:
        return default_protocol(data, seed=seed or 0)
    if not isinstance(by, Protocol):
        return protocol(by, seed=seed)
    return replace(by, seed=seed) if seed is not None and by.seeded else by


def _rows_with(log: Histories, roles: Roles, role: int) -> Mask:  # (U,)
    return np.bincount(log.rows[(roles & role) > 0], minlength=len(log)) > 0


def _places(log: Histories, rng: np.random.Generator) -> NDArray[np.int64]:  # (events,)
    """The place of each event, from 0, in a random order of its row."""
    order = np.lexsort((rng.random(len(log.items)), log.rows))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(log.start[:-1], log.lengths)
    return place


def _ceil(share: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.ceil(share - 1e-9).astype(np.int64)  # 0.8 * 15 must not become 13


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
    """The roles where ``learn`` train and ``ask`` are fed the events ``fed``, and asked the rest."""
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
    np.minimum.at(
        first, log.rows[held], log.times[held]
    )  # they ask when they chose the first of it
    roles, dropped = _settle(data, roles, log.lengths > 0)
    return assemble(data, roles, protocol=by, now=first, dropped=dropped)


def _settle(data: Dataset, roles: Roles, wanted: Mask) -> tuple[Roles, dict[str, int]]:
    """Without held-out repeats of the history; and what that, and nothing held out, cost."""
    log = data.log
    held = np.flatnonzero(roles == TRUTH)
    known = np.flatnonzero((roles != 0) & (roles != TRUTH))
    key = log.rows * log.n_items + log.items
    repeats = held[np.isin(key[held], key[known])]
    roles = roles.copy()
    roles[repeats] = 0
    asks = _rows_with(log, roles, TRUTH)
    roles[(roles == PAST) & ~asks[log.rows]] = 0
    return roles, {
        "held-out events on items of the user's own history": len(repeats),
        "users with nothing held out": int((wanted & ~asks).sum()),
    }


def _part(data: Dataset, roles: Roles, training: Mask, index: Ints, cut: int | None) -> Dataset:
    """What of ``data`` may be learned from: the users in ``training`` (U,), numbered anew."""
    log = data.log.where((roles & TRAIN) > 0)
    shown = _impressions(data, roles, index, cut)
    if training.all():
        return replace(data, log=log, impressions=shown)
    users = Ids(data.users.values.gather(np.flatnonzero(training)))
    people = None if data.people is None else data.people.filter(pl.Series(training))
    return replace(data, users=users, log=log[training], people=people, impressions=shown)


def _impressions(data: Dataset, roles: Roles, index: Ints, cut: int | None) -> Impressions | None:
    """The impressions of training users before the cut, without any that shows what is held out."""
    shown = data.impressions
    if shown is None:
        return None
    q, n = shown.queries, data.log.n_items
    keep = (q.now < cut) if cut is not None else (q.user != PAD)
    keep &= (q.user == PAD) | (index[q.user] != PAD)
    held = (roles & TRUTH) > 0
    secret = data.log.rows[held] * n + data.log.items[held]
    who = q.user.astype(np.int64)
    keep &= ~np.isin(who[:, None] * n + shown.slate.items, secret).any(1)
    past = np.isin(who[q.history.rows] * n + q.history.items, secret)
    keep[q.history.rows[past]] = False
    some = np.flatnonzero(keep)

    def rows(column: Any) -> Any:
        return None if column is None else column[some]

    kept = q[some]
    slate = replace(
        shown.slate,
        **{
            name: rows(getattr(shown.slate, name))
            for name in ("items", "scores", "creative", "propensity", "path")
        },
    )
    return Impressions(
        replace(kept, user=index[kept.user]), slate, shown.clicks[some], rows(shown.dwell)
    )


def _seeded() -> list[str]:
    return [name for name, kind in PROTOCOLS.items() if kind.seeded]


def _share(protocol: Protocol, name: str, value: float) -> None:
    if not 0 < value < 1:
        raise BadParameter(
            f"{type(protocol).__name__}: {name} must be between 0 and 1, got {value!r}"
        )


def _typed(kind: type, name: str, hint: Any, value: Any) -> None:
    from pydantic import TypeAdapter, ValidationError

    wrong = isinstance(value, bool) and hint is not bool
    try:
        TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError:
        wrong = True
    if wrong:
        said = getattr(hint, "__name__", str(hint).replace("typing.", ""))
        raise BadParameter(f"{kind.__name__}: {name} must be {said}, got {value!r}")
