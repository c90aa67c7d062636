"""What people did last: read from the store at every request, or kept in Redis beside it.

The store alone is always right, for any number of servers. Redis spares it the question: it has
what the store had, until something of somebody comes in through any of the servers, or for an hour.
Where Redis fails, the store is asked, and Redis left alone for a moment. Once it is back, it drops
whom it was not told of meanwhile.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from threading import Lock
from time import monotonic
from typing import Any, Protocol

from ..errors import StoreError
from ..extras import needs
from .answers import Done
from .events import CHOSEN
from .store import Standing, Store

__all__ = ["InRedis", "InStore", "Recents"]

log = logging.getLogger("headwater")

MOST = 200  # of a person
SECONDS = 3_600
AWAY = 2.0  # seconds that Redis is left alone after it failed


class Recents(Protocol):
    def of(self, user_id: str) -> tuple[Done, ...]:
        """What they chose last, oldest first."""
        ...

    def person(self, user_id: str) -> tuple[Standing, tuple[Done, ...]]:
        """How the store stands to them, and what they chose last, if that may be known."""
        ...

    def changed(self, user_ids: Iterable[str]) -> None:
        """The store has just accepted events of theirs."""
        ...

    def forget(self, user_id: str) -> None: ...


class InStore:
    def __init__(self, store: Store):
        self._store = store

    def of(self, user_id: str) -> tuple[Done, ...]:
        rows = self._store.recent(user_id, MOST, kinds=CHOSEN)
        return tuple(Done(row["item_id"], row["time"] // 1_000_000) for row in rows)

    def person(self, user_id: str) -> tuple[Standing, tuple[Done, ...]]:
        standing, chosen = self._store.person(user_id, MOST)
        return standing, tuple(Done(item, time // 1_000_000) for item, time in chosen)

    def changed(self, user_ids: Iterable[str]) -> None:
        pass  # the store has them

    def forget(self, user_id: str) -> None:
        pass  # the store did


class InRedis:
    """A list of each person, under a key with a hash of their id."""

    def __init__(self, url: str, store: Store):
        with needs("what people just did, in Redis", "redis"):
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        self._failure: type[Exception] = redis.RedisError
        self._raced: type[Exception] = redis.WatchError
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_timeout=0.2,
            socket_connect_timeout=0.2,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),  # somebody waits for a page, and the store has it, too
        )
        self._behind = InStore(store)
        self._store = store
        self._untold: set[str] = set()  # keys of whom it has something that is out of date
        self._away = 0.0  # until when it is left alone
        self._lock = Lock()  # of these two

    def of(self, user_id: str) -> tuple[Done, ...]:
        if not self._told(()):
            return self._behind.of(user_id)
        key, turn = self._keys(user_id)
        try:
            kept, before = self._redis.lrange(key, 0, -1), self._redis.get(turn)
        except self._failure as error:
            self._failed(error)
            return self._behind.of(user_id)
        if kept:
            return tuple(Done(*json.loads(each)) for each in kept if each)
        found = self._behind.of(user_id)
        try:
            with self._redis.pipeline() as pipe:
                pipe.watch(turn)
                if pipe.get(turn) == before:  # else something came in since the store was asked
                    pipe.multi()
                    pipe.delete(key)
                    pipe.rpush(key, "", *(json.dumps([d.item_id, d.time]) for d in found))
                    pipe.expire(key, SECONDS)
                    pipe.execute()
        except self._raced:
            pass  # the same
        except self._failure as error:
            self._failed(error, {key})  # it may have been kept all the same
        return found

    def person(self, user_id: str) -> tuple[Standing, tuple[Done, ...]]:
        standing = self._store.standing(user_id)
        return standing, () if standing.consent == "none" else self.of(user_id)

    def changed(self, user_ids: Iterable[str]) -> None:
        self._told(self._keys(user_id)[0] for user_id in user_ids)

    def forget(self, user_id: str) -> None:
        """`StoreError` if it may still have something: an erasure has to be told."""
        try:
            self._drop({self._keys(user_id)[0]})
        except self._failure as error:
            raise StoreError(
                f"Redis could not be told to forget somebody ({error}): erase them again once it "
                "is back; within an hour it forgets by itself"
            ) from None

    def _told(self, keys: Iterable[str]) -> bool:
        """Whether it knows that ``keys``, and those that it was not told of, are out of date."""
        with self._lock:
            self._untold.update(keys)
            if monotonic() < self._away:
                return False
            late, self._untold = self._untold, set()
        if late:
            try:
                self._drop(late)
            except self._failure as error:
                self._failed(error, late)
                return False
        return True

    def _drop(self, keys: set[str]) -> None:
        with self._redis.pipeline() as pipe:
            for key in keys:
                pipe.incr(f"{key}:turn")
                pipe.expire(f"{key}:turn", SECONDS)
                pipe.delete(key)
            pipe.execute()

    def _failed(self, error: Exception, untold: Iterable[str] = ()) -> None:
        with self._lock:
            self._untold.update(untold)
            self._away = monotonic() + AWAY
        log.warning("Redis is asked in vain, the store instead: %s", error)

    def _keys(self, user_id: str) -> tuple[str, str]:
        """Of their list, and of how often it changed; without their id."""
        key = f"headwater:recent:{self._store.who(user_id)}"
        return key, f"{key}:turn"
