import os
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, active_count, current_thread

import numpy as np
import pytest

from headwater.data.toy import blocks
from headwater.errors import BadFlow, BadParameter, NotFitted
from headwater.facade import fit, recommend
from headwater.flow import Flow, read_flow, write_flow
from headwater.registry import build, describe
from headwater.trace import traced, why

GOOD = """\
model: flow
width: 30
retrieve:
  model: fallback
  first:
    model: blend
    recommenders:
      - {model: ease, l2: 20}
      - model: itemknn
        k: 30
    weights: [1, 0.5]
  then: popularity
"""


def write(tmp_path, text):
    path = tmp_path / "films.yaml"
    path.write_text(text)
    return path


def test_reads_and_writes_the_same(tmp_path):
    flow = read_flow(write(tmp_path, GOOD))
    assert isinstance(flow, Flow)
    assert flow.retrieve.first.recommenders[0].l2 == 20
    again = read_flow(write(tmp_path, write_flow(flow)))
    assert describe(again) == describe(flow)
    slate = flow.fit(blocks()).recommend(blocks().queries([0]), 5)
    assert slate.filled.all()


def test_a_bare_name_is_a_method(tmp_path):
    assert repr(read_flow(write(tmp_path, "ease\n"))) == "EASE(l2=500.0)"


def test_numbers_with_exponents(tmp_path):
    assert repr(read_flow(write(tmp_path, "{model: ease, l2: 1e3}"))) == "EASE(l2=1000.0)"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("l2: 20", "l3: 20", 8, "no parameter of EASE 'l3'; did you mean 'l2'"),
        ("k: 30", "k: many", 10, "k must be a whole number, got 'many'"),
        ("k: 30", "k: 0", 9, "k must be at least 1, got 0"),
        ("model: itemknn", "model: itemnn", 9, "did you mean 'itemknn'"),
        ("then: popularity", "than: popularity", 12, "did you mean 'then'"),
        ("then: popularity", "first: popularity", 12, "'first' is given twice"),
        ("width: 30", "width: [", 4, "not YAML"),
        ("weights: [1, 0.5]", "weights: [1]", 6, "2 recommenders and 1 weights"),
        ("model: flow\n", "", 1, "no key 'model'"),
        (GOOD, "", 1, "the file is empty"),
        (GOOD, "model: &a {model: fallback, first: *a, then: *a}", 1, "contains itself"),
        (GOOD, "- 1", 1, "no key 'model'"),
        (GOOD, "!!python/object/apply:os.system ['true']", 1, ""),
    ],
)
def test_mistakes_have_lines(tmp_path, old, new, line, said):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(BadFlow) as error:
        read_flow(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert said in str(error.value)


class Broken:
    """A stage that is not a method of the registry."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def __call__(self, queries, slate):  # noqa: ARG002
        time.sleep(self.seconds)
        raise RuntimeError("no disk")


class Slow(Broken):
    def __call__(self, queries, slate):  # noqa: ARG002
        time.sleep(self.seconds)
        return slate.take(np.argsort(slate.items, axis=1))


def test_a_stage_that_fails_is_left_out_and_said(caplog):
    data = blocks()
    asked = data.queries([0, 1, 2])
    plain = Flow(retrieve=build("ease"), stages=(build("mmr"),)).fit(data).recommend(asked, 6)
    broken = Flow(retrieve=build("ease"), stages=(build("mmr"), Broken()), degrade=True).fit(data)
    with traced() as steps:
        got = broken.recommend(asked, 6)
    np.testing.assert_array_equal(got.items, plain.items)
    assert [step.failed for step in steps] == ["", "", "RuntimeError: no disk"]
    assert "Broken is left out: it RuntimeError: no disk" in caplog.text
    strict = Flow(retrieve=build("ease"), stages=(Broken(),)).fit(data)
    with pytest.raises(RuntimeError, match="no disk"):
        strict.recommend(asked, 6)


def test_a_stage_that_is_late_is_left_out():
    data = blocks()
    asked = data.queries([0, 1, 2])
    flow = Flow(retrieve=build("ease"), stages=(Slow(1.0),), degrade=True, limit=0.05).fit(data)
    plain = Flow(retrieve=build("ease"), width=200).fit(data).recommend(asked, 6)
    with traced() as steps:
        np.testing.assert_array_equal(flow.recommend(asked, 6).items, plain.items)
    assert steps[1].failed == "took longer than 0.05 s"
    quick = Flow(retrieve=build("ease"), stages=(Slow(0.0),), degrade=True, limit=5.0).fit(data)
    assert (quick.recommend(asked, 6).items != plain.items).any()
    with pytest.raises(BadParameter, match="may degrade"):
        Flow(retrieve=build("ease"), limit=1.0)


def test_a_stage_that_hangs_costs_a_few_threads_and_then_no_time():
    go_on = Event()

    class Stuck:
        def __call__(self, queries, slate):  # noqa: ARG002
            assert go_on.wait(60)
            return slate

    data = blocks()
    asked = data.queries([0])
    limit, requests = 0.2, 100
    flow = Flow(retrieve=build("ease"), stages=(Stuck(),), degrade=True, limit=limit).fit(data)
    before, began, failed = active_count(), time.monotonic(), []
    for _ in range(requests):
        with traced() as steps:
            assert flow.recommend(asked, 3).filled.all()
        failed.append(steps[1].failed)
    took = time.monotonic() - began
    assert active_count() - before <= 4
    assert took < requests * limit / 2
    assert failed[:4] == ["took longer than 0.2 s"] * 4
    assert set(failed[4:]) == {"is still at work for 4 requests, each for longer than 0.2 s"}
    other = Flow(retrieve=build("ease"), stages=(Slow(),), degrade=True, limit=limit).fit(data)
    with traced() as steps:
        other.recommend(asked, 3)
    assert steps[1].failed == "", "other stages are asked"
    go_on.set()
    end, failed = time.monotonic() + 10, ["not asked yet"]
    while any(failed):
        assert time.monotonic() < end, "once it is done it is asked again"
        with traced() as steps:
            flow.recommend(asked, 3)
        failed = [step.failed for step in steps]


def test_a_stage_with_a_limit_is_asked_in_a_thread_that_is_used_again():
    names = []

    class Quick:
        def __call__(self, queries, slate):  # noqa: ARG002
            names.append(current_thread())
            return slate

    data = blocks()
    flow = Flow(retrieve=build("ease"), stages=(Quick(),), degrade=True, limit=5.0).fit(data)
    for _ in range(50):
        flow.recommend(data.queries([0]), 3)
    assert len(names) == 50
    assert len(set(names)) <= 5


FORKED = """
import os
from headwater.waiting import in_time

assert in_time("stage", lambda: 7, 5.0) == 7
child = os.fork()
if not child:
    os._exit(in_time("stage", lambda: 7, 5.0))
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_threads_of_its_own():
    words = [sys.executable, "-W", "ignore", "-c", FORKED]
    subprocess.run(words, check=True, timeout=60)


def test_a_stages_own_timeout_is_its_failure():
    class Hanging:
        def __call__(self, queries, slate):  # noqa: ARG002
            raise TimeoutError("socket timed out")

    data = blocks()
    with pytest.raises(TimeoutError, match="socket"):
        Flow(retrieve=build("ease"), stages=(Hanging(),)).fit(data).recommend(data.queries([0]), 3)
    soft = Flow(retrieve=build("ease"), stages=(Hanging(),), degrade=True, limit=9.0).fit(data)
    with traced() as steps:
        soft.recommend(data.queries([0]), 3)
    assert steps[1].failed == "TimeoutError: socket timed out"


def test_a_mistake_is_not_a_failure():
    """Nothing is left out because somebody forgot to fit."""
    data = blocks()
    flow = Flow(retrieve=build("ease").fit(data), stages=(build("mmr"),), degrade=True)
    with pytest.raises(NotFitted):
        flow.recommend(data.queries([0]), 3)


def test_why_each_item_is_where_it_is():
    """Place by place, as the slates of the steps say it."""
    data = blocks()
    flow = Flow(retrieve=build("ease"), stages=(build("mmr", trade=0.3, by="genres"),), width=20)
    flow.fit(data)
    with traced() as steps:
        slate = flow.recommend(data.queries([4, 5]), 8)
    assert [step.name for step in steps] == ["retrieve.matrix.ease", "rerank.mmr"]
    assert all(step.seconds >= 0 for step in steps)
    first = steps[0].slate.items
    moved = 0
    for row in range(2):
        told = why(steps, row, slate.items[row].tolist())
        for now, (item, said) in enumerate(zip(slate.items[row], told, strict=True), 1):
            was = int(np.flatnonzero(first[row] == item)[0]) + 1
            assert said.startswith(f"ease found it, place {was}")
            way = "up" if now < was else "down"
            assert (f"moved {way} for variety, {was} to {now} (mmr)" in said) == (now != was)
            moved += now != was
    assert moved > 3
    with traced() as nothing:
        pass
    assert nothing == []


def test_flows_that_come_along():
    """Both files can be read; the one for films fitted and asked, saved and loaded alike."""
    pytest.importorskip("torch")
    root = Path(__file__).parents[1] / "flows"
    assert read_flow(root / "news.yaml").stages[1].most == 3
    films = read_flow(root / "films.yaml")
    data = blocks()
    small = build(
        describe(films),
        **{"width": 30, "stages.0.hidden_sizes": [8], "stages.0.how.n_epochs": 2},
    )
    fitted = fit(small, data)
    table = recommend(fitted, users=[3, 5], k=4, trace=True)
    assert table["why"].str.contains("found it, place").all()
    assert recommend(fitted, users=[3, 5], k=4).columns == table.drop("why").columns
