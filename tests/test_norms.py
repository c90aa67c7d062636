"""Norms: what a file may say, and what is found where something was planted."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import stats

from headwater.errors import BadParameter, DataError, HeadwaterError, MissingColumn, UnknownName
from headwater.metrics.calibration import Calibration
from headwater.metrics.fragmentation import Fragmentation
from headwater.metrics.platform_distance import PlatformDistance
from headwater.norms import LEVELS, MODELS, Norms, told
from headwater.norms._chance import by_chance
from headwater.norms._check import _part, checked
from headwater.norms._measure import taken
from headwater.types import PAD, Histories, Slate
from norms_world import DAY, START, world

TOPICS = {"metric": "calibration", "by": "category", "target": [0, 0.5]}


def one(**more):
    return Norms.of({"targets": {"topics": {**TOPICS, **more}}})


# The file ---------------------------------------------------------------------------------------


def test_democratic_models_say_what_the_theory_says():
    said = {
        model: {
            (type(each.metric).__name__, each.metric.by): each.wanted
            for each in Norms.of(model).targets
        }
        for model in MODELS
    }
    topic, hard = ("Calibration", "category"), ("Calibration", "complexity")
    apart, stirs = ("Fragmentation", "story"), ("Activation", "sentiment")
    parties, voices = ("Representation", "parties"), ("AlternativeVoices", "voices")
    assert said == {
        "liberal": {topic: "low", hard: "low", apart: "high"},
        "participatory": {
            topic: "high", hard: "low", apart: "low", stirs: "medium", parties: "low",
            voices: "medium",
        },
        "deliberative": {apart: "low", stirs: "low", parties: "low"},
        "critical": {stirs: "high", parties: "high", voices: "high"},
    }  # fmt: skip
    assert dict(Norms.of("critical").levels) == dict(LEVELS)


def test_a_file_begins_from_a_model(tmp_path):
    path = tmp_path / "daily.yaml"
    path.write_text(
        "name: The Daily\n"
        "model: deliberative\n"
        "levels: {low: [0, 0.8]}\n"
        "defined: 0.5\n"
        "segments: [country, history]\n"
        "targets:\n"
        "  calm: null\n"
        "  stories that all share: {target: [0, 0.6], k: 5}\n"
        "  topics: {metric: calibration@3, discount: log, target: low, segments: {age: [30, 50]},\n"
        "           defined: 0.9, why: As read.}\n"
    )
    norms = Norms.of(path)
    assert (norms.name, norms.model, norms.draws) == ("The Daily", "deliberative", 5)
    assert norms.levels["low"] == (None, 0.8)
    assert norms.levels["high"] == (1.0, None)
    found = {each.name: each for each in norms.targets}
    assert list(found) == ["stories that all share", "parties as in the news", "topics"]
    assert found["stories that all share"].metric == Fragmentation(k=5)
    assert found["stories that all share"].wanted == (0.0, 0.6)
    assert found["topics"].metric == Calibration(k=3, discount="log")
    assert found["topics"].segments == {
        "country": None, "history": (1.0, 10.0, 50.0), "age": (30.0, 50.0),
    }  # fmt: skip
    assert [each.defined for each in norms.targets] == [0.5, 0.5, 0.9]
    assert Norms.of(norms) is norms


def test_what_the_guide_says_is_a_norms_file(tmp_path):
    text = (Path(__file__).parents[1] / "docs" / "guide.md").read_text(encoding="utf-8")
    text = text[text.index("## Norms, and whether") :]
    path = tmp_path / "daily.yaml"
    path.write_text(re.search(r"(?s)```yaml\n(.*?)```", text).group(1), encoding="utf-8")
    norms = Norms.of(path)
    assert [each.name for each in norms.targets] == [
        "stories that all share", "parties as in the news", "topics as people read them",
    ]  # fmt: skip
    assert dict(LEVELS) == {"low": (None, 0.9), "medium": (0.9, 1.1), "high": (1.0, None)}
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \|(.*)\|$", text))
    for model in MODELS:
        said = [cell.strip() for cell in rows[model].split("|")]
        assert [each for each in said if each] == [each.wanted for each in Norms.of(model).targets]


def test_another_metric_does_not_keep_the_parameters_of_the_first():
    changed = {"calm": {"metric": "catalog_coverage"}}
    norms = Norms.of({"model": "deliberative", "targets": changed})
    assert type(norms.targets[1].metric).__name__ == "CatalogCoverage"


def targets(**each):
    return {"targets": {"t": {**TOPICS, **each}}}


MISTAKES = {
    "unknown key": ({"target": {}}, "did you mean 'targets'"),
    "no targets": ({"name": "x"}, "no 'targets', and no 'model' to begin from"),
    "targets empty": ({"targets": {}}, "no target left"),
    "unknown model": ({"model": "librral"}, "did you mean 'liberal'"),
    "name is no text": ({"name": 12, "model": "liberal"}, "where a name must be"),
    "leaves out nothing": ({"model": "liberal", "targets": {"calm": None}}, "nothing to leave"),
    "target is no mapping": ({"targets": {"t": "low"}}, "target 't' is not a mapping"),
    "no metric": ({"targets": {"t": {"target": "low"}}}, "has no 'metric'"),
    "no target": ({"targets": {"t": {"metric": "calibration"}}}, "has no 'target'"),
    "unknown metric": (targets(metric="calibrtion"), "did you mean 'calibration'"),
    "unknown parameter": (targets(bye="category"), "'bye'; did you mean 'by'"),
    "bad parameter": (targets(discount="steep"), "discount must be"),
    "bad depth": (targets(metric="calibration@x"), "after @ comes a whole number"),
    "two depths": (targets(metric="calibration@3", k=5), "and so does k"),
    "needs scores": ({"targets": {"t": {"metric": "auc", "target": [0.5, 1]}}}, "lists alone"),
    "unknown word": (targets(target="lowish"), "low, medium, high, or a range"),
    "one number": (targets(target=0.3), "two numbers"),
    "three numbers": (targets(target=[0, 0.1, 0.2]), "two numbers"),
    "text in range": (targets(target=[0, "half"]), "two numbers"),
    "yes in range": (targets(target=[False, 0.3]), "two numbers"),
    "nan in range": (targets(target=[0, float("nan")]), "two numbers"),
    "no end": (targets(target=[None, None]), "has no end"),
    "low above high": (targets(target=[0.5, 0.2]), "the low end, 0.5, is above the high end, 0.2"),
    "beyond bounds": (targets(target=[0, 1.5]), "reaches beyond what Calibration@10 can be, 0 to"),
    "below bounds": (targets(target=[-1, 0.5]), "reaches beyond"),
    "share above 1": (targets(defined=1.5), "a share of the requests"),
    "segments no text": (targets(segments=[3]), "where a name must be"),
    "segments fall": (targets(segments={"age": [50, 30]}), "in rising order"),
    "segments of text": (targets(segments={"age": "old"}), "in rising order"),
    "why no text": (targets(why=3), "where a name must be"),
    "alike": ({"targets": {"Calm": TOPICS, "calm ": TOPICS}}, "named alike: 'Calm' and 'calm '"),
    "twice": (
        {"targets": [{"name": "a", **TOPICS}, {"name": "a", **TOPICS}]},
        "two targets named 'a'",
    ),
    "without name": ({"targets": [TOPICS]}, "has no name"),
    "unknown level": ({"levels": {"lo": [0, 1]}, **targets()}, "did you mean 'low'"),
    "level below 0": ({"levels": {"low": [-1, 1]}, **targets()}, "at least 0"),
    "level falls": ({"levels": {"medium": [1.1, 0.9]}, **targets()}, "is above the high end"),
    "draws": ({"draws": 0, **targets()}, "draws in"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    tree, says = MISTAKES[mistake]
    with pytest.raises(HeadwaterError) as raised:
        Norms.of(tree)
    assert says in str(raised.value)


def test_mistakes_in_files(tmp_path):
    path = tmp_path / "norms.yaml"
    path.write_text("targets:\n  a: {}\n  a: {}\n")
    with pytest.raises(DataError, match="line 3: not YAML: key 'a' stands twice"):
        Norms.of(path)
    path.write_text("- liberal\n")
    with pytest.raises(DataError, match="is not a mapping"):
        Norms.of(path)
    path.write_text("targets: [\n")
    with pytest.raises(DataError, match="not YAML"):
        Norms.of(path)
    path.write_text(f"model: {path}\n")
    with pytest.raises(DataError, match="begins from itself"):
        Norms.of(path)
    with pytest.raises(UnknownName, match="Or give the path of a YAML file"):
        Norms.of(tmp_path / "nowhere.yaml")


# Verdicts ---------------------------------------------------------------------------------------


def test_a_range_is_met_missed_or_undecided():
    seen = world()
    v = Calibration()(seen)
    person = v.reshape(12, 60).mean(0)  # a request a day and person
    middle = person.mean()
    half = stats.t.ppf(0.975, 59) * person.std(ddof=1) / np.sqrt(60)
    for ends, verdict, by in (
        ([0, middle + 2 * half], "met", 0),
        ([middle - 2 * half, None], "met", 0),
        ([0, middle + 0.5 * half], "undecided", 0),
        ([0, middle - 0.5 * half], "undecided", 0.5 * half),
        ([0, middle - 2 * half], "missed", 2 * half),
        ([middle + 3 * half, 0.9], "missed", -3 * half),
    ):
        found = one(target=ends).check(seen)["topics"].whole
        assert found.verdict == verdict
        assert found.by == pytest.approx(by, abs=1e-12)
        assert found.mean == pytest.approx(middle)
        assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
        low, high = ends[0], 1 if ends[1] is None else ends[1]
        assert found.in_range == np.mean((person >= low) & (person <= high))
        assert (found.asked, found.defined, found.people) == (720, 720, 60)


def test_a_word_is_told_against_lists_by_chance():
    """The verdict is of the differences of persons, which chance alone moves less than either."""
    seen = world()
    norms = Norms.of({"targets": {"topics": {**TOPICS, "target": "low"}}, "draws": 3})
    found = norms.check(seen, seed=4)["topics"].whole
    drawn = [Calibration()(replace(seen, slate=slate)) for slate in by_chance(seen, 3, 4)]
    person = Calibration()(seen).reshape(12, 60).mean(0)
    luck = np.mean(drawn, 0).reshape(12, 60).mean(0)
    assert found.chance == pytest.approx(luck.mean())
    assert found.range_high == pytest.approx(0.9 * luck.mean())
    assert found.range_low is None
    assert found.verdict == "met"
    assert found.in_range == np.mean(person <= 0.9 * luck)
    high = Norms.of({"targets": {"topics": {**TOPICS, "target": "high"}}, "draws": 3})
    part = high.check(seen, seed=4)["topics"].whole
    assert part.verdict == "missed"
    assert part.by == pytest.approx((person - luck).mean())


def test_chance_itself_is_what_medium_is():
    seen = world()
    (slate,) = by_chance(seen, 1, 77)
    norms = Norms.of("participatory")
    medium = {"target": "medium"}
    all_medium = {
        "model": "participatory",
        "targets": {each.name: medium for each in norms.targets},
    }
    found = Norms.of(all_medium).check(replace(seen, slate=slate))
    for each in found.findings:
        assert each.whole.verdict in ("met", "undecided"), each.name
        assert each.whole.mean == pytest.approx(each.whole.chance, rel=0.08)


def test_verdicts_are_as_sure_as_they_say():
    """Lists by chance stand at the very end of a range of chance and more: either verdict is an
    error of at most 2.5 % on its side."""
    norms = Norms.of({"targets": {"topics": {**TOPICS, "target": "high"}}})
    said = []
    for seed in range(80):
        seen = world(users=30, days=2, seed=seed)
        (slate,) = by_chance(seen, 1, 1000 + seed)
        said.append(norms.check(replace(seen, slate=slate), seed=seed)["topics"].verdict)
    assert said.count("undecided") >= 72
    assert max(said.count("met"), said.count("missed")) <= 7


def test_a_few_people_who_are_alike_are_not_all_people():
    """Of people of whom one in ten is at 1, and the rest at 0, five are often all at 0. That says
    nothing of a mean of at most 0.05; that 60 are does."""
    (target,) = Norms.of(
        {"targets": {"t": {"metric": "ndcg", "k": 1, "target": [None, 0.05]}}}
    ).targets
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(400):
        values = (rng.random(5) < 0.1).astype(float)
        wrong += part_of(target, values).verdict == "met"
    assert wrong == 0
    found = part_of(target, np.zeros(5))
    assert (found.low, found.high) == pytest.approx((0, 1 - 0.025**0.2))
    assert part_of(target, np.zeros(100)).verdict == "met"
    assert part_of(target, np.ones(5)).verdict == "missed"


def part_of(target, values):
    n = len(values)
    rows = np.ones(n, bool)
    return _part(target, target.wanted, values, None, np.arange(n), rows, "all", "", 1)


def test_lists_by_chance_are_of_the_same_length_and_pool():
    rng = np.random.default_rng(0)
    seen = world(days=1, users=300)
    items = seen.slate.items.copy()
    items[:5, 4:] = PAD
    items[5] = PAD
    seen = replace(seen, slate=Slate(items, seen.slate.scores))
    own = np.array([rng.permutation(180)[:40] for _ in range(300)], np.int32)
    own[7, 6:] = PAD  # fewer than the list is long
    offered = replace(seen, offered=Slate(own, np.zeros(own.shape, np.float32)))
    pool = np.arange(180) < 30
    pooled = replace(seen, queries=replace(seen.queries, pool=pool))
    wide = replace(seen, truth=Histories.empty(300, 5000))
    for each, allowed in ((seen, 180), (offered, 180), (pooled, 30), (wide, 5000)):
        (a,) = by_chance(each, 1, 3)
        first, second = by_chance(each, 2, 3)
        assert (a.items == first.items).all(), "a draw does not depend on how many there are"
        assert (a.items != second.items).any()
        lengths = seen.slate.filled.sum(1)
        if each is offered:
            lengths = np.minimum(lengths, (own != PAD).sum(1))
            for row, mine in zip(a.items, own, strict=True):
                assert set(row) - {PAD} <= set(mine)
        assert (a.filled.sum(1) == lengths).all()
        assert all(len(set(row[row != PAD])) == (row != PAD).sum() for row in a.items)
        assert a.items.max() < allowed
    many = np.bincount(np.concatenate([s.items[6:].ravel() for s in by_chance(seen, 30, 0)]))
    expected = 30 * 294 * 10 / 180
    assert np.abs(many - expected).max() < 6 * np.sqrt(expected), "each item as likely as another"


def test_fragmentation_has_its_own_interval():
    seen = world(days=1)
    found = Norms.of({"targets": {"apart": {"metric": "fragmentation", "target": [0, 0.5]}}})
    part = found.check(seen)["apart"].whole
    mean, low, _ = Fragmentation().interval(seen)
    wider = stats.t.ppf(0.975, 59) / stats.norm.ppf(0.975)
    assert part.mean == pytest.approx(mean)
    assert part.mean - part.low == pytest.approx((mean - low) * wider)


def test_lists_are_compared_within_a_day():
    """Who sees today what others saw yesterday shares nothing with them today."""
    seen = world(days=2)
    items = np.repeat([np.arange(10), np.arange(30, 40)], 60, axis=0).astype(np.int32)
    seen = replace(seen, slate=Slate(items, seen.slate.scores))
    norms = Norms.of({"targets": {"apart": {"metric": "fragmentation", "target": [0, 0.5]}}})
    assert norms.check(seen)["apart"].whole.mean == pytest.approx(0, abs=1e-6)
    assert norms.check(seen, period="none")["apart"].whole.mean > 0.4


def test_several_requests_of_one_person_are_one_person():
    seen = world(days=4)
    again = replace(seen, queries=replace(seen.queries, user=seen.queries.user % 6))
    few, many = (one().check(each)["topics"].whole for each in (again, seen))
    assert (few.people, many.people) == (6, 60)
    assert few.high - few.low > many.high - many.low


def test_who_has_no_id_is_somebody_else_each_time():
    seen = world(days=2)
    nobody = np.full(len(seen), PAD, np.int32)
    found = one().check(replace(seen, queries=replace(seen.queries, user=nobody)))
    assert found["topics"].whole.people == found.people == 120


# Time and segments ------------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", [1, 5, 11])
def test_a_change_is_found_on_its_day(breaks):
    found = one().check(world(breaks=breaks))
    day = pl.select(pl.from_epoch(pl.lit(START + breaks * DAY)).dt.date()).item().isoformat()
    assert found.period == "day"
    assert found["topics"].since == day
    assert found["topics"].now_missed
    assert [part.verdict for part in found["topics"].periods] == [
        *["met"] * breaks, *["missed"] * (12 - breaks),
    ]  # fmt: skip
    assert [each.name for each in found.missed] == ["topics"], "also where all days are not missed"


def test_what_was_mended_is_missed_since_never():
    seen = world(breaks=3, days=6)
    seen = replace(seen, queries=replace(seen.queries, now=2 * START + DAY - seen.queries.now - 1))
    found = one().check(seen)["topics"]
    assert [part.verdict for part in found.periods] == [*["missed"] * 3, *["met"] * 3]
    assert found.since is None
    assert not found.now_missed


def test_weeks_begin_on_monday():
    seen = world(days=12, breaks=7)
    found = one().check(seen, period="week")["topics"]
    assert [part.name for part in found.periods] == ["2024-03-04", "2024-03-11"]
    assert found.since == "2024-03-11"
    now = seen.queries.now
    late = np.where(now >= START + 11 * DAY, now + 60 * DAY, now)
    longer = one().check(replace(seen, queries=replace(seen.queries, now=late)))
    assert longer.period == "week"
    none = one().check(replace(seen, queries=replace(seen.queries, now=np.zeros(720, np.int64))))
    assert (none.period, none.first, none["topics"].periods) == ("none", None, ())


def test_a_planted_segment_is_named():
    norms = one(segments=["country", "age", "history"])
    found = norms.check(world(off=("FR",)))["topics"]
    assert [(part.column, part.name) for part in found.worst] == [("country", "FR")]
    by = {(part.column, part.name): part for part in found.segments}
    assert by["country", "NL"].verdict == by["country", "DE"].verdict == "met"
    assert sum(part.asked for (column, _), part in by.items() if column == "age") == 720
    assert ("history", "1 to 9") in by
    assert not norms.check(world())["topics"].worst
    assert found.groups["country", "FR"].mean() == pytest.approx(by["country", "FR"].mean)


def test_segments_of_requests_and_unknown_values():
    seen = world(off=("FR",), days=3)
    device = pl.Series("device", ["phone", None, "desk"] * 60)
    found = one(segments=["device"]).check(seen, segments={"device": device})["topics"]
    assert {part.name: part.asked for part in found.segments} == {
        "phone": 60, "unknown": 60, "desk": 60,
    }  # fmt: skip
    assert [part.name for part in found.worst] == ["unknown"]


def test_whole_numbers_are_in_groups_that_say_which():
    seen = world(days=2)
    numbers = np.random.default_rng(0).integers(-4, 40, len(seen))
    found = one(segments=["x"]).check(seen, segments={"x": pl.Series(numbers)})["topics"]
    assert sum(part.asked for part in found.segments) == len(seen)
    for part in found.segments:
        first, *rest = part.name.removeprefix("below ").split(" ")
        if part.name.startswith("below"):
            mine = numbers < int(first)
        elif rest[0] == "to":
            mine = (numbers >= int(first)) & (numbers <= int(rest[1]))
        else:
            mine = numbers >= int(first)
        assert part.asked == mine.sum(), part.name
    below = one(segments=[{"x": [1, 10]}]).check(seen, segments={"x": pl.Series(numbers)})
    assert [part.name for part in below["topics"].segments] == ["below 1", "1 to 9", "10 and more"]


def test_groups_that_nothing_is_told_of_make_no_interval_wider():
    seen = world(days=2)
    two = pl.Series((["a"] * 20 + ["b"] * 20 + [None] * 20) * 2)
    many = pl.Series((["a"] * 20 + ["b"] * 20 + [f"alone {at}" for at in range(20)]) * 2)
    few, more = (
        one(segments=["x"]).check(seen, segments={"x": x})["topics"].segments
        for x in (two.fill_null("a "), many)
    )
    half = [part.high - part.mean for part in (few[0], more[0])]
    wide = [stats.t.ppf(1 - 0.025 / of, 19) for of in (3, 2)]
    assert few[0].mean == more[0].mean
    assert half[1] / half[0] == pytest.approx(wide[1] / wide[0])


def test_somebody_in_several_segments_counts_in_each_with_what_is_of_it():
    seen = world(days=4, breaks=2)
    part = pl.Series(["before"] * 120 + ["after"] * 120)
    found = one(segments=["part"]).check(seen, segments={"part": part})["topics"]
    v = Calibration()(seen).reshape(4, 60)
    assert [part.people for part in found.segments] == [60, 60]
    assert found.groups["part", "before"] == pytest.approx(v[:2].mean(0))
    assert found.groups["part", "after"] == pytest.approx(v[2:].mean(0))


def test_few_people_are_not_shown():
    seen = world(days=2)
    rare = pl.Series(["a"] * 58 + ["b"] * 2 + ["a"] * 58 + ["b"] * 2)
    part = one(segments=["x"]).check(seen, segments={"x": rare})["topics"].segments[1]
    assert (part.name, part.verdict, part.mean, part.asked) == ("b", "undecided", None, 4)
    assert "fewer than 5 people" in part.why


def test_what_has_no_value_is_counted_by_its_reason():
    seen = world(days=1)
    items = seen.slate.items.copy()
    items[:3] = PAD
    table = seen.data.catalog.table.with_columns(
        category=pl.when(pl.int_range(pl.len()) < 10).then(None).otherwise("category")
    )
    items[3:5, :] = np.arange(10)
    history = seen.queries.history
    history = history.where((history.rows < 5) | (history.rows > 11))
    seen = replace(
        seen,
        slate=Slate(items, seen.slate.scores),
        queries=replace(seen.queries, history=history),
        data=replace(seen.data, catalog=replace(seen.data.catalog, table=table)),
    )
    norms = Norms.of(
        {
            "targets": {
                "topics": {**TOPICS, "defined": 0.9},
                "hard": {**TOPICS, "by": "complexity"},
                "coverage": {"metric": "ndcg", "target": [0, 1]},
            }
        }
    )
    found = norms.check(seen)
    assert found["topics"].undefined == {
        "the list is empty": 3,
        "no category known of anything in the list": 2,
        "nobody knows what was chosen before": 7,
    }
    assert found["topics"].whole.verdict == "undecided"
    assert found["topics"].whole.why == "48 of 60 requests have a value, and 90% must"
    assert found["hard"].undefined == {
        "the list is empty": 3,
        "nobody knows what was chosen before": 7,
    }
    assert found["coverage"].undefined == {"the list is empty": 3, "the metric has no value": 57}
    assert found["coverage"].whole.verdict == "undecided"
    assert sum(found.undefined()["requests"]) == 12 + 10 + 60


def test_windows_reach_back_over_the_days():
    """With a window a person's lists of days count together, also where days are compared."""
    seen = world(days=4, breaks=2)
    target = {"metric": "platform_distance", "target": [0, 0.5], "window": 30}
    norms = Norms.of({"targets": {"alone": {**target, "window": None}, "together": target}})
    found = norms.check(seen)
    alone, together = (
        np.array([part.mean for part in found[name].periods]) for name in ("alone", "together")
    )
    assert together[0] == pytest.approx(alone[0])
    for day in (1, 3):  # what was shown on the days before counts
        rows = np.arange(60 * (day + 1))
        direct = PlatformDistance(window=30)(taken(seen, rows))[-60:]
        assert together[day] == pytest.approx(direct.mean())
        assert abs(together[day] - alone[day]) > 0.02


# Errors at the check, and what comes out --------------------------------------------------------


def test_a_window_needs_times():
    seen = world(users=10, days=3)
    nobody = replace(seen, queries=replace(seen.queries, now=np.zeros(len(seen), np.int64)))
    with pytest.raises(DataError, match="nobody knows when these requests were made"):
        one(window=2).check(nobody)
    assert one().check(nobody)["topics"].whole.people == 10


def test_errors_of_a_check_name_the_target():
    seen = world(days=1)
    with pytest.raises(DataError, match=r"target 'topics'.*no column 'mood'.*topics: null"):
        one(by="mood").check(seen)
    with pytest.raises(DataError, match=r"target 'topics'.*numbers are needed"):
        one(metric="activation").check(seen)
    with pytest.raises(DataError, match="one number for all requests"):
        Norms.of({"targets": {"t": {"metric": "catalog_coverage", "target": [0, 1]}}}).check(seen)
    with pytest.raises(MissingColumn, match=r"no column 'planet'.*country, age, history"):
        one(segments=["planet"]).check(seen)
    with pytest.raises(DataError, match="no column of numbers"):
        one(segments={"country": [1, 2]}).check(seen)
    with pytest.raises(DataError, match="has 3 values for 60 requests"):
        one(segments=["x"]).check(seen, segments={"x": pl.Series([1, 2, 3])})
    with pytest.raises(BadParameter, match="auto, day, week, none"):
        one().check(seen, period="month")
    untimed = replace(seen, queries=replace(seen.queries, now=np.zeros(60, np.int64)))
    with pytest.raises(DataError, match="nobody knows when"):
        one().check(untimed, period="day")
    nothing = replace(seen, queries=seen.queries[:0], slate=seen.slate[:0], truth=seen.truth[:0])
    with pytest.raises(DataError, match="no request"):
        one().check(nothing)


def test_the_re_ranker_is_told_what_the_metric_is():
    """A range of one divergence means nothing to another."""
    seen = world(users=20, days=2)
    norms = Norms.of(
        {
            "targets": {
                "parties": {"metric": "representation", "divergence": "kl", "target": [None, 0],
                            "only": ["category", "kind 1"]},
                "calm": {"metric": "activation", "target": [None, 0]},
                "same": {"metric": "fragmentation", "target": [None, 0.1]},
            }
        }
    )  # fmt: skip
    flat = " ".join(told(norms.check(seen)).split())
    assert "(by parties, to pool, high 0.00, divergence kl, only category kind 1)" in flat
    assert "(by sentiment, to pool, high 0.00, absolute)" in flat
    assert "(by story, to platform, high 0)" in flat


def test_the_same_seed_gives_the_same_and_json_is_json():
    seen = world(days=3, breaks=2)
    norms = Norms.of({"model": "participatory", "segments": ["country"]})
    steps = []
    first = norms.check(seen, progress=lambda _, done, total: steps.append((done, total)))
    again = norms.check(seen)
    assert first.as_dict() == again.as_dict()
    assert first.as_dict() != norms.check(seen, seed=1).as_dict()
    assert steps[-1] == (36, 36)
    read = json.loads(json.dumps(first.as_dict(), allow_nan=False))
    assert list(read) == [
        "norms", "model", "period", "requests", "people", "first", "last", "levels", "draws",
        "seed", "missed", "targets", "notes",
    ]  # fmt: skip
    assert len(first.table()) == 6
    assert len(first.segments()) == 18
    assert len(first.periods()) == 18


def test_checked_is_what_norms_check_gives():
    seen = world(days=1)
    direct = checked(one(), seen, segments={}, period="auto", seed=0, progress=None)
    assert direct.as_dict() == one().check(seen).as_dict()
