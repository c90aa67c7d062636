"""What people just did, from the store and from Redis: the same."""

from datetime import timedelta

import pytest
from redis_server import redis_server
from stored import LATER, NOW, event, shown
from typer.testing import CliRunner

from headwater.cli import app
from headwater.errors import StoreError
from headwater.serve.answers import Done
from headwater.serve.recents import InRedis, InStore
from loopback import free_port

SECOND = int(NOW.timestamp())


@pytest.fixture(scope="module")
def redis_at(tmp_path_factory):
    """The address of a Redis of its own, and what ends it."""
    port = free_port()
    server = redis_server(port, tmp_path_factory.mktemp("r"))
    yield f"redis://127.0.0.1:{port}/0", server
    server.kill()
    server.wait()


@pytest.fixture
def redis(redis_at, sqlite):
    made = InRedis(redis_at[0], sqlite)
    made._redis.flushall()
    return made


def test_the_store_has_what_they_chose_oldest_first(sqlite):
    searched = {name: value for name, value in event(5, kind="search").items() if name != "item_id"}
    some = [event(2), event(1, time=NOW - LATER), event(3, "bob"), shown(4, "r")]
    outcomes = sqlite.ingest([*some, {**searched, "query": "x"}])
    assert {each.status for each in outcomes} == {"accepted"}
    recents = InStore(sqlite)
    assert recents.of("ann") == (Done("i1", SECOND - 60), Done("i2", SECOND))
    assert recents.of("nobody") == ()


def test_many_impressions_do_not_hide_what_was_chosen(sqlite):
    sqlite.ingest([event(1, time=NOW - LATER)])
    sqlite.ingest([shown(n, f"r{n}") for n in range(2, 402)])
    assert InStore(sqlite).of("ann") == (Done("i1", SECOND - 60),)


def test_redis_has_what_the_store_had_and_what_came_since(redis, sqlite):
    sqlite.ingest([event(1, time=NOW - LATER)])
    assert redis.of("ann") == (Done("i1", SECOND - 60),)
    new = [event(2), event(3, "bob"), shown(4, "r")]
    sqlite.ingest(new)
    redis.changed({"ann", "bob"})
    assert (
        redis.of("ann")
        == InStore(sqlite).of("ann")
        == (
            Done("i1", SECOND - 60),
            Done("i2", SECOND),
        )
    )
    sqlite.ingest([event(9, time=NOW - 2 * LATER)])
    assert len(redis.of("ann")) == 2, "Redis was not told, and was not asked to look again"
    assert redis.of("bob") == (Done("i3", SECOND),)


def test_what_came_while_the_store_was_asked_is_not_lost(redis, sqlite, monkeypatch):
    late = event(2)
    ask = InStore.of

    def slow(self, user_id):
        found = ask(self, user_id)
        sqlite.ingest([late])
        redis.changed(["ann"])
        return found

    sqlite.ingest([event(1, time=NOW - LATER)])
    with monkeypatch.context() as patch:
        patch.setattr(InStore, "of", slow)
        redis.of("ann")
    assert [each.item_id for each in redis.of("ann")] == ["i1", "i2"]


def test_redis_has_no_ids_and_forgets(redis, sqlite):
    sqlite.ingest([event(1, "a-peculiar-person")])
    redis.of("a-peculiar-person")
    keys = redis._redis.keys("*")
    assert keys
    assert not any("peculiar" in key for key in keys)
    assert all(0 < redis._redis.ttl(key) <= 3_600 for key in keys)
    sqlite.erase("a-peculiar-person")
    redis.forget("a-peculiar-person")
    assert redis.of("a-peculiar-person") == ()


def test_the_shell_erases_from_redis_too(redis, redis_at, sqlite, tmp_path, monkeypatch):
    sqlite.ingest([event(1)])
    assert redis.of("ann")
    monkeypatch.setenv("HEADWATER_REDIS", redis_at[0])
    words = ["store", "erase", "--user", "ann", "--store", str(tmp_path / "events.db")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert redis.of("ann") == ()


def test_many_choices_are_cut_to_the_newest(redis, sqlite):
    many = [event(n, time=NOW + timedelta(seconds=n)) for n in range(250)]
    sqlite.ingest(many)
    for _ in "12":
        assert [each.item_id for each in redis.of("ann")] == [f"i{n}" for n in range(50, 250)]


def test_where_redis_is_away_the_store_is_asked(sqlite):
    pytest.importorskip("redis", reason="pip install 'headwater[redis]'")
    nobody = InRedis(f"redis://127.0.0.1:{free_port()}/0", sqlite)
    sqlite.ingest([event(1)])
    assert nobody.of("ann") == (Done("i1", SECOND),)
    nobody.changed(["ann"])
    with pytest.raises(StoreError, match="erase them again"):
        nobody.forget("ann")
