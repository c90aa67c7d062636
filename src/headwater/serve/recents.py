"""What people did last: read from the store at every request, or kept in Redis beside it.

The store alone is always right, for any number of servers. Redis spares it the question: it has
what the store had, until something of somebody comes in through any of the servers, or for an hour.
Where Redis fails, the store is asked.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from ..errors import StoreError
from ..extras import needs
from .answers import Done
from .store import Store

__all__ = ["CHOSEN", "InRedis", "InStore", "Recents"]

log = logging.getLogger("headwater")

CHOSEN = ("click", "play", "bookmark")
MOST = 200  # of a person
SECONDS = 3_600


class Recents(Protocol):
    def of(self, user_id: str) -> tuple[Done, ...]:
        """What they chose last, oldest first."""
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

    def changed(self, user_ids: Iterable[str]) -> None:
        pass  # the store has them

    def forget(self, user_id: str) -> None:
        pass  # the store did


class InRedis:
    """A list of each person, under a key with a hash of their id."""

    def __init__(self, url: str, store: Store):
        with needs("what people just did, in Redis", "redis"):
            import redis
        self._failure: type[Exception] = redis.RedisError
        self._redis: Any = redis.Redis.from_url(
            url, socket_timeout=0.2, socket_connect_timeout=0.2, decode_responses=True
        )
        self._behind = InStore(store)
        self._store = store

    def of(self, user_id: str) -> tuple[Done, ...]:
        key, turn = self._keys(user_id)
        try:
            kept, before = self._redis.lrange(key, 0, -1), self._redis.get(turn)
            if kept:
                return tuple(Done(*json.loads(each)) for each in kept if each)
        except self._failure as error:
            log.warning("Redis is asked in vain: %s", error)
            return self._behind.of(user_id)
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
        except self._failure as error:  # that it changed meanwhile is one, too
            log.info("Redis did not keep it: %s", error)
        return found

    def changed(self, user_ids: Iterable[str]) -> None:
        try:
            self._drop(user_ids)
        except self._failure as error:
            log.warning("Redis was not told, and is behind for an hour at most: %s", error)

    def forget(self, user_id: str) -> None:
        """`StoreError` if it may still have something: an erasure has to be told."""
        try:
            self._drop([user_id])
        except self._failure as error:
            raise StoreError(
                f"Redis could not be told to forget somebody ({error}): erase them again once it "
                "is back; within an hour it forgets by itself"
            ) from None

    def _drop(self, user_ids: Iterable[str]) -> None:
        with self._redis.pipeline() as pipe:
            for user_id in user_ids:
                key, turn = self._keys(user_id)
                pipe.incr(turn)
                pipe.expire(turn, SECONDS)
                pipe.delete(key)
            pipe.execute()

    def _keys(self, user_id: str) -> tuple[str, str]:
        """Of their list, and of how often it changed; without their id."""
        key = f"headwater:recent:{self._store.who(user_id)}"
        return key, f"{key}:turn"
