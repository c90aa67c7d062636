import json
import random
import threading
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown, statuses

from headwater.errors import DataError
from headwater.serve.store import Store


def test_acknowledged_is_on_disk(store):
    """As far as the databases can be told so."""
    with store.engine.connect() as db:
        if db.dialect.name == "sqlite":
            asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
            said = [db.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
            assert said == ["wal", 2, 1, 1]
        else:
            assert db.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
            assert db.exec_driver_sql("SHOW fsync").scalar() == "on"


def test_each_event_is_kept_once(store):
    assert statuses(store.ingest([event(1), event(2), event(1)])) == [
        "accepted",
        "accepted",
        "duplicate",
    ]
    assert statuses(store.ingest([event(3), event(2)])) == ["accepted", "duplicate"]
    assert store.count()["events"] == 3


def test_a_bad_event_spoils_nothing(store):
    answers = store.ingest([event(1), {"kind": "click", "event_id": "x"}, 7, event(2)])
    assert statuses(answers) == ["accepted", "refused", "refused", "accepted"]
    assert answers[1].event_id == "x"
    assert answers[1].reason.startswith("user_id: Field required")
    assert store.ingest([]) == []


def test_batches_are_lists_of_some_length(store):
    with pytest.raises(DataError, match="come in a list, not in a dict"):
        store.ingest(event(1))
    with pytest.raises(DataError, match="more than the 100,000"):
        store.ingest([None] * 100_001)


def test_a_batch_of_several_statements(store):
    answers = store.ingest([event(n % 1200) for n in range(1500)])
    assert statuses(answers) == ["accepted"] * 1200 + ["duplicate"] * 300
    (frame,) = store.frames(["event_id"])
    assert sorted(frame["event_id"]) == sorted(f"e{n}" for n in range(1200))


def test_all_of_an_event_is_kept(store):
    picture = {"creative": 3, "creative_propensity": 0.25, "path": "retrieve.matrix.ease"}
    zoned = "2026-05-01T13:59:59.000001+02:00"
    search = event(3, kind="search", query="'; --")
    del search["item_id"]
    store.ingest(
        [
            shown(1, "r1", position=4, session_id="s", time=zoned, **picture),
            event(2, kind="play", seconds=12.5),
            search,
            event(4, kind="survey", satisfaction=4, intents=["relax", "new things"]),
        ]
    )
    (frame,) = store.frames()
    rows = {row["event_id"]: row for row in frame.iter_rows(named=True)}
    one = rows["e1"]
    assert one["time"] == 1777636799000001
    assert one["received"] == int(NOW.timestamp()) * 10**6
    assert (one["position"], one["propensity"], one["creative"]) == (4, 0.5, 3)
    assert (one["creative_propensity"], one["path"]) == (0.25, "retrieve.matrix.ease")
    assert (one["session_id"], one["consent"], one["request_id"]) == ("s", "full", "r1")
    assert rows["e2"]["seconds"] == 12.5
    assert rows["e3"]["query"] == "'; --"
    assert json.loads(rows["e4"]["intents"]) == ["relax", "new things"]
    assert rows["e4"]["satisfaction"] == 4


def test_events_from_another_time_are_refused(store, clock):
    late, early = event(1, time=NOW - timedelta(days=31)), event(2, time=NOW + timedelta(hours=1))
    answers = store.ingest([late, early, event(3, time=NOW + LATER)])
    assert statuses(answers) == ["refused", "refused", "accepted"]
    assert answers[0].reason.endswith("is 31.0 days before the clock of the store")
    assert answers[1].reason.endswith("is 60.0 minutes after the clock of the store")
    clock.time = NOW - timedelta(days=1)  # set back: what is right by it is kept, nothing is lost
    assert statuses(store.ingest([event(4), event(5, time=clock.time)])) == ["refused", "accepted"]
    clock.time = NOW + timedelta(days=1)
    assert statuses(store.ingest([early, event(3, time=NOW)])) == ["accepted", "duplicate"]
    assert store.count()["events"] == 3


def test_bounds_can_be_set(url, clock):
    with Store(url, clock=clock, past=timedelta(minutes=2), future=timedelta(0)) as store:
        store.upgrade()
        times = [NOW - 3 * LATER, NOW - LATER, NOW, NOW + timedelta(seconds=1)]
        answers = store.ingest([event(n, time=time) for n, time in enumerate(times)])
    assert statuses(answers) == ["refused", "accepted", "accepted", "refused"]


def test_any_order_and_any_repeats_give_the_same(url, tmp_path, clock):
    rng = random.Random(0)
    sent = [event(n, user=f"u{n % 7}", time=NOW - n * LATER) for n in range(200)]
    found = []
    for way, order in enumerate((sent, rng.sample(sent + sent, 400))):
        with Store(url if way else tmp_path / "straight.db", clock=clock) as store:
            store.upgrade()
            for at in range(0, len(order), 30):
                store.ingest(order[at : at + 30])
            frame = pl.concat(store.frames()).drop("seq").sort("event_id")
            data = store.dataset()
        found.append((frame, data.log.items, data.log.times, data.users.values))
    assert found[0][0].equals(found[1][0])
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        assert (np.asarray(one) == np.asarray(other)).all()


def test_writers_at_once(store):
    """Four send the same events in batches of different cuts: each is accepted by one of them."""
    accepted, lock = [], threading.Lock()

    def send(seed):
        order = list(range(120))
        random.Random(seed).shuffle(order)
        for at in range(0, 120, 10 + seed):
            done = store.ingest([event(n) for n in order[at : at + 10 + seed]])
            with lock:
                accepted.extend(each.event_id for each in done if each.status == "accepted")

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(accepted) == sorted(f"e{n}" for n in range(120))
    assert store.count()["events"] == 120
