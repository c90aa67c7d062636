"""Norms on what the store says was shown: values against the metrics by themselves."""

import numpy as np
import pytest
from insights import DAY, put, running, strip, told
from stored import NOW

from headwater.errors import BadParameter
from headwater.evidence import Evidence
from headwater.metrics.calibration import Calibration
from headwater.metrics.ndcg import NDCG
from headwater.metrics.representation import Representation
from headwater.serve.insight.norms import default, norms

ITEMS = {f"i{n}": {"title": f"item {n}", "mood": ["calm", "wild"][n % 2]} for n in range(12)}
CALM = [f"i{n}" for n in range(0, 12, 2)]
WILD = [f"i{n}" for n in range(1, 12, 2)]


@pytest.fixture
def platform(tmp_path):
    with running(tmp_path, kinds="mood") as service:
        service.store.put_items(ITEMS)
        yield service


def one_sided(service, people=8):
    """Everybody is shown what is calm, and clicked what was wild the day before."""
    for n in range(people):
        wild, calm = WILD[n % 6], [CALM[(n + at) % 6] for at in range(4)]
        before = strip(f"a{n}", f"u{n}", [wild, calm[0]], NOW - DAY, clicked=[wild])
        put(service, [*before, *strip(f"b{n}", f"u{n}", calm[1:])])


def file(tmp_path, text):
    path = tmp_path / "norms.yaml"
    path.write_text(text)
    return path


def test_the_values_are_those_of_the_metrics(platform):
    one_sided(platform)
    found = norms(platform)
    assert (found["source"], found["own"], found["events"]) == ("default", False, 40)
    data = platform.store.dataset()
    shown = data.impressions
    seen = Evidence(shown.queries, shown.slate, shown.chosen, data)
    followed, room = found["checked"]["targets"]
    for target, metric in ((followed, Calibration(by="mood")), (room, Representation(by="mood"))):
        values, user = metric(seen), shown.queries.user
        some = ~np.isnan(values)
        people = [values[some & (user == u)].mean() for u in np.unique(user[some])]
        assert target["mean"] == pytest.approx(np.mean(people))
        assert target["people"] == len(people) == 8
    assert followed["undefined"] == {"nobody knows what was chosen before": 8}
    assert followed["verdict"] == "missed"
    assert [part["name"] for part in room["periods"]] == ["2026-04-30", "2026-05-01"]
    assert {part["name"] for part in followed["segments"]} == {"0", "1 to 9"}
    assert "MISSED" in found["text"]
    assert found["brief"].startswith("Of 2 norms")


@pytest.mark.parametrize(("range_", "verdict"), [("[0, 0.2]", "missed"), ("[0.5, null]", "met")])
def test_a_platforms_own_norms(tmp_path, range_, verdict):
    path = file(
        tmp_path,
        f"name: ours\ntargets:\n  moods: {{metric: calibration, by: mood, target: {range_}}}\n",
    )
    with running(tmp_path, kinds="mood", norms=path) as service:
        service.store.put_items(ITEMS)
        one_sided(service)
        found = norms(service)
        assert found["own"]
        assert found["checked"]["norms"] == "ours"
        assert found["checked"]["targets"][0]["verdict"] == verdict


def test_segments_of_people(tmp_path):
    path = file(
        tmp_path,
        "targets:\n  moods: {metric: representation, by: mood, target: [0, 0.5], segments: [land]}",
    )
    with running(tmp_path, kinds="mood", norms=path) as service:
        service.store.put_items(ITEMS)
        one_sided(service, people=12)
        service.store.put_users({f"u{n}": {"land": "be" if n < 6 else "nl"} for n in range(12)})
        (target,) = norms(service)["checked"]["targets"]
        assert [(part["name"], part["people"]) for part in target["segments"]] == [
            ("be", 6),
            ("nl", 6),
        ]


def test_what_is_missing_and_what_to_do(tmp_path, platform):
    assert "Nothing is known to have been shown" in norms(platform)["empty"]["what"]
    one_sided(platform)
    platform.store.consent("x", "full")
    with running(tmp_path, kinds="genre") as service:
        found = norms(service)["empty"]
        assert found["what"] == "The catalogue has no column 'genre'; it has: title, mood."
        assert "PUT /v1/items/ID" in found["do"]
    wrong = file(tmp_path, "targets: {x: {metric: nonsense, target: low}}")
    with running(tmp_path, kinds="mood", norms=wrong) as service:
        assert "nonsense" in norms(service)["empty"]["what"]
    with pytest.raises(BadParameter, match="days is from 1"):
        norms(platform, days=400)


def test_the_kinds_of_the_model_will_do(tmp_path):
    with running(tmp_path, model=True) as service:
        for n in range(6):
            put(service, strip(f"r{n}", f"u{n}", [str(n), str(n + 6)], clicked=[str(n)]))
        found = norms(service)
        assert found["checked"]["targets"][1]["name"] == "topic of the catalogue"
        assert found["checked"]["requests"] == 6


def test_only_the_newest_lists_are_looked_at(platform, monkeypatch):
    monkeypatch.setattr("headwater.serve.insight.norms.LISTS", 8)
    one_sided(platform)
    found = norms(platform)
    assert found["checked"]["requests"] == 8
    assert found["checked"]["first"] == "2026-05-01"
    assert any("of 16 lists the newest 8" in note for note in found["notes"])


def test_what_was_chosen_of_a_list_is_what_models_learn_it_was(tmp_path):
    """Clicks and plays by whom it was shown to; not bookmarks, nor what others did with it."""
    path = file(tmp_path, "targets: {hits: {metric: ndcg, target: high}}")
    with running(tmp_path, kinds="mood", norms=path) as service:
        service.store.put_items(ITEMS)
        for n in range(6):
            lists = strip(f"r{n}", f"u{n}", CALM[:4], clicked=CALM[3:4], play=CALM[1:2])
            lists += strip(f"q{n}", f"u{n}", WILD[:4])
            saved = {"item_id": WILD[0], "request_id": f"q{n}"}
            lists.append(told("bookmark", f"b{n}", f"u{n}", **saved))
            lists.append({**lists[0], "event_id": f"x{n}", "user_id": "eve"})
            put(service, lists)
        found = norms(service)
        (hits,) = found["checked"]["targets"]
        data = service.store.dataset()
        shown = data.impressions
        want = NDCG()(Evidence(shown.queries, shown.slate, shown.chosen, data))
        assert np.isfinite(want).sum() == 6
        assert hits["mean"] == pytest.approx(np.nanmean(want))
        assert "left out 6 slots of requests that others had made" in found["notes"]


def test_the_default_says_whose_it_is():
    asked = default("mood")
    assert asked["name"] == "default"
    assert [each["by"] for each in asked["targets"].values()] == ["mood", "mood"]
