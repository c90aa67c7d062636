import json
from datetime import datetime, timedelta

import polars as pl
import pytest

pytest.importorskip("sqlalchemy", reason="pip install 'headwater[serve]'")
pytest.importorskip("alembic", reason="pip install 'headwater[serve]'")

from stored import LATER, NOW, event, shown

from headwater.errors import BadParameter, DataError


def answer(n, user="ann", **more):
    told = {"trace_id": f"t{n}", "user_id": user, "time": NOW, "surface": "home", "seconds": 0.01}
    return {**told, "k": 12, "filled": 12, "consent": "full", **more}


def kept(store):
    return [name for frame in store.answers(["trace_id"]) for name in frame["trace_id"]]


def test_answers_are_kept_once(store):
    more = {"model": "m", "steps": [["ease", 0.002]], "degraded": ("slow",), "arm": "b"}
    assert store.served([answer(2, **more, experiment="x"), answer(1)]) == 2
    assert store.served([answer(2), answer(3), answer(3)]) == 1
    assert store.served([]) == 0
    (frame,) = store.answers(where=None)
    row = frame.filter(pl.col("trace_id") == "t2").row(0, named=True)
    assert json.loads(row["steps"]) == [["ease", 0.002]]
    assert json.loads(row["degraded"]) == ["slow"]
    assert (row["model"], row["experiment"], row["arm"]) == ("m", "x", "b")
    assert row["time"] == int(NOW.timestamp()) * 10**6
    assert sorted(kept(store)) == ["t1", "t2", "t3"]
    assert store.served([answer(n) for n in range(4, 1204)]) == 1200


def test_answers_to_people_without_consent_are_not_kept(store):
    store.consent("eve", "none")
    store.consent("bob", "essential")
    store.erase("zoe")
    silent = answer(4)
    del silent["consent"]
    rows = [answer(1, "eve"), answer(2, "bob"), answer(3, "zoe"), silent, answer(5, consent="none")]
    assert store.served(rows) == 1
    (frame,) = store.answers(["trace_id", "consent"])
    assert frame.rows() == [("t2", "essential")]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trace_id": None}, "an answer without trace_id"),
        ({"colour": 1}, "an answer has no colour; it may have: trace_id"),
        ({"consent": "some"}, "consent is one of none, essential, full"),
        ({"degraded": {1, 2}}, "plain values for JSON"),
    ],
)
def test_answers_that_are_none(sqlite, changed, said):
    with pytest.raises(DataError, match=said):
        sqlite.served([answer(1), {**answer(2), **changed}])
    with pytest.raises(BadParameter, match="time zone"):
        sqlite.served([answer(2, time=datetime(2026, 1, 1))])
    assert kept(sqlite) == []


def test_erasure_export_and_forgetting_go_over_answers(store, clock):
    store.served([answer(1), answer(2, "bob"), answer(3, time=NOW - timedelta(days=9))])
    assert store.expose("x", "ann", "b", consent="full")
    told = json.loads(json.dumps(store.export_user("ann")))
    assert [row["trace_id"] for row in told["answers"]] == ["t3", "t1"]
    assert told["answers"][1]["time"] == NOW.isoformat()
    assert told["answers"][1]["degraded"] == []
    assert told["exposures"] == [{"experiment": "x", "arm": "b", "time": NOW.isoformat()}]
    assert store.forget_before(NOW - timedelta(days=8)) == 1
    assert store.served([answer(3, time=NOW - timedelta(days=9))]) == 0
    counts = store.erase("ann").counts
    assert (counts["answers"], counts["exposures"]) == (1, 1)
    store.compact()
    assert kept(store) == ["t2"]
    assert len(store.exposures("x")) == 0
    clock.time += LATER
    assert store.served([answer(4, time=clock.time)]) == 0
    store.consent("ann", "full")
    clock.time += LATER
    assert store.served([answer(4, time=clock.time), answer(1)]) == 1


def test_what_a_server_showed_is_kept_as_if_it_had_been_sent(store):
    """Each once, all values as they were, and nothing of people of whom nothing may be kept."""
    store.consent("ann", "full")
    store.consent("bob", "essential")
    store.consent("eve", "none")
    store.erase("zoe")
    more = {"path": "rerank.radio", "creative": 3, "creative_propensity": 0.25}
    seen = [shown(n, f"r{n}", user) for n, user in enumerate(("ann", "bob", "eve", "zoe", "ida"))]
    seen[0] |= more
    mine = [{k: v for k, v in each.items() if k != "consent"} for each in seen]
    for _ in range(2):
        store.keep([answer(1), answer(2, "eve")], [("x", "ann", "b"), ("x", "zoe", "b")], mine)
    assert kept(store) == ["t1"]
    assert store.exposures("x")["user_id"].to_list() == ["ann"]
    assert [each["consent"] for who in ("ann", "bob") for each in store.recent(who)] == [
        "full",
        "essential",
    ]
    first, alone = store.recent("ann")[0], shown(7, "r7") | more | {"item_id": "i0"}
    said = store.ingest([*seen[:2], alone])
    assert [each.status for each in said] == ["duplicate", "duplicate", "accepted"]
    assert store.count()["events"] == 3
    second = store.recent("ann")[-1]
    own = ("seq", "event_id", "request_id")
    assert [first[name] for name in own[1:]] == ["e0", "r0"]
    assert {k: v for k, v in first.items() if k not in own} == {
        k: v for k, v in second.items() if k not in own
    }
    assert type(first["propensity"]) is float
    assert first["creative"] == 3


def test_experiments(store):
    assert store.experiments() == {}
    store.put_experiment("b", {"arms": ["x", "y"]})
    store.put_experiment("a", {"share": 0.5})
    store.put_experiment("b", {"arms": []})
    assert store.experiments() == {"a": {"share": 0.5}, "b": {"arms": []}}
    with pytest.raises(DataError, match="plain values"):
        store.put_experiment("c", {"x": object()})


def test_the_first_exposure_is_kept(store, clock):
    assert store.expose("x", "bob", "control", consent="full")
    clock.time += LATER
    assert not store.expose("x", "bob", "treated", consent="full")
    assert store.expose("y", "bob", "treated", consent="full")
    store.consent("ann", "essential")
    assert store.expose("x", "ann", "treated")
    first = int(NOW.timestamp()) * 10**6
    assert store.exposures("x").rows() == [
        ("ann", "treated", first + 60 * 10**6),
        ("bob", "control", first),
    ]
    assert store.exposures("z").schema == store.exposures("x").schema
    assert not store.expose("x", "eve", "control")  # nobody asked her
    assert not store.expose("x", "eve", "control", consent="none")
    with pytest.raises(DataError, match="arm is a text"):
        store.expose("x", "bob", "")
    store.ingest([event(1)])
    assert store.count()["exposures"] == 3
