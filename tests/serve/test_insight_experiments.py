"""Experiments are begun and ended, and what they have shown is what `analyse` says."""

from datetime import timedelta

import pytest
from insights import DAY, publish, put, running, told
from stored import Clock

from headwater.errors import BadParameter, UnknownName
from headwater.serve.experiments import Experiment, analyse
from headwater.serve.insight.experiments import experiments, start, stop

GONE = "20200101-000000-000000-00000000"


@pytest.fixture
def platform(tmp_path):
    clock = Clock()
    publish(tmp_path, clock)
    publish(tmp_path, clock, method="popularity")
    with running(tmp_path, clock=clock) as service:
        yield service


def about(service, **more):
    arms = {
        "old": {"share": 0.5, "model": service.shelf.before},
        "new": {"share": 0.5, "model": "current"},
    }
    return {"arms": arms, "metric": "clicks", "horizon": 24, "people": 200, **more}


def test_it_begins_and_its_result_is_that_of_the_analysis(platform):
    made = start(platform, "rows", about(platform))
    assert platform.experiments == (made,)
    users = [f"u{n}" for n in range(30)]
    arms = {}
    for user in users:
        reply = platform.home(user, 5)
        arms[user] = reply.arm
    assert platform.recorder.flush()
    assert set(arms.values()) == {"old", "new"}
    clicks = [told("click", f"e{u}", u, platform._now(), item_id="1") for u in users[:9]]
    put(platform, clicks)
    platform.clock.time += 2 * DAY
    platform.store.consent("somebody", "full")
    (found,) = experiments(platform)["experiments"]
    assert (found["state"], found["name"]) == ("running", "rows")
    now = platform._now()
    assert found["result"] == analyse(platform.store, made, now=now).as_dict()
    exposed = {arm["name"]: arm["exposed"] for arm in found["result"]["arms"]}
    assert exposed == {name: list(arms.values()).count(name) for name in ("old", "new")}
    mean = {arm["name"]: arm["mean"] for arm in found["result"]["arms"]}
    for name in ("old", "new"):
        mine = [user in users[:9] for user in users if arms[user] == name]
        assert mean[name] == pytest.approx(sum(mine) / len(mine))


def test_it_ends(platform):
    start(platform, "rows", about(platform))
    platform.clock.time += DAY
    ended = stop(platform, "rows")
    assert ended.stopped == platform._now()
    assert platform.experiments == ()
    (found,) = experiments(platform)["experiments"]
    assert found["state"] == "stopped"
    platform.clock.time += timedelta(seconds=1)
    with pytest.raises(BadParameter, match="ended"):
        stop(platform, "rows")
    with pytest.raises(UnknownName, match="experiment"):
        stop(platform, "columns")


def test_what_cannot_begin(platform):
    same = {"a": {"share": 0.5}, "b": {"share": 0.5}}
    with pytest.raises(BadParameter, match="nothing to compare"):
        start(platform, "same", about(platform, arms=same))
    gone = {**same, "b": {"share": 0.5, "model": GONE}}
    with pytest.raises(UnknownName, match="version"):
        start(platform, "gone", about(platform, arms=gone))
    with pytest.raises(BadParameter, match="horizon"):
        start(platform, "odd", about(platform, horizon=-1))
    assert platform.store.experiments() == {}
    start(platform, "rows", about(platform))
    with pytest.raises(BadParameter, match="set down once"):
        start(platform, "rows", about(platform))
    with pytest.raises(BadParameter, match="everybody is in rows already"):
        start(platform, "columns", about(platform))


def test_lists_are_judged_by_the_kinds_of_here(platform):
    rail = {"Calibration@10": {"tolerated": 0.1, "better": "lower"}}
    platform.store.put_items({str(n): {"topic": f"t{n % 4}"} for n in range(60)})
    start(platform, "rows", about(platform, guardrails=rail))
    put(platform, [told("click", "e", "ann", platform._now() - DAY, item_id="1")])
    platform.home("ann", 5)
    assert platform.recorder.flush()
    (found,) = experiments(platform)["experiments"]
    assert found["says"] == ""
    assert found["result"]["contrasts"][0]["guardrails"][0]["metric"] == "Calibration@10"


def test_planned_damaged_and_without_its_version(platform):
    platform.store.put_experiment("planned", about(platform))
    platform.store.put_experiment("damaged", {"arms": {}})
    arms = {"a": {"share": 0.1}, "b": {"share": 0.1, "model": GONE}}
    gone = Experiment.of("gone", {**about(platform), "arms": arms})
    begun = {**gone.about(), "started": platform._now().isoformat()}
    platform.store.put_experiment("gone", begun)
    found = {each["name"]: each for each in experiments(platform)["experiments"]}
    assert list(found) == ["gone", "planned", "damaged"]
    assert "is not on the shelf any more" in found["gone"]["says"]
    assert found["planned"]["says"] == "Nobody is in it yet: no start is set."
    assert "arms" in found["damaged"]["says"]
    assert found["damaged"]["result"] is None
