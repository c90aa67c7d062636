"""Simulated sessions: they look as they should, follow their formula, and come back from a log."""

import numpy as np
import polars as pl
import pytest
from scipy.special import expit

from headwater.data.sessions import BEHAVIOURS, CENSORED, INTENTS, as_frame, read_sessions
from headwater.data.surveys import join, response_weights
from headwater.errors import BadParameter, DataError, UnknownName
from headwater.glm import newton, with_one
from headwater.simulate.logs import events
from headwater.simulate.sessions import LEVELS, realistic, trivial
from headwater.visits import columns

NAMES = tuple(name for some in INTENTS.values() for name in some)


def same(one, two):
    for name in ("user", "start", "seconds", "behaviours", "intents", "satisfaction"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.ids.equals(two.ids)


# ---------------------------------------------------------------------------------- trivial
def test_trivial_is_as_published():
    sessions = trivial(40_000, 1).sessions
    assert sessions.names == BEHAVIOURS
    assert sessions.intent_names == NAMES
    assert sessions.censored == ()
    assert sessions.ids.to_list() == list(range(1, 40_001))
    levels = np.bincount(sessions.satisfaction, minlength=6)[1:] / 40_000
    np.testing.assert_allclose(levels, 0.2, atol=0.01)
    np.testing.assert_allclose(sessions.intents.mean(0), 0.5, atol=0.01)
    np.testing.assert_allclose(sessions.behaviours.mean(0), 1.0, atol=0.04)
    np.testing.assert_allclose(sessions.behaviours.var(0), 2.0, atol=0.15)
    for k in range(4):  # negative binomial with mean 1 and size 1: 2^-(k+1)
        np.testing.assert_allclose((sessions.behaviours == k).mean(0), 0.5 ** (k + 1), atol=0.01)
    everything = np.column_stack([sessions.satisfaction, sessions.intents, sessions.behaviours])
    off = np.corrcoef(everything.T)[~np.eye(everything.shape[1], dtype=bool)]
    assert np.abs(off).max() < 5 / np.sqrt(40_000)
    same(trivial(100, 3).sessions, trivial(100, 3).sessions)
    assert (trivial(100, 3).sessions.satisfaction != trivial(100, 4).sessions.satisfaction).any()
    assert len(trivial().sessions) == 3000


# ---------------------------------------------------------------------------------- realistic
def test_realistic_looks_like_the_thesis():
    sessions = realistic(40_000).sessions
    levels = np.bincount(sessions.satisfaction, minlength=6)[1:] / 40_000
    np.testing.assert_allclose(levels, LEVELS, atol=0.01)
    assert abs(sessions.intents.sum(1).mean() - 2.18) < 0.03
    assert sessions.intents.any(1).all()
    share = {1: 1700, 2: 780, 3: 370, 4: 150}
    for often, count in share.items():
        assert abs((sessions.column("num_plays") == often).mean() - count / 3650) < 0.01
    assert abs((sessions.column("num_trailer_plays") > 0).mean() - 100 / 3650) < 0.004
    assert abs(np.median(sessions.column("num_strips")) - 8) <= 1
    assert abs((sessions.column("num_account_visits") > 0).mean() - 45 / 3650) < 0.004
    logs = np.log(sessions.seconds)
    counts, edges = np.histogram(logs, 20)
    peaks = edges[1:-2][(counts[1:-1] > counts[:-2]) & (counts[1:-1] > counts[2:])]
    assert len(peaks) == 2
    np.testing.assert_allclose(peaks + np.diff(edges)[0] / 2, [4.3, 8.3], atol=0.6)
    assert (logs > 6.3).mean() > 0.5, "the upper mode is the heavier one"


def test_never_is_not_at_once():
    sessions = realistic(5000).sessions
    for name, what in zip(CENSORED, ("num_plays", "num_trailer_plays"), strict=True):
        first = sessions.column(name)
        np.testing.assert_array_equal(np.isnan(first), sessions.column(what) == 0)
        some = first[~np.isnan(first)]
        assert (some <= sessions.seconds[~np.isnan(first)]).all()
        assert (some == np.floor(some)).all()
    at = [i for i, name in enumerate(BEHAVIOURS) if name not in CENSORED]
    assert not np.isnan(sessions.behaviours[:, at]).any()


def test_what_people_come_for_shows_a_little():
    sessions = realistic(60_000).sessions
    x = np.nan_to_num(sessions.behaviours.astype(float))
    found = np.corrcoef(np.column_stack([sessions.intents, x]).T)[:8, 8:]
    assert found.min() > -0.14
    assert found.max() < 0.16
    signs = {
        "continue_watching": {
            "num_plays": 1,
            "session_length": 1,
            "num_movie_descriptions": -1,
            "num_searches": -1,
            "num_strips": -1,
            "num_trailer_plays": -1,
        },
        "new": {
            "num_strips": 1,
            "num_series_descriptions": 1,
            "num_movie_descriptions": 1,
            "num_bookmarks": 1,
            "num_trailer_plays": 1,
        },
        "add_to_watchlist": {"num_bookmarks": 1},
        "genre": {"num_searches": 1, "num_movie_descriptions": 1},
        "live_tv": {"num_strips": 1},
        "specific_title": {"num_searches": 1},
    }
    for intent, some in signs.items():
        for name, sign in some.items():
            r = found[NAMES.index(intent), BEHAVIOURS.index(name)]
            assert sign * r > 0.02, (intent, name, r)
    bookmarks = found[:, BEHAVIOURS.index("num_bookmarks")]
    assert NAMES[int(bookmarks.argmax())] == "add_to_watchlist"


def test_persons_do_one_thing_at_a_time():
    sessions = realistic(3000, users=200).sessions
    assert sessions.ids.n_unique() == 3000
    assert (np.diff(sessions.start) >= 0).all()
    order = np.lexsort([sessions.start, sessions.user])
    user, start, seconds = sessions.user[order], sessions.start[order], sessions.seconds[order]
    together = user[1:] == user[:-1]
    assert (start[1:] - start[:-1] - seconds[:-1])[together].min() > 1800
    assert together.sum() == 3000 - len(set(user.tolist()))


def test_the_formula():
    slopes = {
        "num_searches": {"decisive": -0.4, "new": 0.2},
        "no_first_play": -0.5,
        "session_length": 1e-5,
    }
    made = realistic(4000, 2, users=500, intent_spread=0.5, person_spread=0.7, slopes=slopes)
    sessions = made.sessions
    names, x = columns(sessions, log=False)
    assert names == made.columns
    x = np.nan_to_num(x)  # the times have no slope
    row = made.slopes[NAMES.index("live_tv")]
    assert row[names.index("num_searches")] == -0.4
    assert made.slopes[NAMES.index("new"), names.index("num_searches")] == 0.2
    assert made.slopes[NAMES.index("genre"), names.index("num_searches")] == 0
    assert (made.slopes[:, names.index("no_first_play")] == -0.5).all()
    np.testing.assert_allclose([made.effects.mean(), made.effects.std()], [0, 0.5], atol=1e-12)
    order = np.argsort(made.effects)
    assert {NAMES[j] for j in order[:2]} == {"live_tv", "specific_title"}
    assert abs(made.people.std() - 0.7) < 0.08
    for s in range(0, 4000, 571):
        each = [
            made.effects[j] + made.slopes[j] @ x[s] for j in np.flatnonzero(sessions.intents[s])
        ]
        z = np.mean(each) + made.people[sessions.user[s]]
        np.testing.assert_allclose(made.z[s], z)
        np.testing.assert_allclose(made.chances[s], expit(made.intercept + z))
    total = realistic(50, 2, slopes=slopes, membership="sum")
    x = np.nan_to_num(columns(total.sessions, log=False)[1])
    each = total.effects + x @ total.slopes.T
    np.testing.assert_allclose(total.z, (each * total.sessions.intents).sum(1))


def test_answers_follow_the_formula():
    """The coefficients of all four cuts, by logistic regression, are those that were planted."""
    made = realistic(60_000, 5, intent_spread=0.0, slopes={"num_searches": -0.5, "num_plays": 0.2})
    names, x = columns(made.sessions, log=False)
    at = [names.index(name) for name in ("num_searches", "num_plays", "num_strips")]
    x = with_one(x[:, at])
    for k, cut in enumerate(made.cuts):
        y = (made.sessions.satisfaction > k + 1) * 1.0
        found, covariance = newton(x, y, np.ones(len(y)), np.zeros(4))
        off = (found - [-cut, -0.5, 0.2, 0.0]) / np.sqrt(np.diag(covariance))
        assert np.abs(off).max() < 3.5, (k, off)


def test_intervals_cover_what_was_planted():
    """95 % intervals of the log-odds for "overall", over 100 simulated surveys."""
    hits = []
    for seed in range(100):
        made = realistic(1500, seed, intent_spread=0.0, slopes={"num_searches": -0.4})
        names, x = columns(made.sessions, log=False)
        x = with_one(x[:, [names.index("num_searches"), names.index("num_strips")]])
        y = (made.sessions.satisfaction >= 4) * 1.0
        found, covariance = newton(x, y, np.ones(len(y)), np.zeros(3))
        off = np.abs(found - [made.intercept, -0.4, 0.0])
        hits.append(off < 1.96 * np.sqrt(np.diag(covariance)))
    assert (np.sum(hits, 0) >= 90).all(), np.sum(hits, 0)


def test_the_same_again():
    same(realistic(200, 7).sessions, realistic(200, 7).sessions)
    one, two = realistic(200, 7), realistic(300, 8)
    np.testing.assert_array_equal(one.cuts, two.cuts)
    assert (one.sessions.satisfaction != two.sessions.satisfaction[:200]).any()


def test_what_cannot_be_planted():
    with pytest.raises(UnknownName, match="'num_serches'; did you mean 'num_searches'"):
        realistic(10, slopes={"num_serches": 1.0})
    with pytest.raises(UnknownName, match="'decided'; did you mean 'decisive'"):
        realistic(10, slopes={"num_searches": {"decided": 1.0}})
    for wrong in ({"n": 0}, {"users": 0}, {"intent_spread": -1}, {"membership": "max"}):
        with pytest.raises(BadParameter):
            realistic(**wrong)


# ---------------------------------------------------------------------------------- raw logs
def truth_of(written):
    return pl.read_parquet(written.truth / "*.parquet").sort("start", "session_id")


@pytest.mark.parametrize("dirt", [0.0, 0.02])
@pytest.mark.parametrize("session", [None, False])
def test_a_log_gives_the_sessions_that_it_was_drawn_from(tmp_path, dirt, session):
    written = events(1200, tmp_path / "world", 3, dirt=dirt, at_once=500)
    assert len(list(written.log.iterdir())) == 3
    assert pl.scan_parquet(written.log / "*.parquet").select(pl.len()).collect().item() == (
        written.events
    )
    data = read_sessions(written.log, session=session, at_once=5_000)
    truth, found = truth_of(written), as_frame(data).sort("start", "session_id")
    for name in ("session_id", "user_id", "start", "seconds", *BEHAVIOURS):
        assert found[name].equals(truth[name]), name
    joined = join(data, written.survey)
    answered = as_frame(joined).filter(pl.col("satisfaction").is_not_null())
    assert len(answered) == written.answers
    assert joined.sessions.shown.sum() == written.asked
    both = answered.join(truth, on="session_id", suffix="_true")
    assert both["satisfaction"].equals(both["satisfaction_true"].alias("satisfaction"))
    assert both["intents"].equals(both["intents_true"].alias("intents"))
    told = " ".join(joined.notes)
    if not dirt:
        assert "left out" not in told
        assert written.dirt == {}
        return
    d = written.dirt
    for said in (
        f"{d['without a user']:,} x user_id is empty",
        f"{d['without a time']:,} x timestamp is empty",
        f"{d['before 2000']:,} x timestamp is before the year 2000",
        f"{d['in the future']:,} x timestamp is in the future",
        f"'ad_impression' ({d['unknown events']:,})",
        f"left out {d['duplicates']:,} events that repeat another one",
        f"left out {d['levels 0 and 6']:,} of",
        f"left out {d['second answers']:,} answers of sessions that had answered before",
        f"{d['sessions that never were']:,} of",
        f"left out {d['answers with a wrong clock']:,} rows of the survey from more than",
    ):
        assert said in told, said
    assert "stood before an earlier one" in told


def test_people_are_in_one_part(tmp_path):
    written = events(900, tmp_path / "world", users=30, at_once=300)
    parts = [pl.read_parquet(path)["user_id"].unique() for path in written.log.iterdir()]
    assert sum(map(len, parts)) == pl.concat(parts).n_unique() <= 30
    with pytest.raises(BadParameter, match="3 parts"):
        events(900, tmp_path / "other", users=2, at_once=300)


def test_who_answers_depends_on_what_they_did(tmp_path):
    written = events(60_000, tmp_path / "world", 1, users=60_000, slopes={"num_searches": -1.2})
    joined = join(read_sessions(written.log), written.survey).sessions
    truth = truth_of(written)["satisfaction"].mean()
    spoke = joined.answered
    plain = joined.satisfaction[spoke].mean()
    mended = np.average(joined.satisfaction[spoke], weights=response_weights(joined)[spoke])
    assert plain - truth > 0.05
    assert abs(mended - truth) < 0.5 * (plain - truth)


def test_where_not_to_write(tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "thing").touch()
    with pytest.raises(DataError, match="holds something already"):
        events(10, tmp_path / "here")
    with pytest.raises(BadParameter, match="dirt is a part of 1"):
        events(10, tmp_path / "there", dirt=2)
    assert not (tmp_path / "there").exists()
