"""Retraining: published only where it is better, gone on with when killed, nobody erased left."""

import errno
import json
import signal
from datetime import UTC, datetime, timedelta
from shutil import copytree
from time import sleep

import numpy as np
import pytest
from stored import files_with, python
from typer.testing import CliRunner

import headwater.atomic
from headwater.cli import app
from headwater.data.store import load_data
from headwater.errors import BadArtifact, BadParameter, DataError, UnknownName
from headwater.facade import fit, load
from headwater.serve.retrain import Terms, _retraining, retrain
from headwater.serve.retrain._judging import TooLittle, judged, window
from headwater.serve.shelf import Shelf
from headwater.serve.store import Store
from headwater.serve.translated import Translated
from headwater.types import PAD

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
USERS, ITEMS = 60, 40
ITEMKNN = {"method": "itemknn", "settings": {"k": 20}}
EASY = {"guards": {"CatalogCoverage@10": 1.0}, "tolerance": 0.3}  # for few people


class World:
    """People who like every third item; a store with its own clock, and a shelf."""

    def __init__(self, folder):
        folder.mkdir(exist_ok=True)
        self.now = START
        self.store = Store(
            folder / "events.db", clock=lambda: self.now.timestamp(), past=400 * DAY
        ).upgrade()
        self.shelf = Shelf(folder / "models", clock=lambda: self.now.timestamp())
        self.rng, self.n = np.random.default_rng(0), 0
        self.liked = {u: self.rng.permutation(np.arange(u % 3, ITEMS, 3)) for u in range(USERS)}
        self.store.put_items({f"i{i}": {"genres": [f"g{i % 3}"]} for i in range(ITEMS)})
        for user in range(USERS):
            self.store.consent(f"person-{user}", "full")

    def days(self, first, last, users=range(USERS)):
        """Everybody chooses one item a day."""
        events = []
        for day in range(first, last):
            for user in users:
                self.n += 1
                events.append(
                    {
                        "kind": "click",
                        "event_id": f"e{self.n}",
                        "user_id": f"person-{user}",
                        "item_id": f"i{self.liked[user][day]}",
                        "time": START + day * DAY + timedelta(seconds=user),
                        "session_id": f"s{day}-{user}",
                    }
                )
        self.now = max(self.now, START + last * DAY)
        assert {each.status for each in self.store.ingest(events)} == {"accepted"}

    def retrain(self, **how):
        apart = {name: how.pop(name) for name in ("work", "dry_run") if name in how}
        return retrain(self.store, self.shelf, Terms(**{**EASY, **how}), **apart)

    def bytes_with(self, text):
        """The files, of the shelf and of the database, in which the text is."""
        self.store.compact()
        return files_with(self.shelf.folder.parent, text)


class Old(World):
    """One that is on disk already."""

    def __init__(self, folder, now):
        self.now = now
        clock = lambda: now.timestamp()  # noqa: E731
        self.store = Store(folder / "events.db", clock=clock, past=400 * DAY)
        self.shelf = Shelf(folder / "models", clock=clock)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def grown(world):
    """With a first model, and three days after it."""
    world.days(0, 5)
    assert world.retrain(**ITEMKNN)["verdict"] == "published"
    world.days(5, 8)
    return world


def test_the_first_model_is_compared_with_popularity(world):
    world.days(0, 5)
    with pytest.raises(BadParameter, match="name one"):
        world.retrain()
    report = world.retrain(**ITEMKNN)
    assert report["verdict"] == "published"
    assert report["against"] == "popularity"
    assert "since no model answers yet" in report["reason"]
    target = report["metrics"][0]
    assert target["metric"] == "NDCG@10"
    assert target["low"] <= target["difference"] <= target["high"]
    assert target["difference"] == pytest.approx(target["candidate"] - target["baseline"])
    assert target["difference"] > 0.1  # tastes are in three kinds, and popularity knows none
    assert report["counts"]["requests"] == 60  # the last fifth: the last day
    assert report["counts"]["events_before"] == 240
    name = world.shelf.current
    assert world.shelf.names() == [name]
    kept = world.shelf.report(name)
    assert kept["verdict"] == "published"
    assert "person-" not in json.dumps(kept)
    fitted = load(world.shelf.path(name))
    assert len(fitted.data.log.items) == 300  # on everything, in the end
    assert not (world.shelf.folder / ".retrain").exists()
    assert json.loads((world.shelf.folder / "retrain.json").read_text())["version"] == name


def test_the_next_one_is_compared_with_the_live_one_on_what_neither_has_seen(grown):
    first = grown.shelf.current
    report = grown.retrain()
    assert report["verdict"] == "published"
    assert report["against"] == first
    assert report["method"]["first"]["model"] == "retrieve.matrix.itemknn"  # that of the live one
    assert report["method"]["first"]["k"] == 20
    cut = datetime.fromisoformat(report["window"]["from"])
    seen = datetime.fromisoformat(report["window"]["live_has_seen"])
    assert seen == START + 4 * DAY + timedelta(seconds=59)
    assert cut == seen + timedelta(seconds=1)
    assert report["counts"]["events_before"] == 300
    assert report["counts"]["held_out"] == 180
    assert (grown.shelf.before, len(grown.shelf.names())) == (first, 2)
    guards = {row["metric"] for row in report["metrics"][1:]}
    assert guards == {"CatalogCoverage@10"}
    assert report["latency"]["requests"] == 200


def test_the_window_is_at_most_so_many_days(grown):
    report = grown.retrain(window=1, dry_run=True)
    assert report["counts"]["held_out"] == 60
    assert report["counts"]["events_before"] == 420


def test_a_dry_run_changes_nothing(grown):
    before = {p: p.read_bytes() for p in grown.shelf.folder.rglob("*") if p.is_file()}
    report = grown.retrain(dry_run=True)
    assert report["dry_run"]
    assert report["verdict"] == "published"
    assert {p: p.read_bytes() for p in grown.shelf.folder.rglob("*") if p.is_file()} == before


def test_a_worse_one_is_not_published(grown):
    first = grown.shelf.current
    report = grown.retrain(method="random", tolerance=0.02)
    assert report["verdict"] == "rejected"
    assert "beyond the tolerated 0.02" in report["reason"]
    assert (grown.shelf.current, grown.shelf.names()) == (first, [first])
    assert json.loads((grown.shelf.folder / "retrain.json").read_text())["verdict"] == "rejected"
    assert not (grown.shelf.folder / ".retrain").exists()


def test_a_guard_that_is_missed(grown):
    report = grown.retrain(method="popularity", tolerance=1, guards={"CatalogCoverage@10": 0.1})
    assert report["verdict"] == "rejected"
    assert "CatalogCoverage@10 differs" in report["reason"]
    report = grown.retrain(method="popularity", tolerance=1, guards={"Calibration@10": 0.1})
    assert "Calibration@10(by='genres') differs" in report["reason"]
    calibration = report["metrics"][1]
    assert calibration["difference"] > 0.1  # nobody's list is of their kind any more


class Slow:
    """The same lists, later."""

    def __init__(self, model):
        self.model = model

    def recommend(self, queries, k, **how):
        if len(queries) == 1:
            sleep(0.012)
        return self.model.recommend(queries, k, **how)


def test_a_slow_one_is_not_good_enough(grown):
    live = load(grown.shelf.path(grown.shelf.current))
    data = grown.store.dataset()
    split = window(data, days=7, seen=int(live.data.log.times.max()), out=None, least=1)
    model = fit("itemknn", split.train, k=20).model
    how = {
        "name": "old",
        "metric": "NDCG@10",
        "tolerance": 1,
        "guards": {"latency": 1.5},
        "valued": False,
        "seed": 0,
    }
    mine = Translated(live, split.train)
    assert judged(model, mine, split, **how)["passed"]  # far below what anybody minds
    found = judged(Slow(model), mine, split, **how)
    assert not found["passed"]
    assert "ms is above 1.5 times" in found["reason"]
    assert found["latency"]["candidate_p95"] > 0.012 > found["latency"]["baseline_p95"]
    assert judged(Slow(model), mine, split, **{**how, "guards": {}})["passed"]


def test_too_little_is_nothing_to_do(grown):
    grown.retrain()
    report = grown.retrain()
    assert report["verdict"] == "nothing to do"
    assert "no event is newer" in report["reason"]
    grown.days(8, 9, users=range(10))
    report = grown.retrain()
    assert report["reason"].startswith("10 people chose something new to them since")
    assert len(grown.shelf.names()) == 2
    assert not (grown.shelf.folder / ".retrain").exists()


def test_the_live_model_in_a_world_of_other_numbers(grown):
    """The same lists as if asked in its own numbers; what only one world has is left out."""
    live = load(grown.shelf.path(grown.shelf.current))
    grown.store.put_items({"new": {"genres": ["g0"]}})
    grown.store.ingest(
        [
            {
                "kind": "click",
                "event_id": "new",
                "user_id": "person-0",
                "item_id": "new",
                "time": grown.now,
            }
        ]
    )
    data = grown.store.dataset()
    split = window(data, days=7, seen=int(live.data.log.times.max()), out=None, least=1)
    slate = Translated(live, split.train).recommend(split.queries, 10)
    assert data.items.encode(["new"])[0] not in slate.items
    ids = split.users.to_list()
    mine = live.data.users.encode(ids)
    assert (mine != PAD).all()
    own = live.model.recommend(live.data.queries(mine, now=int(split.cut)), 10)
    for row in range(len(ids)):
        want = [each for each in live.data.items.decode(own.items[row]) if each is not None]
        got = [each for each in split.train.items.decode(slate.items[row]) if each is not None]
        assert got == want
    np.testing.assert_array_equal(slate.scores, own.scores)


def test_removed_items_are_learned_from_and_not_recommended(grown):
    gone = [f"i{i}" for i in range(12)]
    grown.store.remove_items(gone)
    report = grown.retrain()
    assert report["verdict"] == "published"
    assert report["counts"]["removed"] == 12
    fitted = load(grown.shelf.path(grown.shelf.current))
    slate = fitted.model.recommend(fitted.data.queries(), 30)
    listed = set(fitted.data.items.decode(slate.items.ravel()).drop_nulls())
    assert listed
    assert not listed & set(gone)
    assert set(gone) <= set(fitted.data.items.decode(fitted.data.log.items))
    grown.store.put_items({each: {"genres": ["g0"]} for each in gone})
    grown.days(8, 9)
    report = grown.retrain()
    assert report["method"]["model"] == "retrieve.fallback"  # and what kept them out is gone
    assert report["counts"]["removed"] == 0


def test_an_erased_user_is_nowhere_after(grown):
    first = grown.shelf.current
    assert grown.bytes_with("person-17")
    receipt = grown.store.erase("person-17")
    assert receipt.completed is None
    report = grown.retrain()
    assert report["verdict"] == "published"
    assert report["forgotten"] == 1
    assert grown.shelf.names() == [grown.shelf.current]  # nobody goes back to one that knows them
    assert grown.shelf.current != first
    assert grown.shelf.before is None
    assert grown.bytes_with("person-17") == []
    assert len(grown.bytes_with("person-18")) >= 2  # or the search would find nothing at all
    done = grown.store.receipt(receipt.receipt_id)
    assert done.completed is not None
    assert done.completed_by == grown.shelf.current


def test_who_was_erased_goes_even_where_the_candidate_is_no_good(grown):
    first = grown.shelf.current
    receipt = grown.store.erase("person-17")
    report = grown.retrain(method="random", tolerance=0.02)
    assert (report["verdict"], report["judged"]) == ("renewed", "rejected")
    assert report["method"]["first"]["model"] == "retrieve.matrix.itemknn"
    assert first not in grown.shelf.names()
    assert grown.bytes_with("person-17") == []
    assert grown.store.receipt(receipt.receipt_id).completed_by == grown.shelf.current
    receipt = grown.store.erase("person-18")
    report = grown.retrain()
    assert (report["verdict"], report["judged"]) == ("renewed", "nothing to do")
    assert grown.bytes_with("person-18") == []
    assert grown.store.receipt(receipt.receipt_id).completed is not None


def test_who_came_back_is_known_by_what_came_after(grown):
    """Their old data go as well, though they are not erased any more."""
    receipt = grown.store.erase("person-17")
    grown.now += timedelta(hours=1)
    grown.store.consent("person-17", "full")
    first = grown.shelf.current
    grown.retrain()
    assert first not in grown.shelf.names()
    assert grown.store.receipt(receipt.receipt_id).completed is not None
    grown.days(8, 9)
    grown.retrain()
    fitted = load(grown.shelf.path(grown.shelf.current))
    at = fitted.data.users.encode(["person-17"])
    assert fitted.data.log[at].lengths.tolist() == [1]
    assert len(grown.shelf.names()) == 2  # and that is no reason to remove anything


@pytest.mark.parametrize("moment", ["_candidate", "_final", "publish"])
def test_erased_while_it_trains(grown, monkeypatch, moment):
    """The work begins anew, and nothing that was made until then stays."""
    where = Shelf if moment == "publish" else _retraining.Retraining
    plain, left = getattr(where, moment), [1]
    runs = []

    def erases(self, *given):
        if left:
            left.pop()
            runs.append(1)
            if moment == "_candidate":
                grown.store.erase("person-17")
                return plain(self, *given)
            found = plain(self, *given)
            grown.store.erase("person-17")
            return found
        return plain(self, *given)

    monkeypatch.setattr(where, moment, erases)
    report = grown.retrain()
    assert report["verdict"] == "published"
    assert runs
    if moment == "publish":  # too late for this one: the next makes good for it
        assert grown.bytes_with("person-17")
        assert all(each.completed is None for each in grown.store.open_receipts())
        assert grown.retrain()["verdict"] == "renewed"
    assert grown.bytes_with("person-17") == []
    assert list(grown.store.open_receipts()) == []
    assert grown.shelf.current in grown.shelf.names()


def test_two_at_once(grown, monkeypatch):
    said = []
    plain = _retraining.Retraining._judge

    def meanwhile(self, *given):
        with pytest.raises(BadParameter, match="another retraining is at work"):
            grown.retrain()
        said.append(1)
        return plain(self, *given)

    monkeypatch.setattr(_retraining.Retraining, "_judge", meanwhile)
    assert grown.retrain()["verdict"] == "published"
    assert said


def test_a_damaged_live_model_is_one_error(grown):
    state = grown.shelf.path(grown.shelf.current) / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-4] + b"abcd")
    with pytest.raises(BadArtifact, match="damaged"):
        grown.retrain()


def test_a_full_disk_leaves_the_live_model(grown, monkeypatch):
    first, left = grown.shelf.current, [0]
    plain = headwater.atomic._sync

    def full(path):
        left[0] -= path.is_file()
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        plain(path)

    monkeypatch.setattr(headwater.atomic, "_sync", full)
    for room in range(0, 40, 3):  # each goes on from what the one before had kept
        left[0] = room
        try:
            report = grown.retrain()
        except OSError as error:
            assert "No space left" in str(error)  # noqa: PT017
        else:
            break
        load(grown.shelf.path(grown.shelf.current))
    assert room > 3
    assert report["verdict"] == "published"
    assert grown.shelf.before == first
    assert len(grown.shelf.names()) == 2


def test_a_clock_that_was_set_back(grown):
    """Names go on, and the window is that of the events."""
    first = grown.shelf.current
    grown.now = START - 30 * DAY
    report = grown.retrain()
    assert report["verdict"] == "published"
    assert grown.shelf.names() == [first, grown.shelf.current]
    assert datetime.fromisoformat(report["window"]["from"]) == START + 4 * DAY + timedelta(
        seconds=60
    )


def test_what_is_asked_for_makes_sense(grown):
    for wrong in ({"window": 0}, {"tolerance": -1}, {"guards": {"latency": float("nan")}}):
        with pytest.raises(BadParameter):
            Terms(**wrong)
    with pytest.raises(UnknownName, match="no metric"):
        grown.retrain(metric="nonsense")
    with pytest.raises(BadParameter, match="not a target"):
        grown.retrain(metric="Calibration@10")
    with pytest.raises(DataError, match="nobody of those"):
        grown.retrain(worth=True)
    mine = grown.shelf.folder / "mine"
    mine.mkdir()
    for name in (".thesis", "thesis.txt"):
        (mine / name).write_text("precious")
        with pytest.raises(BadParameter, match="holds something else"):
            grown.retrain(work=mine)
        (mine / name).unlink()


def test_clicks_worth_the_satisfaction_of_their_visits(grown):
    """Who plays in a visit is satisfied; then what they chose in it counts more."""
    events, answers = [], []
    for day in range(8):
        for user in range(USERS):
            at = START + day * DAY + timedelta(seconds=user)
            who = {"user_id": f"person-{user}", "session_id": f"s{day}-{user}"}
            good = (user + day) % 2 == 0
            if good:
                play = {"kind": "play", "event_id": f"p{day}-{user}", "seconds": 60.0}
                item = {"item_id": f"i{grown.liked[user][day]}"}
                events.append({**play, **who, **item, "time": at + timedelta(seconds=30)})
            if user % 3 == 0:
                told = {"kind": "survey", "event_id": f"a{day}-{user}"}
                flip = (user + day) % 7 == 0  # not all of them
                level = 5 if good != flip else 1
                answers.append(
                    {**told, **who, "time": at + timedelta(seconds=40), "satisfaction": level}
                )
    grown.store.ingest(events + answers)
    learned = []
    plain = _retraining.Retraining._fitted

    def watched(self, recipe, data, what):
        learned.append(data)
        return plain(self, recipe, data, what)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_retraining.Retraining, "_fitted", watched)
        report = grown.retrain(worth=True)
    assert report["verdict"] == "published"
    assert report["metrics"][0]["metric"] == "NDCG@10(gain='linear')"
    for data in learned:
        values = data.log.values
        played = np.array(data.kinds)[data.log.kinds] == "play"
        assert values[played].min() > 0.6
        assert values.min() < 0.4
    kept = load_data(grown.shelf.path(grown.shelf.current) / "data")
    assert kept.sessions is None
    assert set(kept.log.values) == {1.0}


KILLED = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from time import sleep
from headwater.serve.retrain import _retraining, _work
from headwater.serve.retrain import Terms, retrain
from headwater.serve.shelf import Shelf
from headwater.serve.translated import Translated
from headwater.serve.store import Store

folder, now, left = Path(sys.argv[1]), float(sys.argv[2]), [int(sys.argv[3])]

def moment():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def mortal(owner, name):
    plain = getattr(owner, name)
    def each(*given, **named):
        moment()
        return plain(*given, **named)
    setattr(owner, name, each)

for owner, name in (
    (_work.Work, "keep"),
    (_work.Work, "write"),
    (_work.Work, "clear"),
    (_retraining.artifact, "save"),
    (Shelf, "publish"),
    (_retraining, "forget"),
):
    mortal(owner, name)
clock = lambda: now
with Store(folder / "events.db", clock=clock, past=timedelta(days=400)) as store:
    terms = Terms(guards={"CatalogCoverage@10": 1.0}, tolerance=0.3)
    print(retrain(store, Shelf(folder / "models", clock=clock), terms)["verdict"])
"""


def test_killed_at_every_step(tmp_path):
    """What answers loads, and the next call goes on to the same verdict and one new model."""
    before = World(tmp_path / "before")
    before.days(0, 5)
    before.retrain(**ITEMKNN)
    before.days(5, 8)
    before.store.erase("person-17")
    before.store.close()
    steps = []
    for step in range(1, 20):
        folder = tmp_path / f"step-{step}"
        copytree(tmp_path / "before", folder)
        with python(KILLED, str(folder), str(before.now.timestamp()), str(step)) as child:
            said, wrong = child.communicate()
        world = Old(folder, before.now)
        load(world.shelf.path(world.shelf.current))
        if child.returncode == 0:
            break
        assert child.returncode == -signal.SIGKILL, wrong
        plan = world.shelf.folder / ".retrain" / "plan.json"
        run = json.loads(plan.read_text())["run"] if plan.exists() else None
        report = world.retrain()
        assert report["verdict"] == "published"
        assert run in (None, report["run"])  # it was gone on with
        steps.append(run is not None)
        assert world.shelf.names() == [world.shelf.current]
        assert world.shelf.current != before.shelf.current
        assert world.shelf.report(world.shelf.current)["run"] == report["run"]
        assert not (world.shelf.folder / ".retrain").exists()
        assert world.bytes_with("person-17") == []
        assert list(world.store.open_receipts()) == []
        world.store.close()
    assert said.strip() == "published"
    assert steps.count(True) >= 6


@pytest.mark.parametrize(
    ("seen", "said"), [(None, "and it takes 1,000,000"), (10**10, "no event is newer")]
)
def test_a_window_without_anything_in_it(grown, seen, said):
    data = grown.store.dataset()
    with pytest.raises(TooLittle, match=said):
        window(data, days=7, seen=seen, out=None, least=10**6)


def test_from_the_shell(grown):
    store, models = str(grown.shelf.folder.parent / "events.db"), str(grown.shelf.folder)
    shell, first = CliRunner(), grown.shelf.current
    where = ["--models", models, "--json"]

    def call(*words, status=0):
        got = shell.invoke(app, [*words, *where])
        assert got.exit_code == status, got.output
        return json.loads(got.stdout)

    asked = ["retrain", "--store", store, "--guard", "CatalogCoverage@10=1"]
    report = call(*asked, "--method", "random", status=5)
    assert report["verdict"] == "rejected"
    report = call(*asked, "--set", "first.k=10", "--tolerance", "0.3")
    assert report["verdict"] == "published"
    second = report["version"]
    assert call(*asked)["verdict"] == "nothing to do"
    rows = call("models", "list")
    assert [(row["name"], row["is"]) for row in rows] == [(first, "before"), (second, "current")]
    assert call("models", "rollback")["current"] == first
    assert call("models", "publish", second)["current"] == second
    assert call("models", "show", second)["method"]["first"]["k"] == 10
    got = shell.invoke(app, ["models", "publish", "../x", *where])
    assert isinstance(got.exception, UnknownName)
    got = shell.invoke(app, ["retrain", "--models", models, "--store", store])
    assert "no event is newer" in got.stdout
