"""What the pictures of a survey show is what is in it, and their sentences are true."""

import json
import re
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from headwater.data._notes import Note
from headwater.errors import BadParameter, DataError, MissingExtra
from headwater.evaluation import Folds, holm
from headwater.survey_report import Posterior, charts, write, write_pngs
from headwater.survey_report._answers import _least, of_intents
from headwater.survey_report._behaviours import _correlated, _differs, _strongest
from headwater.survey_report._chances import _area, _best
from headwater.survey_report._models import rare
from headwater.survey_report._picture import merged
from headwater.survey_report._writing import _told
from small_surveys import GROUPS, INTENTS, NAMES, survey

pytest.importorskip("altair")


def posterior(*, strong=0.0, seed=0, chains=4, draws=500, rhat=1.001):
    """Of eight intents and the columns of the toy survey; ``strong`` is the third's searches."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(0, 0.02, (len(INTENTS), len(NAMES)))
    middle[2, NAMES.index("num_searches")] = strong
    middle[:, NAMES.index("num_trailer_plays")] = 9.0  # would be the largest of all
    return Posterior(
        draws=middle + rng.normal(0, 0.1, (chains, draws, *middle.shape)),
        intents=INTENTS,
        columns=NAMES,
        rhat=np.full(middle.shape, rhat),
        divergences=0,
    )


def judged(y, *, knowing=0.0, seed=0, names=("logistic", "boosted")):
    rng = np.random.default_rng(seed)
    n = len(y)
    chances = {name: 1 / (1 + np.exp(-(rng.normal(size=n) + knowing * y))) for name in names}
    return Folds(
        target="overall",
        y=y,
        fold=np.arange(n) % 5,
        person=np.arange(n),
        weights=np.ones(n),
        chances=chances,
        cuts={name: np.full(5, 0.5) for name in names},
    )


def layers(chart):
    spec = chart.to_dict()
    data = spec.get("datasets", {})
    for layer in spec.get("layer", [spec]):
        found = layer.get("data") or spec["data"]
        yield found["values"] if "values" in found else data[found["name"]]


@pytest.fixture(scope="module")
def drawn():
    sessions = survey(800, effect=-0.5, intent_effect=-0.6)
    folds = judged(sessions.satisfaction >= 4, knowing=1.0)
    pictures = charts(sessions, GROUPS, posterior=posterior(strong=-0.9), folds=folds)
    return sessions, folds, pictures


def test_the_pictures_of_the_thesis(drawn):
    _, _, pictures = drawn
    assert list(pictures) == [
        "satisfaction", "intents", "behaviours", "correlations", "coefficients", "chains", "roc",
        "calibration",
    ]  # fmt: skip
    assert all(re.match(r"^[A-Z0-9].*\.$", each.says) for each in pictures.values())


def test_histogram_of_satisfaction(drawn):
    sessions, _, pictures = drawn
    rows = next(layers(pictures["satisfaction"].charts[0]))
    counts = np.bincount(sessions.satisfaction, minlength=6)[1:]
    assert [row["answers"] for row in rows] == counts.tolist()
    good = 100 * (sessions.satisfaction >= 4).mean()
    worst = 100 * (sessions.satisfaction == 1).mean()
    assert pictures["satisfaction"].says == (
        f"{good:.0f} % were satisfied (4 or 5); {worst:.0f} % were very dissatisfied (1)."
    )


def test_a_weighted_share_is_said_beside_it():
    sessions = survey(400)
    weights = np.where(sessions.satisfaction >= 4, 1.0, 3.0).astype(np.float32)
    says = charts(replace(sessions, weights=weights), GROUPS)["satisfaction"].says
    share = weights[sessions.satisfaction >= 4].sum() / weights.sum()
    assert f"Weighted for those who were asked and did not answer: {100 * share:.0f} %" in says


@pytest.mark.parametrize(
    ("counts", "bars", "says"),
    [
        ([10, 10, 10, 10, 10], [10, 10, 10, 10, 10], "40 % were satisfied (4 or 5); 20 % were"),
        ([0, 10, 10, 10, 10], [0, 10, 10, 10, 10], "nobody was very dissatisfied (1)."),
        ([2, 4, 10, 10, 10], [6, 10, 10, 10], "17 % chose 1 to 2."),
        ([10, 10, 3, 10, 10], [10, 13, 10, 10], "23 % were very dissatisfied (1)."),
        ([10, 10, 10, 2, 10], [10, 10, 10, 12], "29 % were satisfied"),
        ([1, 1, 1, 10, 10], [13, 10], "All but fewer than 5 of 23 answers were 4 or 5."),
        ([10, 10, 10, 1, 1], [10, 10, 12], "Fewer than 5 of 32 answers were 4 or 5."),
        ([0, 0, 0, 0, 30], [0, 0, 0, 0, 30], "100 % were satisfied (4 or 5); nobody was"),
    ],
)
def test_nobody_is_shown_alone(counts, bars, says):
    answers = np.repeat(np.arange(1, 6), counts)
    picture = charts(survey(len(answers), answers=answers), GROUPS)["satisfaction"]
    assert [row["answers"] for row in next(layers(picture.charts[0]))] == bars
    assert says in picture.says
    assert ("put together" in picture.note) == (len(bars) < 5)


def test_neighbours_are_merged():
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts = rng.poisson(rng.uniform(0, 6), (2, rng.integers(1, 12)))
        parts = merged(counts)
        ends = [i for first, last in parts for i in range(first, last + 1)]
        assert ends == list(range(counts.shape[1]))
        sums = np.array([counts[:, first : last + 1].sum(1) for first, last in parts])
        if len(parts) > 1:
            assert ((sums == 0) | (sums >= 5)).all()


def test_violins_and_their_means(drawn):
    sessions, _, pictures = drawn
    shapes, dots, _ = layers(pictures["intents"].charts[0])
    for row, name in zip(dots, INTENTS, strict=True):
        mine = sessions.satisfaction[sessions.intents[:, INTENTS.index(name)]]
        assert row["mean"] == pytest.approx(mine.mean())
        assert row["answers"] == len(mine)
        violin = [each for each in shapes if each["intent"] == name]
        wide = {each["x"]: each["high"] - each["low"] for each in violin}
        area = sum(wide.values())
        level = {k: sum(w for x, w in wide.items() if abs(x - k) < 0.5) / area for k in range(1, 6)}
        for k in range(1, 6):  # the width at a level is its share
            assert level[k] == pytest.approx((mine == k).mean(), abs=0.05)
    assert {each["group"] for each in shapes[: len(shapes) // 2]} == {"decisive"}


WIDE = 0.28


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([0, 0, 0, 1, 5], [0, 0, 0, 3, 3]),
        ([2, 9, 1, 20, 8], [4, 4, 4, 20, 8]),
        ([6, 0, 2, 5, 30], [2, 4, 2, 5, 30]),
        ([8, 8, 8, 8, 8], [8, 8, 8, 8, 8]),
        ([1, 1, 1, 1, 1], [1, 1, 1, 1, 1]),
    ],
)
def test_a_violin_tells_of_nobody_alone(counts, told):
    """Solve the widths in the page for the counts: they are those of parts of at least five, and
    the mean and the table say what these say."""
    mine = np.repeat(np.arange(1, 6), counts)
    n = len(mine)
    sessions = survey(n + 100, seed=1)
    came = sessions.intents.copy()
    came[:, 2] = np.arange(n + 100) < n
    levels = sessions.satisfaction.copy()
    levels[:n] = mine
    sessions = replace(sessions, intents=came, satisfaction=levels)
    shapes, dots, _ = layers(charts(sessions, GROUPS)["intents"].charts[0])
    violin = [row for row in shapes if row["intent"] == "live_tv"]
    x = np.array([row["x"] for row in violin])
    wide = np.array([row["high"] - row["low"] for row in violin])
    kernel = np.exp(-((x[:, None] - np.arange(1, 6)) ** 2) / (2 * WIDE**2))
    found = np.linalg.lstsq(kernel, wide, rcond=None)[0]
    parts = np.array(told) / n
    assert found / found.sum() == pytest.approx(parts, abs=0.01)
    (dot,) = (row for row in dots if row["intent"] == "live TV")
    (row,) = of_intents(sessions, GROUPS).filter(pl.col("intent") == "live TV").to_dicts()
    assert dot["answers"] == row["answers"] == n
    assert dot["mean"] == row["mean"] == pytest.approx(parts @ np.arange(1, 6))
    assert (dot["low"], dot["high"]) == (row["low"], row["high"])


def test_answers_that_differ_within_a_part_look_alike():
    sessions = survey(100, seed=1)
    came = sessions.intents.copy()
    came[:, 2] = np.arange(100) < 6
    levels = sessions.satisfaction
    sessions = replace(sessions, intents=came)
    sessions = [replace(sessions, satisfaction=levels) for levels in (
        np.concatenate([[4, 5, 5, 5, 5, 5], levels[6:]]).astype(np.int8),
        np.concatenate([[4, 4, 5, 5, 5, 5], levels[6:]]).astype(np.int8),
    )]  # fmt: skip
    drawn = [list(layers(charts(each, GROUPS)["intents"].charts[0])) for each in sessions]
    assert [row for rows in drawn[0] for row in rows if "live" in row["intent"]] == [
        row for rows in drawn[1] for row in rows if "live" in row["intent"]
    ]


def test_groups_keep_their_labels():
    """What the axis calls each row is at the place of the row, to the last digit."""
    groups = {name: f"group {i}" for i, name in enumerate(INTENTS)}
    picture = charts(survey(400), groups)["intents"]
    _, dots, _ = layers(picture.charts[0])
    axis = picture.charts[0].to_dict()["layer"][0]["encoding"]["y"]["axis"]
    named = json.loads(re.search(r"\((\{.*\})\)", axis["labelExpr"])[1])
    assert [str(int(at) if at == int(at) else at) for at in axis["values"]] == list(named)
    assert [row["at"] for row in dots] == axis["values"]


def test_who_is_the_least_satisfied(drawn):
    sessions, _, pictures = drawn
    came = sessions.intents[:, 2]
    a, b = sessions.satisfaction[came] * 1.0, sessions.satisfaction[~came] * 1.0
    test = stats.ttest_ind(a, b, equal_var=False)
    ends = test.confidence_interval(1 - 0.05 / len(INTENTS))
    assert pictures["intents"].says == (
        f"People who come for live TV are the least satisfied: {a.mean():.1f} against "
        f"{b.mean():.1f} on average for the others (difference {a.mean() - b.mean():+.2f}, 95 % "
        f"interval {ends.low:+.2f} to {ends.high:+.2f}, corrected for 8 intents)."
    )


def test_the_most_satisfied_too():
    says = charts(survey(800, intent_effect=1.0), GROUPS)["intents"].says
    assert says.startswith("People who come for live TV are the most satisfied")


def test_nothing_is_said_of_nothing():
    """Without any effect, in at most about a twentieth of surveys."""
    spoke = Counter()
    for seed in range(40):
        answers = survey(300, seed=seed)
        liked = answers.satisfaction >= 4
        spoke["intents"] += "makes no difference that is clear" not in _least(answers, INTENTS)
        spoke["behaviours"] += not _differs(answers, liked).startswith("Nothing that people did")
        known = [row for row in _correlated(answers) if "p_holm" in row]
        spoke["correlations"] += not _strongest(known, answers.censored).startswith("What people")
        areas = {n: _area(p, liked, 2) for n, p in judged(liked, seed=seed).chances.items()}
        spoke["roc"] += not _best(areas, "satisfied").startswith("No model is clearly better")
    assert max(spoke.values()) <= 6, spoke
    says = charts(survey(100), GROUPS, posterior=posterior())["coefficients"].says
    assert says.startswith("None of the 24 coefficients")


def test_what_tells_the_satisfied_from_the_others(drawn):
    sessions, _, pictures = drawn
    liked = sessions.satisfaction >= 4
    x = sessions.column("num_searches")
    sign = np.sign(x[liked][:, None] - x[~liked])
    lower, higher, same = (100 * (sign == each).mean() for each in (-1, 1, 0))
    assert same > 40
    assert (
        "the number of searches: of 100 pairs of a satisfied session and another it is lower in "
        f"the satisfied one in {lower:.0f}, higher in {higher:.0f} and the same in {same:.0f}."
    ) in pictures["behaviours"].says


def test_histograms_tell_zeros_and_never(drawn):
    sessions, _, pictures = drawn
    by_name = {chart.to_dict()["title"]["text"]: chart for chart in pictures["behaviours"].charts}
    assert list(by_name) == ["plays", "time to first play", "trailer plays", "searches",
                             "session length"]  # fmt: skip
    liked = sessions.satisfaction >= 4
    x = sessions.column("time_to_first_play")
    never = [f"{100 * np.isnan(x[mask]).mean():.0f} %" for mask in (liked >= 0, liked, ~liked)]
    title = by_name["time to first play"].to_dict()["title"]
    assert title["subtitle"] == f"never in {' / '.join(never)}"
    for name, column in (("plays", "num_plays"), ("session length", "session_length")):
        rows = next(layers(by_name[name]))
        for group, mask in (("all", liked >= 0), ("4 or 5", liked), ("below 4", ~liked)):
            steps = [(row["at"], row["high"]) for row in rows if row["group"] == group]
            at, high = map(np.array, zip(*steps, strict=True))
            counts = high[:-1] * np.diff(np.log2(at)) * mask.sum()
            values = sessions.column(column)[mask]
            assert np.histogram(values[values > 0], at)[0] == pytest.approx(counts)
            assert ((counts < 0.1) | (counts > 4.9)).all()


def test_correlations_are_those_of_scipy(drawn):
    sessions, _, pictures = drawn
    cells, crossed, _ = layers(pictures["correlations"].charts[0])
    assert len(cells) == len(INTENTS) * len(NAMES)
    p = []
    for row in cells:
        x = sessions.column(row["name"])
        came = sessions.intents[:, [i.replace("_", " ").replace("tv", "TV") for i in INTENTS]
                                .index(row["intent"])]  # fmt: skip
        some = ~np.isnan(x)
        found = stats.pearsonr(x[some], came[some])
        assert row["r"] == pytest.approx(found.statistic, abs=1e-4)
        p.append(found.pvalue)
    corrected = holm(p)
    assert [row["p_holm"] for row in cells] == pytest.approx(corrected.tolist(), rel=1e-3)
    assert len(crossed) == (corrected > 0.05).sum()


def test_the_largest_correlation_is_said():
    sessions = survey(800)
    x = sessions.behaviours.copy()
    x[:, 3] += 2 * sessions.intents[:, 5]
    says = charts(replace(sessions, behaviours=x), GROUPS)["correlations"].says
    assert "those who came for genre had more searches (r = 0." in says
    x[:, 1] += 500 * sessions.intents[:, 0]
    says = charts(replace(sessions, behaviours=x), GROUPS)["correlations"].says
    assert "2 of 40 correlations are beyond chance" in says


def test_half_eyes(drawn):
    _, _, pictures = drawn
    learned = posterior(strong=-0.9)
    assert len(pictures["coefficients"].charts) == len(INTENTS)
    dots = list(layers(pictures["coefficients"].charts[2]))[-1]
    assert dots[0]["name"] == "searches"
    assert len(dots) == 3
    flat = learned.draws[:, :, 2, 3].ravel()
    names = ("least", "low", "median", "high", "most")
    ends = np.quantile(flat, (0.001, 0.25, 0.5, 0.75, 0.999))
    assert [dots[0][name] for name in names] == pytest.approx(ends.tolist())
    said = " to ".join(f"{np.exp(e):.2g}" for e in (ends[0], ends[-1]))
    assert "1 of the 24 coefficients shown is beyond doubt" in pictures["coefficients"].says
    assert f"{np.exp(ends[2]):.2g} (99.8 % interval {said})" in pictures["coefficients"].says
    for chart in pictures["coefficients"].charts:
        assert "trailer plays" not in {row["name"] for row in list(layers(chart))[-1]}
    assert "Left out, as too rare: trailer plays." in pictures["coefficients"].note


def test_what_few_came_for_is_not_drawn():
    sessions = survey(300)
    came = sessions.intents.copy()
    came[:, 2] = np.arange(300) < 4
    sessions = replace(sessions, intents=came)
    learned = posterior(strong=-0.9)
    learned.rhat[2, 0] = 1.9
    pictures = charts(sessions, GROUPS, posterior=learned)
    for name in ("coefficients", "chains"):
        titles = [chart.to_dict()["title"]["text"] for chart in pictures[name].charts]
        assert len(titles) == 7
        assert "live TV" not in titles
        assert "live TV" not in pictures[name].says
        assert "Not shown, with fewer than 5 answers: live TV." in pictures[name].note
    subset = replace(posterior(), answers=np.array([9, 9, 9, 4, 9, 9, 9, 9]))
    note = charts(survey(300), GROUPS, posterior=subset)["chains"].note
    assert "Not shown, with fewer than 5 answers: specific title." in note
    came[:] = False
    none = charts(replace(sessions, intents=came), GROUPS, posterior=learned)
    assert not {"coefficients", "chains"} & set(none)


def test_rare_is_what_hardly_varies():
    sessions = survey(800)
    trailers = sessions.column("num_trailer_plays")
    assert 0 < (trailers != 0).sum() < 40
    never = int(np.isnan(sessions.column("time_to_first_play")).sum())
    assert min(never, 800 - never) > 40
    columns = (*NAMES, "no_first_play")
    assert rare(sessions, columns) == ["num_trailer_plays"]
    x = sessions.behaviours.copy()
    x[:, 1] = np.where(np.arange(800) < 39, 5.0, np.nan)
    x[:, 3] = np.arange(800) < 40
    almost = replace(sessions, behaviours=x)
    assert rare(almost, columns) == ["time_to_first_play", "num_trailer_plays", "no_first_play"]
    x[:, 1] = np.where(np.arange(800) < 39, np.nan, 5.0)
    assert rare(replace(sessions, behaviours=x), columns) == ["num_trailer_plays", "no_first_play"]
    assert "num_searches" in rare(sessions[np.arange(800) < 60], NAMES), "fewer than 30"


def test_sentences_say_what_is_foretold():
    sessions = survey(400)
    learned = replace(posterior(), target="unsatisfied")
    folds = replace(judged(sessions.satisfaction == 1), target="unsatisfied")
    pictures = charts(sessions, GROUPS, posterior=learned, folds=folds)
    found = pictures["coefficients"]
    assert found.title == "What goes with being very dissatisfied (1), by why people came"
    assert "more of it goes with being very dissatisfied (1);" in found.note
    assert (
        "none of these ties a behaviour to being very dissatisfied (1) beyond doubt" in found.says
    )
    assert pictures["roc"].title == "How well models tell who is very dissatisfied (1)"


@pytest.mark.parametrize("rhat", [1.02, np.nan])
def test_nothing_is_beyond_doubt_before_chains_agree(rhat):
    learned = posterior(strong=-0.9)
    assert "is beyond doubt" in charts(survey(200), GROUPS, posterior=learned)["coefficients"].says
    learned.rhat[0, 0] = rhat
    says = charts(survey(200), GROUPS, posterior=learned)["coefficients"].says
    assert says.startswith("The chains do not agree yet, so that none of the 24 coefficients shown")


def test_weights_are_told():
    sessions = survey(100)
    weighted = replace(sessions, weights=np.linspace(0.5, 1.5, 100).astype(np.float32))
    assert not [each for each in _told(sessions) if "weights" in each]
    (said,) = [each for each in _told(weighted) if "weights" in each]
    assert "the tests between them are weighted" in said
    assert "each answer once" in said


def test_what_has_not_converged_is_not_drawn():
    learned = posterior(strong=-0.9)
    learned.rhat[2, NAMES.index("num_searches")] = 1.2
    pictures = charts(survey(100), GROUPS, posterior=learned)
    names = {row["name"] for row in list(layers(pictures["coefficients"].charts[2]))[-1]}
    assert "searches" not in names
    assert "with an R-hat above 1.05: 1 coefficient." in pictures["coefficients"].note
    assert "R-hat is up to 1.200 (searches for live TV)" in pictures["chains"].says
    assert "Draw more" in pictures["chains"].says


def test_of_a_learned_posterior():
    pytest.importorskip("numpyro")
    from headwater.satisfaction.bayesian import Bayesian
    from headwater.types import Dataset, Ids

    answers = survey(150, intents=INTENTS[:2])
    data = Dataset.of_sessions(answers, Ids(pl.Series(range(150))))
    model = Bayesian(n_chains=2, n_draws=40, n_warmup=40, target="satisfied").fit(data)
    learned = Posterior.of(model)
    assert learned.draws.shape == (2, 40, 2, len(model.columns))
    assert learned.target == "satisfied"
    deviation = np.median(learned.draws[:, :, 1, 3])
    per_unit = model.coefficients()[INTENTS[1]][4]
    assert per_unit.name == NAMES[3]
    assert deviation == pytest.approx(per_unit.estimate * model.deviation_[3], rel=1e-4)
    assert learned.rhat[1, 3] == pytest.approx(per_unit.rhat)
    pictures = charts(answers, GROUPS, posterior=learned)
    assert len(pictures["chains"].charts) == 2


def test_chains_say_what_they_are():
    says = charts(survey(100), GROUPS, posterior=posterior())["chains"].says
    assert says == "The chains agree: R-hat is at most 1.001, and no draw diverged."
    lost = replace(posterior(), divergences=7)
    says = charts(survey(100), GROUPS, posterior=lost)["chains"].says
    assert "7 draws diverged of 2,000" in says
    one = posterior(chains=1, rhat=np.nan)
    says = charts(survey(100), GROUPS, posterior=one)["chains"].says
    assert says.startswith("There is one chain")


def test_roc(drawn):
    _, folds, pictures = drawn
    y = folds.y
    best = max(folds.chances, key=lambda name: _area(folds.chances[name], y, 1)[0])
    p = folds.chances[best]
    pairs = (p[y][:, None] > p[~y]).mean()
    assert f"{best} gives the first the higher chance in {100 * pairs:.0f} of 100 pairs" in (
        pictures["roc"].says
    )
    _, curves = layers(pictures["roc"].charts[0])
    mine = [row for row in curves if row["model"].startswith(best)]
    below = -np.trapezoid([row["true"] for row in mine], [row["false"] for row in mine])
    assert below == pytest.approx(pairs, abs=0.01)
    assert len(mine) <= 202


def test_the_interval_of_an_area_covers_it():
    """By simulation: the truth of two normals a deviation apart is Phi(1 / sqrt 2)."""
    rng = np.random.default_rng(0)
    truth = stats.norm.cdf(1 / np.sqrt(2))
    y = np.arange(300) < 120
    found = [_area(rng.normal(size=300) + y, y, 1) for _ in range(400)]
    covered = np.mean([low <= truth <= high for _, low, high in found])
    assert 0.92 < covered < 0.98


def test_calibration_leaves_small_points_out(drawn):
    _, folds, pictures = drawn
    tables = folds.calibration()
    points = sum((table["candidates"] >= 5).sum() for table in tables.values())
    *_, shown = layers(pictures["calibration"].charts[0])
    assert len(shown) == points
    off = {
        name: np.average(abs(t["said"] - t["chosen"]), weights=t["candidates"])
        for name, t in tables.items()
    }
    best = min(off, key=off.get)
    assert f"The chances of {best} are off by {100 * off[best]:.1f}" in (
        pictures["calibration"].says
    )


def test_few_came_for_it():
    sessions = survey(200)
    came = sessions.intents.copy()
    came[:, 4] = np.arange(200) < 4
    pictures = charts(replace(sessions, intents=came), GROUPS)
    assert "Not shown, with fewer than 5 answers: add to watchlist." in pictures["intents"].note
    assert "Empty: 5 pairs" in pictures["correlations"].note
    came[:] = False
    assert "intents" not in charts(replace(sessions, intents=came), GROUPS)


def test_too_few_answered():
    with pytest.raises(DataError, match="4 answers in 4 sessions: a report takes at least 5"):
        charts(survey(4), GROUPS)
    with pytest.raises(DataError, match="no group is given for genre"):
        charts(survey(50), {name: "all" for name in INTENTS if name != "genre"})


def test_the_page(drawn, tmp_path):
    sessions, folds, pictures = drawn
    asked = replace(sessions, user=np.arange(800, dtype=np.int32) // 2)
    path = write(
        pictures,
        tmp_path / "report.html",
        sessions=asked,
        groups=GROUPS,
        folds=folds,
        notes=[
            "left out 3 rows of <unknown> events",
            Note("ann@17 in /tmp/x", "one of them"),
            Note("guessed: user is 'ann'"),
        ],
    )
    text = path.read_text(encoding="utf-8")
    for each in pictures.values():
        assert each.title.replace("&", "&amp;") in text
        assert each.says in text.replace("&#x27;", "'")
    assert "left out 3 rows of &lt;unknown&gt; events" in text
    assert "400 answers of people who had answered before" in text
    assert "<li>one of them</li>" in text
    assert "<li></li>" not in text
    assert "ann" not in re.sub(r"(?s)<script.*?</script>", "", text)
    assert "session-7" not in text, "ids are nobody's business"
    assert not re.search(r"(src|href)=", re.sub(r"(?s)<script.*?</script>", "", text))
    found = [json.loads(each) for each in
             re.findall(r'<script type="application/json">(.*?)</script>', text)]  # fmt: skip
    assert len(found) == sum(len(each.charts) for each in pictures.values())


def test_the_charts_can_be_drawn(drawn, tmp_path):
    _, _, pictures = drawn
    some = {name: pictures[name] for name in ("intents", "correlations", "coefficients")}
    written = write_pngs(some, tmp_path / "png")
    assert [each.name for each in written] == [f"{name}.png" for name in some]
    assert all(each.read_bytes().startswith(b"\x89PNG") for each in written)
    with pytest.raises(BadParameter, match="is a file"):
        write_pngs(some, written[0])


def test_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(MissingExtra, match=r"pip install 'headwater\[report\]'"):
        charts(survey(50), GROUPS)
