"""The doctor: a healthy platform, and one for each ailment, which has that and nothing else."""

from datetime import timedelta

import pytest
from insights import DAY, put, running, strip, told
from stored import NOW, Clock

from headwater.serve.insight.data import data
from headwater.serve.recorder import Record

USERS = [str(n) for n in range(12)]
ITEMS = [str(n) for n in range(60)]


def history(time=NOW, users=USERS, **more):
    """What people of the model's did with its items, so that nothing is odd."""
    events = []
    for n, user in enumerate(users):
        mine = [ITEMS[(5 * n + at) % 60] for at in range(5)]
        events += strip(f"r{n}", user, mine, time, clicked=mine[:2], **more)
    return events


@pytest.fixture
def healthy(tmp_path):
    with running(tmp_path, model=True) as service:
        yield service


def wrong(service):
    """What the doctor finds, by rule."""
    return {each["rule"]: each for each in data(service)["doctor"] if not each["passed"]}


def only(service, rule):
    found = wrong(service)
    assert list(found) == [rule]
    assert found[rule]["fix"]
    return found[rule]


def test_a_healthy_platform_is_found_so(healthy):
    put(healthy, history())
    found = data(healthy)
    assert [each["rule"] for each in found["doctor"] if not each["passed"]] == []
    rules = [each["rule"] for each in found["doctor"]]
    assert rules[:4] == [
        "the store answers",
        "a model answers",
        "answers are recorded",
        "there are events",
    ]
    assert len(rules) == len(set(rules)) == 19


def test_nothing_was_ever_sent(healthy):
    found = only(healthy, "there are events")
    assert found["found"] == "0 events"
    assert "POST /v1/events" in found["fix"]


def test_everything_that_was_sent_was_without_consent(tmp_path):
    with running(tmp_path, model=True, consent="none") as service:
        outcomes = service.take([told("click", "e", "ann", item_id="1") | {"consent": None}])
        assert outcomes[0].status == "not kept"
        found = wrong(service)
        assert list(found) == ["there are events", "events are kept"]
        assert "1 were sent and not kept" in found["there are events"]["fix"]
        assert "1 of 1" in found["events are kept"]["found"]
        assert "'none'" in found["events are kept"]["found"]


def test_events_are_refused(healthy):
    put(healthy, history())
    healthy.take([{"kind": "click", "event_id": "e", "user_id": "1", "time": "2026-05-01"}])
    found = only(healthy, "events are not refused")
    assert found["found"].startswith("1 of 1")
    assert "time: Input should have timezone info; item_id: Field required" in found["examples"]


def test_the_clock_of_a_sender_is_far_off(healthy):
    put(healthy, history())
    late = told("click", "e", "1", NOW + timedelta(hours=2), item_id="1")
    healthy.take([late, *(told("search", f"g{n}", "1", query="q") for n in range(30))])
    found = only(healthy, "clocks agree")
    assert "1 of the last 1 refused are for their time" in found["found"]


def test_the_clock_of_a_sender_is_somewhat_ahead(healthy):
    put(healthy, history(NOW + timedelta(minutes=2)))
    found = only(healthy, "clocks agree")
    assert "100 % are from over a minute after they were received" in found["found"]


def test_events_come_days_late(healthy):
    put(healthy, history(NOW - 2 * DAY))
    found = only(healthy, "clocks agree")
    assert "100 % from over an hour before it" in found["found"]


def test_all_was_refused_for_its_time(healthy):
    healthy.take([told("click", "e", "1", NOW + DAY, item_id="1")])
    assert list(wrong(healthy)) == ["there are events", "events are not refused", "clocks agree"]


def test_nobody_agrees_to_be_learned_from(healthy):
    put(healthy, [{**each, "consent": "essential"} for each in history()])
    found = only(healthy, "people agree to be learned from")
    assert found["found"].startswith("0 of 84 events; of 0 people")


def test_consent_that_was_taken_back_counts(healthy):
    put(healthy, history())
    for user in USERS:
        healthy.store.consent(user, "full")
        healthy.store.consent(user, "essential")
    found = only(healthy, "people agree to be learned from")
    assert "of 12 people who told the store something 12 said full" in found["found"]


def test_the_site_has_stopped_sending(healthy):
    put(healthy, history())
    healthy.clock.time += 3 * DAY
    found = only(healthy, "events arrive")
    assert found["found"] == "the last one was received 3 days ago"


def test_nothing_that_is_shown_is_recorded(healthy):
    put(healthy, [each for each in history() if each["kind"] == "click"])
    assert "0 impressions beside 24" in only(healthy, "what is shown is recorded")["found"]


def test_nobody_does_anything(healthy):
    put(healthy, [each for each in history() if each["kind"] == "impression"])
    assert "beside 60 impressions" in only(healthy, "people do something")["found"]


def test_clicks_do_not_say_where(healthy):
    events = history()
    for each in events:
        if each["kind"] == "click":
            each.pop("request_id")
    put(healthy, events)
    found = only(healthy, "clicks name what they were shown in")
    assert found["found"].startswith("0 of 24 clicks")


def test_nothing_is_left_to_chance(healthy):
    put(healthy, history(propensity=1.0))
    found = only(healthy, "something is left to chance")
    assert found["found"] == "0 of 60 places have a propensity below 1"


def test_items_have_no_kinds(tmp_path):
    with running(tmp_path, model=True, kinds="mood") as service:
        put(service, history())
        found = only(service, "items have kinds")
        assert found["found"].startswith("60 of 60 items have nothing in the column 'mood'")
        assert "genres" in found["found"]


def test_half_of_the_items_have_kinds_that_are_empty(healthy):
    about = {item: {"title": item, "topic": ""} for item in ITEMS[:31]}
    healthy.store.put_items(about)
    healthy.look()
    put(healthy, history())
    assert only(healthy, "items have kinds")["found"].startswith("31 of 60 items")


def test_events_are_of_items_that_nobody_knows(healthy):
    put(healthy, history())
    put(healthy, strip("odd", "1", ["x1", "x2", "x3", "x4", "x5"]))
    found = only(healthy, "items of events are in the catalogue")
    assert found["found"] == "5 are not, with 5 of 89 events"
    assert found["examples"] == ["item 'x1'", "item 'x2'", "item 'x3'"]


def test_no_model_was_published(tmp_path):
    with running(tmp_path) as service:
        service.store.put_items({item: {"title": item, "topic": "t"} for item in ITEMS})
        put(service, history())
        assert "nothing was published" in only(service, "a model answers")["found"]


def test_the_model_is_old(healthy):
    healthy.clock.time += 8 * DAY
    put(healthy, history(healthy.clock.time))
    assert "is of 8 days ago" in only(healthy, "the model is new enough")["found"]
    assert not {
        each["rule"] for each in data(healthy, model_days=10)["doctor"] if not each["passed"]
    }


def test_the_model_knows_nobody_who_comes(healthy):
    put(healthy, history(users=[f"new {n}" for n in range(12)]))
    found = only(healthy, "the model knows people")
    assert found["found"].startswith("12 of the 12 people")


def test_most_of_the_catalogue_is_new(healthy):
    healthy.store.put_items({f"n{n}": {"title": "n", "topic": "t"} for n in range(61)})
    healthy.look()
    put(healthy, history())
    assert only(healthy, "the model knows the catalogue")["found"].startswith("61 of 121 items")


def test_the_last_retraining_was_rejected(healthy):
    put(healthy, history())
    said = '{"verdict": "rejected", "reason": "it is worse"}'
    (healthy.shelf.folder / "retrain.json").write_text(said)
    found = only(healthy, "the last retraining was published")
    assert found["found"] == "rejected: it is worse"


def test_an_erasure_waits(healthy):
    put(healthy, history())
    receipt = healthy.store.erase("11")
    assert wrong(healthy) == {}
    assert [each["receipt"] for each in data(healthy)["erasures"]] == [receipt.receipt_id]
    healthy.clock.time += 9 * DAY
    healthy.store.consent("1", "full")
    waiting = wrong(healthy)["erasures are complete"]
    assert waiting["found"] == "1 erasure waiting for a retraining, the oldest of 9 days ago"


def test_answers_cannot_be_recorded(healthy):
    put(healthy, history())
    healthy.recorder.add(Record([{"nonsense": 1}]))
    assert not healthy.recorder.flush(0.3)
    found = only(healthy, "answers are recorded")
    assert found["found"].startswith("1 answer waiting, 0 lost")
    assert "an answer without trace_id" in found["found"]


def test_the_store_is_away(tmp_path):
    with running(tmp_path, model=True) as service:
        with service.store.engine.begin() as db:
            db.exec_driver_sql("DROP TABLE receipts")
        found = data(service)
        assert [each["rule"] for each in found["doctor"]] == ["the store answers"]
        assert "receipts" in found["doctor"][0]["found"]


def test_counts_levels_and_what_became_of_events(healthy):
    put(healthy, history())
    put(healthy, [told("search", "s", "1", query="q") | {"consent": "essential"}])
    healthy.store.consent("a", "full")
    healthy.store.consent("b", "full")
    healthy.store.consent("b", "none")
    healthy.take([told("click", "r0/0", "1", item_id="1")])
    found = data(healthy)
    assert found["kinds"] == {"click": 24, "impression": 60, "search": 1}
    assert found["consent"]["of_events"] == {"none": 0, "essential": 1, "full": 84}
    assert found["consent"]["of_people"] == {"none": 1, "essential": 0, "full": 1}
    assert found["taken"] == {"accepted": 0, "duplicate": 1, "not kept": 0, "refused": 0}
    assert found["times"]["newest"] == (NOW + timedelta(minutes=1)).isoformat()
    assert found["versions"]["current"] == healthy.fleet.current


def test_the_rules_of_the_validator_name_nobody(tmp_path):
    with running(tmp_path, model=True, clock=Clock()) as service:
        put(service, history(users=["17", "somebody"]))
        put(service, [told("click", "again", "somebody", item_id=ITEMS[5])])
        put(service, [told("click", "once", "loner", item_id=ITEMS[9])])
        rules = {each["rule"]: each for each in data(service)["rules"]}
        assert rules["no user and item come twice"]["found"] == "1 of 6 events repeat another"
        assert not rules["every user has at least two events"]["passed"]
        assert rules["every item is in the item table"]["passed"]
        assert "somebody" not in str(rules)
        assert "loner" not in str(rules)
