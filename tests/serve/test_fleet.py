"""Models in use: swapped while requests run, kept when what is new cannot be read."""

import json
import time
from datetime import UTC, datetime
from threading import Event, Thread

import pytest
from world import publish, served, settings

from headwater.errors import BadArtifact
from headwater.rerank.quotas import Quotas
from headwater.retrieve.matrix.popularity import Popularity
from headwater.serve.answers import Person
from headwater.serve.fleet import Fleet
from headwater.serve.newcomers import Changes
from headwater.serve.service import Service
from headwater.serve.shelf import Shelf
from loopback import until

NOW = 2_000_000_000


@pytest.fixture
def fleet(tmp_path):
    publish(tmp_path, k=20)
    made = Fleet(Shelf(tmp_path), by="topic")
    made.refresh()
    return made


def ids(answer):
    return [each.item_id for each in answer.items]


def test_nothing_answers_before_something_is_published(tmp_path):
    fleet = Fleet(Shelf(tmp_path))
    assert not fleet.refresh()
    with pytest.raises(BadArtifact, match="no model answers yet: nothing was published"):
        fleet.live()
    name = publish(tmp_path, "popularity")
    assert fleet.refresh()
    assert fleet.live().model == fleet.current == name
    assert not fleet.refresh(), "the same answers"


def test_a_version_that_cannot_be_read_changes_nothing(fleet):
    one = fleet.current
    two = publish(fleet.shelf.folder, "popularity")
    (fleet.shelf.path(two) / "model.json").write_text("{")
    fleet.refresh()
    assert fleet.current == one
    assert two in fleet.trouble
    assert fleet.live().recommend(Person("7"), 3, now=NOW).items
    three = publish(fleet.shelf.folder, "popularity")
    fleet.refresh()
    assert (fleet.current, fleet.trouble) == (three, "")


@pytest.mark.parametrize("error", [BadArtifact("torn"), IndexError("torn")])
def test_a_version_that_fails_at_the_first_question_changes_nothing(fleet, monkeypatch, error):
    one = fleet.current
    two = publish(fleet.shelf.folder, "popularity")

    def fails(*_, **__):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Popularity, "scores", fails)
        for _ in range(2):  # the second look finds it no better
            fleet.refresh()
            assert fleet.current == one
            assert f"version {two} cannot be used" in fleet.trouble
            assert "torn" in fleet.trouble
    fleet.refresh()
    assert (fleet.current, fleet.trouble) == (two, "")


def test_what_takes_long_at_first_is_waited_for_before_people_ask(fleet, monkeypatch):
    began = []

    def slow_at_first(self, queries, slate):  # noqa: ARG001
        if not began:
            began.append(time.sleep(0.3))
        return slate

    monkeypatch.setattr(Quotas, "__call__", slow_at_first)
    quotas = {"model": "quotas", "by": "topic"}
    flow = {"model": "flow", "retrieve": {"model": "itemknn"}, "stages": [quotas]}
    two = publish(fleet.shelf.folder, {**flow, "degrade": True, "limit": 0.1})
    fleet.refresh()
    answer = fleet.live().recommend(Person("7"), 3, now=NOW)
    assert (answer.model, answer.degraded) == (two, ())
    assert began


def test_a_pointer_that_is_damaged_changes_nothing(fleet):
    one = fleet.current
    (fleet.shelf.folder / "current.json").write_text("nonsense")
    fleet.refresh()
    assert fleet.current == one
    assert "current.json" in fleet.trouble


def test_versions_of_experiments_are_there_as_long_as_they_are_needed(fleet):
    one = fleet.current
    two = publish(fleet.shelf.folder, "popularity")
    fleet.shelf.publish(one)
    fleet.refresh(also=[two])
    assert fleet.live(two).model == two
    fleet.refresh()
    with pytest.raises(BadArtifact, match="not in use"):
        fleet.live(two)
    fleet.refresh(also=["no such version"])
    assert "no such version" in fleet.trouble
    assert fleet.current == one


def test_changes_of_the_catalogue_reach_every_version(fleet):
    fleet.amend(Changes({"fresh": {"title": "F"}}, frozenset({"3"})))
    two = publish(fleet.shelf.folder, "popularity")
    fleet.refresh()
    live = fleet.live()
    assert live.model == two
    assert live.new.ids == ["fresh"]
    assert live.is_gone("3")


def test_requests_go_on_while_models_change(fleet):
    one = fleet.current
    two = publish(fleet.shelf.folder, "popularity")
    want = {}
    for name in (one, two):
        fleet.shelf.publish(name)
        fleet.refresh()
        want[name] = ids(fleet.live().recommend(Person("7"), 6, now=NOW))
    assert want[one] != want[two]
    stop, wrong, asked = Event(), [], [0]

    def ask():
        while not stop.is_set():
            try:
                answer = fleet.live().recommend(Person("7"), 6, now=NOW)
                asked[0] += 1
                if ids(answer) != want[answer.model]:
                    wrong.append(answer)
            except Exception as error:
                wrong.append(error)

    threads = [Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(12):
        fleet.shelf.publish((one, two)[turn % 2])
        fleet.refresh()
        fleet.amend(Changes({f"fresh {turn}": {}}) if turn % 3 else Changes())
        fleet.amend(Changes())
    stop.set()
    for thread in threads:
        thread.join()
    assert asked[0] > 12
    assert not [each for each in wrong if isinstance(each, Exception)]
    assert len(wrong) < asked[0], "but for lists with a new item between"


def test_who_is_in_an_arm_sees_its_model_and_that_is_kept(tmp_path):
    one = publish(tmp_path / "models", k=20)
    two = publish(tmp_path / "models", "popularity")
    Shelf(tmp_path / "models").publish(one)
    about = {
        "arms": {"old": {"share": 0.4}, "new": {"share": 0.4, "model": two}},
        "started": "2026-01-01T00:00:00Z",
    }
    with served(tmp_path) as (client, service):
        service.store.put_experiment("trial", about)
        service.look()
        seen = {}
        for user in range(60):
            page = client.get(f"/v1/recommend/{user}", params={"k": 3}).json()
            inside = page["experiment"]
            arm = inside and inside["arm"]
            seen[str(user)] = arm
            assert page["model"] == (two if arm == "new" else one)
            again = client.get(f"/v1/recommend/{user}", params={"k": 3}).json()
            assert again["experiment"] == inside, "the same for good"
        assert {seen[user] for user in seen} == {"old", "new", None}
        assert service.recorder.flush()
        kept = service.store.exposures("trial")
        exposed = dict(kept.select("user_id", "arm").iter_rows())
        assert exposed == {user: arm for user, arm in seen.items() if arm}
        answers = [row for f in service.store.answers() for row in f.iter_rows(named=True)]
        assert {(row["experiment"], row["arm"]) for row in answers} == {
            ("trial", "old"),
            ("trial", "new"),
            (None, None),
        }
        service.store.put_experiment("trial", {**about, "stopped": datetime.now(UTC).isoformat()})
        service.look()
        assert client.get("/v1/recommend/3").json()["experiment"] is None


def test_an_arm_whose_model_is_gone_gets_the_current_one_and_says_so(tmp_path):
    one = publish(tmp_path / "models", k=20)
    arms = {"old": {"share": 0.5}, "new": {"share": 0.5, "model": "gone"}}
    with served(tmp_path) as (client, service):
        service.store.put_experiment("trial", {"arms": arms, "started": "2026-01-01T00:00:00Z"})
        service.store.put_experiment("broken", {"arms": {}})
        service.look()
        pages = [client.get(f"/v1/recommend/{user}").json() for user in range(20)]
        assert {page["model"] for page in pages} == {one}
        told = {said for page in pages for said in page["degraded"]}
        assert told == {"experiment trial: version gone cannot be used, the current one is"}


def test_a_shadow_is_asked_and_never_seen(tmp_path):
    one = publish(tmp_path / "models", k=20)
    two = publish(tmp_path / "models", "popularity")
    Shelf(tmp_path / "models").publish(one)
    with served(tmp_path, shadow=two) as (client, service):
        for user in range(30):
            assert client.get(f"/v1/home/{user}").json()["model"] == one
        assert until(lambda: client.get("/v1/home/1") and service.shadow.as_dict()["asked"] >= 3)
        found = service.shadow.as_dict()
        assert found["model"] == two
        assert 0 <= found["overlap"] < 1
        assert found["failed"] == 0
        assert json.dumps(found)
        service.recorder.flush()
        models = {m for f in service.store.answers(["model"]) for m in f["model"]}
        assert models == {one}, "what nobody saw is not recorded"


def test_a_service_without_a_model_takes_events_and_says_that_it_is_not_ready(tmp_path):
    service = Service(settings(tmp_path)).start()
    try:
        assert "nothing was published" in service.ready or "no model" in service.ready
        time = datetime.now(UTC).isoformat()
        event = {"kind": "click", "event_id": "1", "user_id": "a", "item_id": "b", "time": time}
        assert service.take([event])[0].status == "accepted"
        with pytest.raises(BadArtifact):
            service.home("a")
        publish(tmp_path / "models")
        service.look()
        assert service.ready == ""
    finally:
        service.close()
