"""The nouns of the flow: what one stage hands to the next.

Everything here is immutable and speaks in dense indices, never in external ids.
Shape letters, the same in every file of the project:

    U users   N items   B requests   K slots of a slate   L length of a history   D size of a vector
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .errors import DataError, MissingColumn

__all__ = [
    "PAD",
    "Catalog",
    "Dataset",
    "Floats",
    "Guide",
    "Histories",
    "Ids",
    "Impressions",
    "Ints",
    "Mask",
    "Queries",
    "Sessions",
    "Slate",
    "Stills",
]

EVENTS = ("items", "times", "values", "kinds")  # the columns of `Histories`
SLOTS = ("items", "scores", "creative", "propensity", "creative_propensity", "path")  # of `Slate`
VISITS = ("user", "start", "seconds", "behaviours", "intents", "satisfaction", "shown", "weights")
PAD = -1  # an empty slot, or an id nobody has seen

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def _stacked(parts: Sequence[Any], names: Sequence[str]) -> dict[str, Any]:
    """The columns ``names`` of all ``parts``, one below the other, or None."""
    columns = {name: [getattr(part, name) for part in parts] for name in names}
    for name, each in columns.items():
        if len({column is None for column in each}) > 1:
            raise DataError(f"of what is put below each other some has {name}, and some has none")
    return {n: None if each[0] is None else np.concatenate(each) for n, each in columns.items()}


def _taken(whole: Any, names: Sequence[str], at: Any) -> dict[str, Any]:
    """Of the columns ``names`` the rows ``at``; None where there is none."""
    columns = {name: getattr(whole, name) for name in names}
    return {name: None if each is None else each[at] for name, each in columns.items()}


@dataclass(frozen=True, eq=False)
class Ids:
    """External ids and their dense indices: index i stands for ``values[i]``, for good."""

    values: pl.Series  # unique, in the order they were numbered

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def _table(self) -> pl.DataFrame:
        return pl.DataFrame({"id": self.values, "at": np.arange(len(self), dtype=np.int32)})

    def encode(self, ids: Sequence[Any] | pl.Series) -> NDArray[np.int32]:
        """Indices of ``ids``, (n,) int32; PAD for those nobody has seen.

        Ids that cannot be turned into this table's type are unknown, not an error: ``"7"`` finds
        the integer 7, and ``"x"`` finds nothing.

        >>> Ids(pl.Series(["b", "a"])).encode(["a", "z", "b"])
        array([ 1, -1,  0], dtype=int32)
        """
        series = ids if isinstance(ids, pl.Series) else pl.Series(list(ids), strict=False)
        if series.dtype != self.values.dtype:
            series = series.cast(self.values.dtype, strict=False)
        asked = pl.DataFrame({"id": series})
        found = asked.join(self._table, on="id", how="left", maintain_order="left")
        return found["at"].fill_null(PAD).to_numpy()

    def decode(self, at: Ints) -> pl.Series:
        """The ids that the indices ``at`` (n,) stand for; null where PAD."""
        index = pl.Series(np.where(at == PAD, len(self), at))
        return self.values.extend_constant(None, 1).gather(index)

    def extend(self, ids: Sequence[Any] | pl.Series) -> Ids:
        """With the unknown ones of ``ids`` added at the end; no index changes its meaning."""
        ids = pl.Series(ids, dtype=self.values.dtype)
        new = ids.filter(self.encode(ids) == PAD).unique(maintain_order=True)
        return Ids(pl.concat([self.values, new]))


@dataclass(frozen=True, eq=False)
class Histories:
    """Rows of events: row r is ``items[start[r]:start[r + 1]]``, oldest first.

    Training data (a row a user), the past of a batch of requests (a row a request) and what was
    held out (a row a request) are all this one type.
    """

    start: NDArray[np.int64]  # (B + 1,)
    items: NDArray[np.int32]  # (events,)
    times: NDArray[np.int64]  # (events,) unix seconds; all 0 where nobody knows
    values: NDArray[np.float32]  # (events,) 1 where feedback is implicit
    n_items: int
    kinds: NDArray[np.int8] | None = None  # (events,) what was done, an index into Dataset.kinds

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def of(
        cls,
        rows: Ints,
        items: Ints,
        *,
        n_rows: int,
        n_items: int,
        times: Ints | None = None,
        values: Floats | None = None,
        kinds: Ints | None = None,
    ) -> Histories:
        """From one (row, item) pair an event, in any order; sorted by row, then time, then given.

        >>> Histories.of(np.array([1, 0, 1]), np.array([5, 2, 3]), n_rows=2, n_items=6).items
        array([2, 5, 3], dtype=int32)
        """
        order = np.argsort(rows, kind="stable") if times is None else np.lexsort((times, rows))
        start = np.zeros(n_rows + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=n_rows), out=start[1:])
        n = len(rows)
        return cls(
            start=start,
            items=np.asarray(items)[order].astype(np.int32),
            times=np.zeros(n, np.int64) if times is None else times[order].astype(np.int64),
            values=np.ones(n, np.float32) if values is None else values[order].astype(np.float32),
            n_items=n_items,
            kinds=None if kinds is None else kinds[order].astype(np.int8),
        )

    @staticmethod
    def stack(parts: Sequence[Histories]) -> Histories:
        """The rows of all ``parts``, one below the other."""
        start = np.concatenate([[0], np.cumsum(np.concatenate([part.lengths for part in parts]))])
        return replace(parts[0], start=start, **_stacked(parts, EVENTS))

    @classmethod
    def empty(cls, n_rows: int, n_items: int) -> Histories:
        none = np.zeros(0, np.int64)
        return cls.of(none, none, n_rows=n_rows, n_items=n_items)

    @property
    def lengths(self) -> NDArray[np.int64]:  # (B,)
        return np.diff(self.start)

    @property
    def rows(self) -> NDArray[np.int64]:  # (events,) the row of every event
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def recency(self) -> NDArray[np.int64]:  # (events,) 1 is the newest of its row
        return np.repeat(self.start[1:], self.lengths) - np.arange(len(self.items))

    @property
    def timed(self) -> bool:
        """Whether anybody knows when things happened."""
        return bool(self.times.any())

    def __getitem__(self, rows: Any) -> Histories:
        rows = np.arange(len(self))[rows]
        lengths = self.lengths[rows]
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        at = np.arange(start[-1]) + np.repeat(self.start[rows] - start[:-1], lengths)
        return self._at(at, start)

    def before(self, rows: Ints, now: Ints) -> Histories:
        """What ``rows`` (B,) had done before the times ``now`` (B,); nothing where the row is PAD.

        >>> h = Histories.of(np.array([0, 0]), np.array([3, 4]), n_rows=1, n_items=5,
        ...                  times=np.array([10, 20]))
        >>> h.before(np.array([0, 0, PAD]), np.array([20, 21, 99])).lengths
        array([1, 2, 0])
        """
        low = int(min(self.times.min(initial=0), now.min(initial=0)))
        span = int(max(self.times.max(initial=0), now.max(initial=0))) - low + 1
        known = np.where(rows == PAD, len(self), rows).astype(np.int64)
        first = np.append(self.start, self.start[-1])[known]
        key = known * span + np.asarray(now, np.int64) - low  # events are in this order already
        ends = np.searchsorted(self.rows * span + self.times - low, key, side="left")
        lengths = np.where(rows == PAD, 0, ends - first)
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return self._at(np.arange(start[-1]) + np.repeat(first - start[:-1], lengths), start)

    def where(self, keep: Mask) -> Histories:
        """The events that ``keep`` (events,) names; every row stays, some are shorter.

        >>> h = Histories.of(np.array([0, 0, 1]), np.array([3, 4, 5]), n_rows=2, n_items=6)
        >>> h.where(h.items != 4).lengths
        array([1, 1])
        """
        kept = np.concatenate([[0], np.cumsum(keep)])
        return self._at(np.flatnonzero(keep), kept[self.start].astype(np.int64))

    def _at(self, at: Ints, start: NDArray[np.int64]) -> Histories:
        return replace(self, start=start, **_taken(self, EVENTS, at))

    def has(self, rows: Ints, items: Ints) -> Mask:
        """Whether each of the rows, of any shape, has the item beside it; never what is PAD.

        >>> h = Histories.of(np.array([0, 1]), np.array([3, 4]), n_rows=2, n_items=6)
        >>> h.has(np.array([0, 0, 1]), np.array([3, 4, PAD]))
        array([ True, False, False])
        """
        known = np.sort(self.rows * self.n_items + self.items)  # far faster than np.isin
        asked = np.asarray(rows, np.int64) * self.n_items + items
        found = np.append(known, PAD)[np.searchsorted(known, asked)] == asked
        return np.asarray(found & (rows != PAD) & (items != PAD))

    def without(self, rows: Ints, items: Ints) -> Histories:
        """Without these items in these rows, (n,) each; every row stays.

        >>> h = Histories.of(np.array([0, 0, 1]), np.array([3, 4, 3]), n_rows=2, n_items=6)
        >>> h.without(np.array([0, PAD]), np.array([3, 4])).items
        array([4, 3], dtype=int32)
        """
        some = (rows != PAD) & (items != PAD)
        gone = Histories.of(rows[some], items[some], n_rows=len(self), n_items=self.n_items)
        return self.where(~gone.has(self.rows, self.items))

    def matrix(self, *, binary: bool = True) -> csr_array:  # (B, N) float32
        """The rows as a sparse matrix; repeats are summed, or counted once if ``binary``.

        >>> h = Histories.of(np.array([0, 0, 1]), np.array([1, 1, 0]), n_rows=2, n_items=2)
        >>> h.matrix().toarray()
        array([[0., 1.],
               [1., 0.]], dtype=float32)
        """
        x = csr_array(
            (self.values.astype(np.float32), self.items.copy(), self.start.copy()),
            shape=(len(self), self.n_items),
        )
        x.sum_duplicates()
        if binary:
            x.data[:] = 1
        return x

    def padded(self, length: int) -> NDArray[np.int32]:  # (B, length)
        """The latest ``length`` items of every row, newest last, PAD in front."""
        out = np.full((len(self), length), PAD, np.int32)
        keep = self.recency <= length
        out[self.rows[keep], length - self.recency[keep]] = self.items[keep]
        return out


@dataclass(frozen=True, eq=False)
class Stills:
    """The pictures that items can be shown with, S in all.

    Those of item i are start[i] to start[i + 1], its default first. A slate's ``creative`` is the
    number of a picture within its item.
    """

    start: NDArray[np.int64]  # (N + 1,)
    scores: NDArray[np.float32]  # (S, C) from 0 to 1: how much of each kind it shows
    kinds: tuple[Any, ...]  # C, of the column ``by``
    names: pl.Series  # (S,) what they are called outside
    spoils: Mask  # (S,) whether it gives something away, and must never be shown
    by: str = "genres"  # the catalogue's column of kinds

    def __len__(self) -> int:
        return len(self.names)

    def number(self, items: Ints, creative: Ints) -> Ints:
        """Which picture it is, out of S, of any shape; PAD where there is none.

        >>> start, none = np.array([0, 2, 3]), np.zeros((3, 0), np.float32)
        >>> made = Stills(start, none, (), pl.Series(["a", "b", "c"]), np.zeros(3, bool))
        >>> made.number(np.array([0, 1, PAD]), np.array([1, 0, PAD]))
        array([ 1,  2, -1])
        """
        return numbered(self.start, items, creative)


def numbered(start: NDArray[np.int64], items: Ints, creative: Ints) -> Ints:
    """`Stills.number`, from the ``start`` (N + 1,) of each item's pictures; `DataError` for a
    ``creative`` that its item does not have."""
    none = (items == PAD) | (creative == PAD)
    item = np.where(none, 0, items)
    have = np.diff(start, append=start[-1:])[item]
    off = ~none & ((creative < 0) | (creative >= have))
    if off.any():
        at = np.unravel_index(int(off.argmax()), off.shape)
        raise DataError(
            f"item number {item[at]} was shown with creative {creative[at]}, and has {have[at]} "
            "pictures, numbered from 0: are these the pictures that were shown?"
        )
    return np.where(none, PAD, start[item] + creative)


@dataclass(frozen=True, eq=False)
class Catalog:
    """What is known of the items: row i of everything describes item i."""

    table: pl.DataFrame  # (N, columns)
    vectors: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)  # name -> (N, D)
    stills: Stills | None = None

    def column(self, name: str) -> pl.Series:  # (N,)
        if name not in self.table.columns:
            raise MissingColumn(name, "the catalogue", self.table.columns)
        return self.table[name]

    def codes(self, column: str) -> NDArray[np.int32]:  # (N,)
        """A column of categories as small integers, in the order they appear; PAD where missing."""
        kinds = self.column(column)
        known = kinds.drop_nulls().unique(maintain_order=True)
        return Ids(known).encode(kinds) if len(known) else np.full(len(kinds), PAD, np.int32)

    def multi_hot(self, column: str, *, repeats: bool = False) -> csr_array:  # (N, kinds) float32
        """A column of categories, or of lists of them, as one 0/1 column for each kind; with
        ``repeats`` how often each is in the list.

        >>> Catalog(pl.DataFrame({"genres": [["a", "b"], ["b"], []]})).multi_hot("genres").toarray()
        array([[1., 1.],
               [0., 1.],
               [0., 0.]], dtype=float32)
        """
        kinds, flat = self._flat(column)
        lengths = kinds.list.len().fill_null(0).to_numpy()
        rows = np.repeat(np.arange(len(kinds)), lengths)
        known = flat.drop_nulls().unique(maintain_order=True)
        at = Ids(known).encode(flat) if len(known) else np.zeros(0, np.int32)
        rows, at = rows[at != PAD], at[at != PAD]
        x = csr_array((np.ones(len(at), np.float32), (rows, at)), shape=(len(kinds), len(known)))
        x.sum_duplicates()
        if not repeats:
            x.data[:] = 1
        return x

    def kinds(self, column: str) -> tuple[Any, ...]:
        """What the columns of `multi_hot` stand for.

        >>> Catalog(pl.DataFrame({"genres": [["a", "b"], ["b"], []]})).kinds("genres")
        ('a', 'b')
        """
        _, flat = self._flat(column)
        return tuple(flat.drop_nulls().unique(maintain_order=True))

    def _flat(self, column: str) -> tuple[pl.Series, pl.Series]:
        """A column of lists, and all that is in them."""
        kinds = self.column(column)
        if kinds.dtype != pl.List:
            kinds = kinds.to_frame().select(pl.concat_list(column))[column]
        return kinds, kinds.filter(kinds.list.len() > 0).explode()


@dataclass(frozen=True)
class Guide:
    """What lists should lean to: kinds in a column of the catalogue, and how strongly."""

    column: str
    kinds: tuple[Any, ...]  # at least one
    strength: float = 1.0  # 0 is not at all


@dataclass(frozen=True, eq=False)
class Queries:
    """A batch of requests: who asks, when, and what they did before."""

    history: Histories  # B rows
    user: NDArray[np.int32]  # (B,) PAD for somebody new
    now: NDArray[np.int64]  # (B,) unix seconds; 0 where nobody knows
    pool: Mask | None = None  # (N,) what may be recommended now; None is everything
    guide: Guide | None = None  # for all of them; only some methods can follow one
    declined: Histories | None = None  # B rows: what each is known not to have chosen
    intents: NDArray[np.float32] | None = None  # (B, J) how likely they came for each; NaN unknown

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: Any) -> Queries:
        return replace(
            self,
            history=self.history[rows],
            user=self.user[rows],
            now=self.now[rows],
            declined=None if self.declined is None else self.declined[rows],
            intents=None if self.intents is None else self.intents[rows],
        )

    def chunks(self, size: int) -> Iterator[Queries]:
        for at in range(0, len(self), size):
            yield self[at : at + size]


@dataclass(frozen=True, eq=False)
class Slate:
    """A batch of ranked lists, best first. What is not filled is PAD, and comes last.

    ``scores`` are the last opinion on each item alone; a re-ranker changes the order, not them.
    """

    items: NDArray[np.int32]  # (B, K)
    scores: NDArray[np.float32]  # (B, K) -inf where PAD
    creative: NDArray[np.int32] | None = None  # (B, K) which of the item's pictures to show
    propensity: NDArray[np.float32] | None = None  # (B, K) probability that it was shown here
    creative_propensity: NDArray[np.float32] | None = None  # (B, K) that it was with that picture
    path: NDArray[np.int8] | None = None  # (B, K) which of ``paths`` produced it
    paths: tuple[str, ...] = ()  # what the numbers in ``path`` mean: addresses of methods

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, rows: Any) -> Slate:
        """The slates of some requests."""
        return replace(self, **_taken(self, SLOTS, rows))

    @cached_property
    def filled(self) -> Mask:  # (B, K)
        return np.asarray(self.items != PAD)

    def top(self, k: int) -> Slate:
        """The first k slots."""
        order = np.arange(self.items.shape[1])[:k]
        return self.take(np.broadcast_to(order, (len(self.items), len(order))))

    def take(self, order: Ints) -> Slate:
        """The slots named in ``order``, (B, k) int, PAD for none, in every column alike."""

        def pick(column: Any, empty: float) -> Any:
            if column is None:
                return None
            found = np.take_along_axis(column, order, 1)
            return np.where(order == PAD, empty, found).astype(column.dtype)

        return replace(
            self,
            items=pick(self.items, PAD),
            scores=pick(self.scores, -np.inf),
            creative=pick(self.creative, PAD),
            propensity=pick(self.propensity, 0),
            creative_propensity=pick(self.creative_propensity, 0),
            path=pick(self.path, PAD),
        )

    @staticmethod
    def stack(parts: Sequence[Slate]) -> Slate:
        """One slate of the requests of all ``parts``, whose columns and paths are alike."""

        return replace(parts[0], **_stacked(parts, SLOTS))


@dataclass(frozen=True, eq=False)
class Impressions:
    """What was put before people, and what they did: rankers and policies learn from it.

    The slots of a request are in the order in which they were shown.
    """

    queries: Queries  # B
    slate: Slate  # (B, K)
    clicks: NDArray[np.float32]  # (B, K) 0 or 1; between, how much a click was worth
    dwell: NDArray[np.float32] | None = None  # (B, K) seconds; 0 where nobody stayed
    ids: pl.Series | None = None  # (B,) what the requests are called outside

    def __len__(self) -> int:
        return len(self.queries)

    def __getitem__(self, rows: Any) -> Impressions:
        rows = np.arange(len(self))[rows]
        return Impressions(
            queries=self.queries[rows],
            slate=self.slate[rows],
            **_taken(self, ("clicks", "dwell"), rows),
            ids=None if self.ids is None else self.ids.gather(rows),
        )

    @staticmethod
    def stack(parts: Sequence[Impressions]) -> Impressions:
        """The requests of all ``parts``, whose slates are of one width and have the same columns.

        The result has no ids. `DataError` for what speaks of all requests of a part: pool, guide.
        """
        asked = [part.queries for part in parts]
        if any(q.pool is not None or q.guide or q.declined is not None for q in asked):
            raise DataError("requests with a pool, a guide or what was declined cannot be stacked")
        queries = replace(
            asked[0],
            history=Histories.stack([each.history for each in asked]),
            **_stacked(asked, ("user", "now", "intents")),
        )
        slate = Slate.stack([part.slate for part in parts])
        return Impressions(queries=queries, slate=slate, **_stacked(parts, ("clicks", "dwell")))

    @property
    def chosen(self) -> Histories:
        """B rows: what was clicked, each worth its dwell where that is known."""
        row, slot = np.nonzero(self.clicks)
        return Histories.of(
            row,
            self.slate.items[row, slot],
            n_rows=len(self),
            n_items=self.queries.history.n_items,
            values=None if self.dwell is None else self.dwell[row, slot],
        )


@dataclass(frozen=True, eq=False)
class Sessions:
    """Visits: what was done in them, and of some why they were made and how they were liked.

    S sessions with F behaviours and J intents. A behaviour in ``censored`` is the time until
    something first happened, in seconds: NaN where it never did, which is not the same as at once;
    all that is known then is that it took longer than the session. The others are never NaN.
    """

    ids: pl.Series  # (S,) what they are called outside
    user: NDArray[np.int32]  # (S,) whose they were; PAD where nobody knows
    start: NDArray[np.int64]  # (S,) unix seconds
    seconds: NDArray[np.float32]  # (S,) from the first event to the last
    behaviours: NDArray[np.float32]  # (S, F)
    names: tuple[str, ...]  # F
    censored: tuple[str, ...]  # those of ``names`` that are times until something
    intents: Mask  # (S, J) why they had come; all False where nobody said
    intent_names: tuple[str, ...]  # J
    satisfaction: NDArray[np.int8]  # (S,) 1 to 5, 0 where nobody said
    shown: Mask  # (S,) whether they were asked
    weights: NDArray[np.float32]  # (S,) what an answer counts, one over the chance to have it

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: Any) -> Sessions:
        rows = np.arange(len(self))[rows]
        return replace(self, ids=self.ids.gather(rows), **_taken(self, VISITS, rows))

    @property
    def answered(self) -> Mask:  # (S,)
        return self.satisfaction > 0

    def at(self, user: Ints, when: Ints, *, late: float) -> Ints:  # (B,)
        """The row of the session in which each ``user`` (B,) was at the time ``when`` (B,), PAD for
        none: the latest of theirs that had begun and was over for at most ``late`` seconds."""
        order = np.lexsort((self.start, self.user))
        order = order[self.user[order] != PAD]
        low = int(min(self.start.min(initial=0), when.min(initial=0)))
        span = int(max(self.start.max(initial=0), when.max(initial=0))) - low + 1
        known = self.user[order].astype(np.int64) * span + self.start[order] - low
        asked = np.asarray(user, np.int64) * span + when - low
        found = np.append(PAD, order)[np.searchsorted(known, asked, side="right")]
        row = np.maximum(found, 0)
        if not len(self):
            return np.full(len(asked), PAD)
        same = (self.user[row] == user) & (np.asarray(user) != PAD)
        within = when <= self.start[row] + self.seconds[row].astype(np.float64) + late
        return np.where((found != PAD) & same & within, found, PAD)

    def column(self, name: str) -> NDArray[np.float32]:  # (S,)
        if name not in self.names:
            raise MissingColumn(name, "the behaviours of the sessions", self.names)
        return self.behaviours[:, self.names.index(name)]


@dataclass(frozen=True, eq=False)
class Dataset:
    """All that may be learned from. Its ids are numbered in an order unrelated to popularity."""

    users: Ids
    items: Ids
    log: Histories  # U rows
    catalog: Catalog  # N rows
    people: pl.DataFrame | None = None  # (U, columns) what is known of the users
    kinds: tuple[str, ...] = ()  # what the numbers in log.kinds mean: "view", "purchase"
    impressions: Impressions | None = None
    sessions: Sessions | None = None
    notes: tuple[str, ...] = ()  # what was guessed and what was left out when it was read

    def __repr__(self) -> str:
        return (
            f"Dataset({len(self.users):,} users, {len(self.items):,} items, "
            f"{len(self.log.items):,} events)"
        )

    @classmethod
    def of_sessions(cls, sessions: Sessions, users: Ids) -> Dataset:
        """Of sessions alone, of ``users``; without items."""
        return cls(
            users=users,
            items=Ids(pl.Series([], dtype=pl.Int64)),
            log=Histories.empty(len(users), 0),
            catalog=Catalog(pl.DataFrame()),
            sessions=sessions,
        )

    def queries(self, users: Any = None, *, now: int | None = None) -> Queries:
        """The users with the numbers ``users`` (all of them if None) ask, after all that they did.

        ``now`` is a unix time; the time of the last event of the data if None.
        """
        at = np.arange(len(self.users))
        at = at if users is None else at[np.asarray(users, None if len(users) else np.int64)]
        last = int(self.log.times.max(initial=0)) if now is None else now
        return Queries(self.log[at], at.astype(np.int32), np.full(len(at), last, np.int64))

    def newcomers(self, history: Histories, *, now: int | None = None) -> Queries:
        """People whom nobody has seen ask, each with a row of ``history`` behind them."""
        last = int(self.log.times.max(initial=0)) if now is None else now
        b = len(history)
        return Queries(history, np.full(b, PAD, np.int32), np.full(b, last, np.int64))
