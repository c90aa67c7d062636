import json
import random
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown, statuses

from headwater.errors import BadParameter, DataError, UnknownName
from headwater.serve.store import Outcome, Standing, Store


def test_without_consent_nothing_is_kept(store):
    unknown = event(1)
    del unknown["consent"]
    answers = store.ingest([unknown, event(2, consent="none")])
    assert answers == [
        Outcome("not kept", "e1", "no consent"),
        Outcome("not kept", "e2", "no consent"),
    ]
    assert set(store.count().values()) == {0}


@pytest.mark.parametrize("said", ["none", "essential", "full", None])
@pytest.mark.parametrize("known", ["none", "essential", "full", None])
def test_the_lower_consent_counts(sqlite, said, known):
    if known:
        sqlite.consent("ann", "full")
        sqlite.consent("ann", known)
    sqlite.ingest([{**event(1), "consent": said}])
    kept = [row for frame in sqlite.frames(["consent"]) for row in frame["consent"]]
    levels = [each for each in (said, known) if each] or ["none"]
    lowest = min(levels, key=["none", "essential", "full"].index)
    assert kept == ([] if lowest == "none" else [lowest])


def test_nothing_is_learned_without_full_consent(store):
    store.ingest([event(1, "ann"), event(2, "bob", consent="essential"), event(3, "eve")])
    assert sorted(store.dataset().users.values) == ["ann", "eve"]
    store.consent("eve", "essential")  # taken back
    assert sorted(store.dataset().users.values) == ["ann"]
    store.consent("ann", "none")
    with pytest.raises(DataError, match="nothing to learn from"):
        store.dataset()
    assert store.consent_of("eve") == "essential"
    assert store.consent_of("zoe") == "none"


def test_erasure_removes_all_of_one_person(store, clock):
    store.consent("ann", "full")
    store.put_users({"ann": {"country": "NL"}})
    store.ingest([event(1), event(2), event(3, "bob")])
    receipt = store.erase("ann")
    assert receipt.counts == {"events": 2, "consents": 1, "users": 1, "answers": 0, "exposures": 0}
    assert receipt.time == NOW
    assert "ann" not in json.dumps([receipt.receipt_id, receipt.who, dict(receipt.counts)])
    assert store.receipt(receipt.receipt_id) == receipt
    nothing = {name: [] for name in ("events", "consents", "users", "answers", "exposures")}
    assert store.export_user("ann") == {"user_id": "ann"} | nothing
    assert [row["event_id"] for f in store.frames() for row in f.iter_rows(named=True)] == ["e3"]

    clock.time += LATER
    again = store.ingest([event(1), event(4, time=clock.time), event(5, "bob")])
    assert statuses(again) == ["refused", "refused", "accepted"]
    assert again[0].reason == "of a user who was erased"
    with pytest.raises(DataError, match="no consent"):
        store.put_users({"bob": {}, "ann": {}})
    store.consent("ann", "full")
    assert statuses(store.ingest([event(1), event(4, time=clock.time)])) == ["refused", "accepted"]


def test_erasure_of_nobody_says_so(store):
    assert set(store.erase("zoe").counts.values()) == {0}
    with pytest.raises(UnknownName, match="no receipt 'x'"):
        store.receipt("x")


def test_a_clock_set_back_brings_nobody_back(store, clock):
    store.erase("ann")
    clock.time -= timedelta(days=1)
    assert statuses(store.ingest([event(1, time=clock.time)])) == ["refused"]
    store.consent("ann", "full")
    assert statuses(store.ingest([event(1, time=clock.time)])) == ["refused"]
    clock.time = NOW + LATER
    assert statuses(store.ingest([event(2, time=clock.time)])) == ["accepted"]


def test_nothing_of_an_erased_person_is_in_the_files(sqlite, tmp_path):
    """Not in unused pages, nor in the log; other people's events lie between theirs."""
    rng = random.Random(11)  # by which erasing alone left copies of five of them
    people = [f"person-{n:03d}-x" for n in range(100)]
    for batch in range(40):
        lengths = [rng.randrange(1, 60) for _ in range(100)]
        sqlite.ingest(
            [
                event(100 * batch + n, rng.choice(people), session_id="s" * length)
                for n, length in enumerate(lengths)
            ]
        )
    gone = people[::4]
    files = [tmp_path / name for name in ("events.db", "events.db-wal")]
    before = b"".join(each.read_bytes() for each in files)
    assert all(name.encode() in before for name in people)
    for name in gone:
        assert sqlite.erase(name).counts["events"] > 0
    sqlite.compact()
    after = b"".join(each.read_bytes() for each in files)
    assert [name for name in people if name.encode() in after] == [
        name for name in people if name not in gone
    ]


def test_compacting_keeps_the_rest(store):
    store.ingest([event(n, user=f"u{n % 3}") for n in range(300)])
    kept = pl.concat(store.frames()).filter(pl.col("user_id") != "u1")
    store.erase("u1")
    store.compact()
    assert pl.concat(store.frames()).equals(kept)
    assert statuses(store.ingest([event(0, user="u0"), event(301)])) == ["duplicate", "accepted"]


def test_forgetting(store):
    store.ingest([event(n, time=NOW - n * timedelta(days=1)) for n in range(6)])
    assert store.forget_before(NOW - timedelta(days=3)) == 2
    assert store.forget_before(NOW - timedelta(days=9)) == 0
    answers = store.ingest([event(5, time=NOW - timedelta(days=5)), event(7)])
    assert statuses(answers) == ["refused", "accepted"]
    assert answers[0].reason == "older than what this store keeps"
    with pytest.raises(BadParameter, match="time zone"):
        store.forget_before(datetime(2026, 1, 1))


def test_export_of_one_person(store):
    store.consent("ann", "full")
    store.put_users({"ann": {"country": "NL", "years": 40}})
    store.ingest([event(1), event(2, kind="survey", satisfaction=2, intents=["x"]), event(3, "b")])
    told = json.loads(json.dumps(store.export_user("ann")))
    assert [each["event_id"] for each in told["events"]] == ["e1", "e2"]
    assert told["events"][0] == {
        "event_id": "e1",
        "kind": "click",
        "item_id": "i1",
        "time": NOW.isoformat(),
        "received": NOW.isoformat(),
        "consent": "full",
    }
    assert told["events"][1]["intents"] == ["x"]
    assert told["users"] == [{"about": {"country": "NL", "years": 40}, "time": NOW.isoformat()}]
    assert told["consents"] == [{"level": "full", "time": NOW.isoformat()}]


def test_standing(store, clock):
    assert store.standing("ann") == Standing("none")
    store.consent("ann", "essential")
    assert store.standing("ann") == Standing("essential", None, "essential")
    store.erase("ann")
    gone = int(NOW.timestamp()) * 10**6
    assert store.standing("ann") == Standing("none", gone)
    clock.time += LATER
    store.consent("ann", "full")
    assert store.standing("ann") == Standing("full", gone, "full")


def test_the_default_is_for_those_nobody_asked(url, clock):
    with Store(url, clock=clock, default="essential") as store:
        store.upgrade()
        assert store.consent_of("ann") == "essential"
        store.erase("ann")
        assert store.consent_of("ann") == "none"


@pytest.mark.parametrize("default", ["none", "essential", "full"])
@pytest.mark.parametrize("said", ["none", "essential", "full", None])
@pytest.mark.parametrize("known", ["none", "essential", "full", None])
def test_consent_that_is_not_believed(tmp_path, clock, default, said, known):
    """What is recorded counts, or the default; an event can only lower it."""
    with Store(tmp_path / "a.db", clock=clock, default=default, trust_consent=False) as store:
        store.upgrade()
        if known:
            store.consent("ann", known)
        store.ingest([{**event(1), "consent": said}])
        kept = [row for frame in store.frames(["consent"]) for row in frame["consent"]]
    levels = ["none", "essential", "full"]
    lowest = min([known or default, *([said] if said else [])], key=levels.index)
    assert kept == ([] if lowest == "none" else [lowest])


def test_consents_count_by_their_time(store, clock):
    """Also where the clock was set back between them: what was said last counts."""
    store.consent("ann", "full")
    clock.time -= LATER
    store.consent("ann", "essential")
    assert store.consent_of("ann") == "essential"
    store.ingest([event(1, time=clock.time)])
    with pytest.raises(DataError, match="nothing to learn from"):
        store.dataset()


def test_who_of_many_was_erased(store, clock):
    people = [f"u{n}" for n in range(1200)]
    gone = people[::100]
    for name in gone:
        store.erase(name)
    clock.time += LATER
    store.consent("u0", "essential")  # is back
    assert store.erased_among(iter(people)) == set(gone) - {"u0"}
    assert store.erased_among([]) == set()


def test_receipts_are_completed(store, clock):
    first = [store.erase(name) for name in ("ann", "bob")]
    clock.time += LATER
    late = store.erase("eve")
    assert [each.receipt_id for each in store.open_receipts()][2] == late.receipt_id
    until, clock.time = clock.time - timedelta(seconds=1), clock.time + LATER
    assert store.complete(until, "model-7", still=["bob", "zoe"]) == 1
    done = store.receipt(first[0].receipt_id)
    assert (done.completed, done.completed_by) == (clock.time, "model-7")
    assert replace(done, completed=None, completed_by=None) == first[0]
    for each in (first[1], late):
        assert store.receipt(each.receipt_id) == each
    assert store.complete(clock.time, "model-8") == 2
    assert store.complete(clock.time, "model-9") == 0
    assert store.receipt(first[0].receipt_id).completed_by == "model-7"
    assert list(store.open_receipts()) == []
    with pytest.raises(BadParameter, match="until needs a time zone"):
        store.complete(datetime(2026, 1, 1), "m")


def test_the_name_of_who_was_erased(url, store):
    with Store(url) as other:
        assert other.who("ann") == store.erase("ann").who  # the first thing it is asked


def test_what_somebody_did_last(store):
    other = event(9, kind="search", query="x")
    del other["item_id"]
    store.ingest(
        [
            event(3, time=NOW - LATER),
            shown(1, "r1", creative=2, creative_propensity=0.5),
            event(2, kind="play", seconds=3, time=NOW - 3 * LATER),
            event(4, kind="bookmark", time=NOW - 2 * LATER),
            event(5, kind="survey", satisfaction=3),
            event(6, "bob"),
            other,
        ]
    )
    found = store.recent("ann")
    assert [row["event_id"] for row in found] == ["e2", "e4", "e3", "e1"]
    assert found[-1]["time"] == int(NOW.timestamp()) * 10**6
    assert found[-1]["creative"] == 2
    assert [row["event_id"] for row in store.recent("ann", 2)] == ["e3", "e1"]
    assert store.recent("nobody") == []
    with pytest.raises(BadParameter, match="k must be at least 1"):
        store.recent("ann", 0)
