"""Click rates, visits and coverage of a history whose numbers are known."""

import numpy as np
import polars as pl
import pytest
from insights import DAY, HOUR, publish, put, running, strip, told
from scipy import stats
from stored import NOW, Clock

from headwater.errors import BadParameter, StoreError
from headwater.serve.insight import kept
from headwater.serve.insight._rates import rate
from headwater.serve.insight._read import visits
from headwater.serve.insight.data import data
from headwater.serve.insight.experiments import experiments
from headwater.serve.insight.norms import norms
from headwater.serve.insight.quality import quality
from headwater.serve.insight.satisfaction import satisfaction
from headwater.serve.store import Store

TEN = [f"i{n}" for n in range(10)]


@pytest.fixture
def platform(tmp_path):
    with running(tmp_path) as service:
        yield service


def by_the_book(clicks, places):
    """The interval of a ratio of sums over people, by the textbook's variance."""
    c, n = np.array(clicks, float), np.array(places, float)
    m, r = len(c), c.sum() / n.sum()
    variance = m / (m - 1) * ((c - r * n) ** 2).sum() / n.sum() ** 2
    wide = stats.t.ppf(0.975, m - 1) * np.sqrt(variance)
    return r, max(0, r - wide), min(1, r + wide)


def test_the_click_rate_and_its_interval_hold_people_together(platform):
    put(platform, strip("r1", "ann", TEN, clicked=TEN[:5]))
    put(platform, strip("r2", "bob", TEN, clicked=TEN[:1]))
    put(platform, strip("r3", "bob", TEN, NOW - HOUR))
    put(platform, strip("r4", "cay", TEN[:4], clicked=TEN[:1]))
    put(platform, strip("r5", "dan", TEN[:6]))
    whole = quality(platform)["live"]["whole"]
    r, low, high = by_the_book([5, 1, 1, 0], [10, 20, 4, 6])
    assert (whole["shown"], whole["clicked"]) == (40, 7)
    assert whole["ctr"]["mean"] == pytest.approx(7 / 40) == r
    assert (whole["ctr"]["low"], whole["ctr"]["high"]) == pytest.approx((low, high))
    assert whole["ctr"]["people"] == 4
    alone = stats.binomtest(7, 40).proportion_ci(method="wilson")
    assert whole["ctr"]["high"] - whole["ctr"]["low"] > alone.high - alone.low  # ann is one person


def test_all_pages_on_either_database(url, tmp_path):
    with running(tmp_path, model=True, store=url) as service:
        service.store.put_items({item: {"topic": "t"} for item in TEN})
        for n in range(6):
            put(service, strip(f"r{n}", f"u{n}", TEN, clicked=TEN[:1]))
        assert quality(service)["live"]["whole"]["ctr"]["mean"] == pytest.approx(0.1)
        assert norms(service)["checked"]["requests"] == 6
        assert satisfaction(service)["response"]["visits"] == 6
        assert data(service)["kinds"] == {"click": 6, "impression": 60}
        assert experiments(service)["experiments"] == []


def test_of_what_nobody_clicked_as_many_may_as_people_allow():
    found = rate(np.zeros(20), np.full(20, 50.0))
    assert (found["mean"], found["low"]) == (0, 0)
    assert found["high"] == pytest.approx(1 - 0.025 ** (1 / 20))
    assert rate(np.ones(20) * 50, np.full(20, 50.0))["low"] == pytest.approx(0.025 ** (1 / 20))
    assert rate(np.ones(1), np.ones(1)) == {"mean": 1.0, "low": None, "high": None, "people": 1}
    assert rate(np.zeros(0), np.zeros(0))["mean"] is None
    alike = rate(np.full(5, 3.0), np.full(5, 2.0), share=False)
    assert (alike["mean"], alike["low"], alike["high"]) == (1.5, None, None)


def test_a_play_is_a_click_and_a_click_on_nothing_shown_is_counted_apart(platform):
    events = strip("r1", "ann", TEN, clicked=["i1"], play=["i1", "i2"])
    events.append(told("click", "lone", "ann", item_id="i3"))
    events.append(told("click", "strange", "ann", item_id="zz", request_id="r1"))
    put(platform, [*events, *strip("r2", "bob", TEN)])
    found = quality(platform)
    assert found["live"]["whole"]["clicked"] == 2
    assert any(note.startswith("2 clicks") for note in found["notes"])
    assert found["live"]["whole"]["plays_per_visit"]["mean"] == pytest.approx(2 / 2)
    assert found["live"]["whole"]["minutes_per_visit"]["mean"] == pytest.approx(2 / 2)


def test_by_day_place_path_and_version(platform):
    before = NOW - 2 * DAY
    put(platform, strip("r1", "ann", TEN, before, clicked=["i0"], path="popular"))
    put(platform, strip("r2", "ann", TEN[:5], clicked=["i0", "i4"], path="ease"))
    put(platform, strip("r3", "bob", TEN[:5], path="ease"))
    answer = {"trace_id": "page", "surface": "home", "k": 5, "filled": 5, "consent": "full"}
    rows = [
        {**answer, "user_id": "ann", "time": NOW, "model": "v2", "seconds": 0.010},
        {
            **answer,
            "trace_id": "other",
            "user_id": "bob",
            "time": NOW,
            "model": "v2",
            "seconds": 0.030,
            "degraded": ["late"],
        },
    ]
    platform.store.served(rows)
    live = quality(platform, days=3)["live"]
    days = {row["day"]: row for row in live["days"]}
    assert list(days) == ["2026-04-29", "2026-04-30", "2026-05-01"]
    assert days["2026-04-29"]["ctr"]["mean"] == pytest.approx(0.1)
    assert days["2026-04-30"]["ctr"] is None
    assert days["2026-05-01"]["ctr"]["mean"] == pytest.approx(0.2)
    assert [days[day]["visits"] for day in days] == [1, 0, 2]
    assert days["2026-05-01"]["items"] == 5
    first = live["positions"][0]
    assert (first["position"], first["shown"], first["clicked"]) == (0, 3, 2)
    assert [row["position"] for row in live["positions"]] == list(range(10))
    paths = {row["path"]: (row["shown"], row["clicked"]) for row in live["paths"]}
    assert paths == {"popular": (10, 1), "ease": (10, 2)}
    versions = {row["version"]: row for row in live["versions"]}
    assert (versions["v2"]["shown"], versions["v2"]["clicked"]) == (10, 2)
    assert versions["v2"]["p95"] == pytest.approx(0.010 + 0.95 * 0.020)
    assert versions["v2"]["degraded"] == pytest.approx(0.5)
    assert versions["not known"]["shown"] == 10


def test_nothing_is_said_of_who_does_not_agree_to_it(platform):
    put(platform, strip("r1", "ann", TEN, clicked=["i0"]))
    put(platform, [{**each, "consent": "essential"} for each in strip("r2", "bob", TEN)])
    put(platform, strip("r3", "cay", TEN))
    platform.store.consent("cay", "essential")
    found = quality(platform)
    assert (found["events"], found["people"]) == (11, 1)
    assert found["live"]["whole"]["ctr"]["mean"] == pytest.approx(0.1)


def test_a_visit_ends_after_half_an_hour_but_not_while_a_film_runs():
    minute = 60_000_000
    rows = [
        ("ann", "click", 0, None),
        ("ann", "play", 1 * minute, 7_200.0),
        ("ann", "survey", 145 * minute, None),  # 24 minutes after the film
        ("ann", "click", 180 * minute, None),  # 35 minutes later
        ("bob", "impression", 181 * minute, None),
    ]
    frame = pl.DataFrame(rows, schema=["user_id", "kind", "time", "seconds"], orient="row")
    found = visits(frame).to_dicts()
    assert [(v["user_id"], v["clicks"], v["plays"], v["answers"]) for v in found] == [
        ("ann", 1, 1, 1),
        ("ann", 1, 0, 0),
        ("bob", 0, 0, 0),
    ]
    assert found[0]["minutes"] == 120
    assert found[2]["shown"] == 1


def test_how_much_of_the_catalogue_is_shown(platform):
    platform.store.put_items({item: {"title": item} for item in [*TEN, "i10", "i11"]})
    platform.store.remove_items(["i11"])
    put(platform, strip("r1", "ann", ["i0", "i1", "i11"]))
    put(platform, strip("r2", "bob", ["i0", "stranger"]))
    found = quality(platform)["coverage"]
    assert found["catalogue"] == 11
    assert (found["shown"], found["share"]) == (2, pytest.approx(2 / 11))
    assert found["top_tenth"] == pytest.approx(2 / 3)  # i0, of the places of known items


def test_whether_others_could_be_judged_by_what_was_drawn(platform):
    assert "Nothing" in quality(platform)["off_policy"]["says"]
    put(platform, strip("r1", "ann", TEN, propensity=1.0))
    platform.store.consent("nobody", "full")  # what was kept is of another state
    assert "None of 10 places" in quality(platform)["off_policy"]["says"]
    put(platform, strip("r2", "bob", ["i0"], propensity=0.25))
    platform.store.consent("nobody", "full")
    found = quality(platform)["off_policy"]
    assert (found["places"], found["drawn"], found["least"]) == (11, 1, 0.25)


def test_what_was_measured_before_it_answered(tmp_path):
    clock = Clock()
    row = {
        "metric": "NDCG@10",
        "role": "target",
        "candidate": 0.3,
        "candidate_low": 0.28,
        "candidate_high": 0.32,
        "baseline": 0.25,
        "difference": 0.05,
        "low": 0.02,
        "high": 0.08,
        "users": 90,
        "tolerated": 0.02,
        "passed": True,
    }
    old = publish(tmp_path, clock, {"metrics": [{"metric": "NDCG@10", "mean": 0.2, "low": 0.1}]})
    clock.time += HOUR
    report = {"verdict": "published", "reason": "it is better", "metrics": [row]}
    new = publish(tmp_path, clock, report)
    with running(tmp_path, clock=clock) as service:
        found = quality(service)
        offline = found["offline"]
        assert (offline["version"], offline["verdict"]) == (new, "published")
        (one,) = offline["metrics"]
        assert (one["value"], one["value_low"], one["value_high"]) == (0.3, 0.28, 0.32)
        assert (one["difference"], one["low"], one["high"]) == (0.05, 0.02, 0.08)
        assert [each["version"] for each in found["history"]] == [new, old]
        assert [each["current"] for each in found["history"]] == [True, False]
        before = found["history"][1]["metrics"][0]
        assert (before["value"], before["value_low"], before["difference"]) == (0.2, 0.1, None)
        assert found["coverage"]["catalogue"] == 60  # the model's
        assert found["live"] is None


def test_a_version_without_measurements_and_no_version_say_so(tmp_path, platform):
    assert quality(platform)["offline"]["says"] == "No model was published yet."
    publish(tmp_path, platform.clock)
    platform.look()
    platform.store.consent("nobody", "full")
    assert "no measurements" in quality(platform)["offline"]["says"]


def test_what_was_computed_is_kept_for_a_while_but_not_over_an_erasure(platform):
    made, now = [], [100.0]

    def found(days=1):
        return kept(
            platform,
            "page",
            (days,),
            lambda: made.append(1) or {"n": len(made)},
            now=lambda: now[0],
        )["n"]

    assert [found(), found(), found(2), found()] == [1, 1, 2, 1]
    now[0] += 59
    assert found() == 1
    now[0] += 1
    assert found() == 3
    platform.store.erase("ann")
    assert found() == 4
    platform.store.consent("bob", "none")
    assert found() == 5
    assert found() == 5


def test_another_servers_erasure_clears_what_this_one_kept(platform, tmp_path):
    put(platform, [*strip("r1", "ann", TEN), *strip("r2", "bob", TEN, clicked=["i0"])])
    assert quality(platform)["people"] == 2
    with Store(str(tmp_path / "events.db"), clock=platform.clock) as other:
        other.erase("bob")
    assert quality(platform)["people"] == 1
    assert quality(platform)["live"]["whole"]["clicked"] == 0


def test_many_events_are_looked_at_in_whole_days(platform, monkeypatch):
    put(platform, strip("r1", "ann", TEN))
    put(platform, strip("r2", "ann", TEN, NOW - DAY))
    put(platform, strip("r3", "ann", TEN, NOW - 2 * DAY))
    monkeypatch.setattr("headwater.serve.insight._read.MOST", 25)
    found = quality(platform, days=10)
    assert (found["days"], found["events"], found["from"]) == (2, 20, "2026-04-30")
    assert any("more than 25 events" in note for note in found["notes"])


def test_odd_questions_and_a_store_that_is_away(platform):
    with pytest.raises(BadParameter, match="days is from 1 to 366; got 0"):
        quality(platform, days=0)
    with platform.store.engine.begin() as db:
        db.exec_driver_sql("DROP TABLE receipts")
    with pytest.raises(StoreError):
        quality(platform)
