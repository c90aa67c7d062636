"""A survey among sessions: who is asked, what is an answer, and whom the answers stand for."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.data.sessions import INTENTS, as_frame, read_sessions
from headwater.data.surveys import Survey, join, read_answers, response_weights
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName
from headwater.simulate.sessions import realistic
from headwater.types import PAD

T = 1_700_000_000
HOUR = 3600


def visits(n=4, length=100):
    """Sessions s0, s1, ... of a person each, an hour apart."""
    rows = [
        {"session_id": f"s{i}", "user_id": i, "timestamp": T + i * HOUR + at, "event": "play"}
        for i in range(n)
        for at in (0, length)
    ]
    return read_sessions(rows, now=T + 10**7)


def noted(data, *parts):
    found = [note for note in data.notes if all(part in note for part in parts)]
    assert len(found) == 1, (parts, data.notes)


def came(data, name):
    sessions = data.sessions
    at = sessions.ids.to_list().index(name)
    return {sessions.intent_names[j] for j in np.flatnonzero(sessions.intents[at])}


# ---------------------------------------------------------------------------------- the survey
def test_who_is_asked():
    data = realistic(20_000, users=8_000).data
    survey = Survey.of("video")
    consented = np.random.default_rng(0).random(20_000) < 0.7
    asked = survey.asks(data, consented=consented)
    lot = survey.drawn(data.sessions.ids)
    assert abs(lot.mean() - 0.2) < 0.01
    assert not asked[~lot | ~consented].any()
    users = data.sessions.user[asked]
    assert len(set(users.tolist())) == len(users), "nobody twice"
    able = lot & consented
    assert set(users.tolist()) == set(data.sessions.user[able].tolist()), "who can be asked is"
    for user in users[:50]:
        own = np.flatnonzero(able & (data.sessions.user == user))
        assert asked[own[np.argmin(data.sessions.start[own])]], "the first of a person's"
    np.testing.assert_array_equal(asked, survey.asks(data, consented=consented))
    other = replace(survey, salt="another").drawn(data.sessions.ids)
    assert abs((other & lot).mean() - 0.04) < 0.01, "another salt, another lot"


def test_the_lot_does_not_see_the_other_sessions():
    ids = pl.Series([f"s{i}" for i in range(500)])
    survey = Survey.of("video")
    np.testing.assert_array_equal(survey.drawn(ids)[::3], survey.drawn(ids[::3]))
    np.testing.assert_array_equal(
        survey.drawn(pl.Series([1, 2, 3])), survey.drawn(pl.Series(["1", "2", "3"]))
    )


def test_seconds_strangers_and_consent():
    survey = replace(Survey.of("video"), share=1.0)
    everybody = np.ones(4, bool)
    assert survey.asks(visits(length=8), consented=everybody).all()
    assert not survey.asks(visits(length=7), consented=everybody).any()
    data = visits()
    stranger = replace(data.sessions, user=np.full(4, PAD, np.int32))
    strangers = replace(data, sessions=stranger)
    assert not survey.asks(strangers, consented=everybody).any()
    again = replace(survey, once=False)
    assert again.asks(strangers, consented=everybody).all()
    with pytest.raises(BadParameter, match="asks only who consented"):
        survey.asks(data)
    with pytest.raises(BadParameter, match=r"shape \(3,\)"):
        survey.asks(data, consented=np.ones(3, bool))
    assert replace(survey, consent=False).asks(data).all()


def test_a_survey_of_ones_own(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(
        "question: How was it?\nlevels: [a, b, c, d, e]\nwhy: Why?\n"
        "intents:\n  work: {report: For a report}\n  rest: {fun: For fun, kill_time: To wait}\n"
        "share: 0.5\nspelt: {laugh: fun}\n"
    )
    survey = Survey.of(path)
    assert survey.names == ("report", "fun", "kill_time")
    assert survey.groups == {"report": "work", "fun": "rest", "kill_time": "rest"}
    assert (survey.share, survey.once, survey.after, survey.consent) == (0.5, True, 7.0, True)
    rows = [
        {"session_id": "s0", "satisfaction": "E", "intents": "For fun / Kill time"},
        {"session_id": "s1", "satisfaction": " b", "intents": "laugh"},
    ]
    data = join(visits(), rows, survey)
    assert data.sessions.satisfaction.tolist() == [5, 2, 0, 0]
    assert came(data, "s0") == {"fun", "kill_time"}
    assert came(data, "s1") == {"fun"}


GOOD = {
    "question": "?",
    "levels": list("abcde"),
    "why": "?",
    "intents": {"g": {"new": "New", "genre": "Genre"}},
}


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"shares": 0.1}, UnknownName, "no key 'shares'; did you mean 'share'"),
        ({"share": 2}, BadParameter, "a part of 1"),
        ({"share": "some"}, DataError, "'share' in the survey must be int or float"),
        ({"once": 1}, DataError, "must be bool"),
        ({"after": True}, DataError, "must be int or float"),
        ({"levels": ["a", "b"]}, BadParameter, "5 levels; got 2"),
        ({"intents": {"g": {"new": "x"}, "h": {"new": "y"}}}, BadParameter, "one group only"),
        ({"intents": {}}, BadParameter, "takes intents"),
        ({"spelt": {"x": "nwe"}}, UnknownName, "'nwe'; did you mean 'new'"),
    ],
)
def test_a_bad_survey(change, error, match):
    with pytest.raises(error, match=match):
        Survey.of({**GOOD, **change})


def test_a_survey_that_lacks_something():
    with pytest.raises(DataError, match="has no 'why'"):
        Survey.of({key: value for key, value in GOOD.items() if key != "why"})


# ---------------------------------------------------------------------------------- the answers
def test_answers_beside_sessions():
    rows = [
        {"session_id": "s2", "satisfaction": 4, "intents": "live_tv / new", "text": " so-so "},
        {"session_id": "s0", "satisfaction": 1, "intents": "genre", "text": ""},
    ]
    data = join(visits(), rows)
    sessions = data.sessions
    assert sessions.ids.to_list() == ["s0", "s1", "s2", "s3"]
    assert sessions.satisfaction.tolist() == [1, 0, 4, 0]
    assert sessions.answered.tolist() == sessions.shown.tolist() == [True, False, True, False]
    assert sessions.intent_names == tuple(name for some in INTENTS.values() for name in some)
    assert came(data, "s2") == {"live_tv", "new"}
    assert came(data, "s0") == {"genre"}
    assert not sessions.intents[[1, 3]].any()
    assert sessions.weights.tolist() == [1, 1, 1, 1]
    noted(data, "2 answers of 4 sessions")
    noted(data, "nobody says who was asked and kept silent")
    assert read_answers(rows).table["text"].to_list() == ["so-so", None]
    assert as_frame(data)["intents"].to_list()[2] == ["live_tv", "new"]
    assert "so-so" not in str(as_frame(data).to_dicts())


@pytest.mark.parametrize(
    "intents",
    [
        ["live_tv / new", "new", None],
        ["live_tv, new", "new", ""],
        [["live_tv", "new"], ["new"], []],
        ["Live TV,NEW", "To see what is new", None],
        ["live_tv / To see what is new", "new / new", " "],
    ],
)
def test_spellings_of_intents(intents):
    table = pl.DataFrame(
        {"session_id": ["s0", "s1", "s2"], "satisfaction": [1, 2, 3], "intents": intents},
        strict=False,
    )
    data = join(visits(), table)
    assert [came(data, name) for name in ("s0", "s1", "s2")] == [{"live_tv", "new"}, {"new"}, set()]
    noted(data, "1 answers name no intent: kept")


def test_intents_as_columns():
    table = {
        "session_id": ["s0", "s1"],
        "satisfaction": [1, 2],
        "livetv": [1, 0],
        "addwatchlist": ["yes", "no"],
        "remarks": ["", ""],
    }
    data = join(visits(), table)
    assert came(data, "s0") == {"live_tv", "add_to_watchlist"}
    assert came(data, "s1") == set()
    only = join(visits(), table, intents=["livetv"])
    assert came(only, "s0") == {"live_tv"}
    none = join(visits(), table, intents=False)
    assert came(none, "s0") == set()
    noted(none, "nobody says what they came for")
    with pytest.raises(UnknownName, match=r"'remarks'.*column that intents= names"):
        join(visits(), table, intents=["remarks"])
    with pytest.raises(MissingColumn, match="'nothing'"):
        join(visits(), table, intents=["nothing"])


def test_an_intent_that_the_survey_does_not_have():
    rows = [{"session_id": "s0", "satisfaction": 4, "intents": "live_tv / watch_list_"}]
    assert came(join(visits(), rows), "s0") == {"live_tv", "watchlist"}
    rows[0]["intents"] = "live_tv / genres"
    with pytest.raises(UnknownName, match=r"no intent 'genres'; did you mean 'genre'\?"):
        join(visits(), rows)


def test_levels():
    table = {
        "session_id": ["s0", "s1", "s2", "s3", "s0"],
        "satisfaction": [0, 6, 2.5, 5, None],
    }
    data = join(visits(), table, intents=False)
    assert data.sessions.satisfaction.tolist() == [0, 0, 0, 5]
    noted(data, "left out 3 of 4 answers that are no level from 1 to 5, such as 0.0, 6.0, 2.5")
    noted(data, "left out 1 rows without an answer that nobody was asked for")
    text = join(
        visits(), {**table, "satisfaction": ["good", "Satisfied", "5", "very_satisfied", ""]}
    )
    assert text.sessions.satisfaction.tolist() == [0, 4, 5, 5]
    with pytest.raises(DataError, match="4 of 4 answers that are no level"):
        read_answers({**table, "satisfaction": [0, 6, -1, 9, None]})
    with pytest.raises(DataError, match="no row of the frame is an answer"):
        read_answers({"session_id": ["s0"], "satisfaction": [None]})
    with pytest.raises(DataError, match="no rows"):
        read_answers(pl.DataFrame({"session_id": [], "satisfaction": []}))


def test_sessions_that_never_were():
    table = {"session_id": ["s0", "x1", "x2", None], "satisfaction": [3, 4, 5, 5]}
    data = join(visits(), table)
    assert data.sessions.satisfaction.tolist() == [3, 0, 0, 0]
    noted(data, "left out 2 of 3 rows of the survey for sessions that are not there", "x1, x2")
    noted(data, "left out 1 of 4 rows without a session")
    with pytest.raises(DataError, match="no answer belongs to a session"):
        join(visits(), {"session_id": ["x1"], "satisfaction": [4]})


def test_two_answers():
    table = {
        "session_id": ["s0", "s0", "s1", "s1", "s2", "s2"],
        "satisfaction": [1, 2, 0, 3, 4, 5],
        "timestamp": [T + 90, T + 60, T + HOUR + 10, T + HOUR + 20, None, T + 2 * HOUR + 9],
    }
    data = join(visits(), table)
    assert data.sessions.satisfaction.tolist() == [2, 3, 5, 0], "the first, of those that count"
    noted(data, "left out 2 answers of sessions that had answered before")
    untimed = join(visits(), {key: table[key] for key in ("session_id", "satisfaction")})
    assert untimed.sessions.satisfaction.tolist() == [1, 3, 4, 0], "the first row"


def test_clocks():
    ends = T + 100
    table = {
        "session_id": ["s0", "s1", "s2", "s3"],
        "satisfaction": [1, 2, 3, 4],
        "timestamp": [ends + HOUR, ends + 2 * HOUR + 1, T + HOUR, T + 3 * HOUR - HOUR - 1],
    }
    data = join(visits(), table)
    assert data.sessions.satisfaction.tolist() == [1, 0, 3, 0]
    noted(data, "left out 2 rows of the survey from more than 3,600 seconds before")
    noted(data, "1 rows of the survey are from before their session began")
    strict = join(visits(), {**table, "timestamp": [ends, ends + HOUR, None, T]}, tolerance=0)
    assert strict.sessions.satisfaction.tolist() == [1, 2, 3, 0]


def test_who_kept_silent():
    table = {
        "session_id": ["s0", "s1", "s2", "s0"],
        "satisfaction": [5, None, None, None],
        "shown": ["true", "true", "false", "true"],
    }
    data = join(visits(), table)
    assert data.sessions.shown.tolist() == [True, True, False, False]
    assert data.sessions.satisfaction.tolist() == [5, 0, 0, 0], "an answer before a silence"
    noted(data, "left out 1 rows without an answer")
    noted(data, "1 answers of 4 sessions; 2 were asked")
    apart = join(
        visits(), {"session_id": ["s0"], "satisfaction": [5]}, asked={"session_id": ["s3", "x"]}
    )
    assert apart.sessions.shown.tolist() == [True, False, False, True]
    noted(apart, "1 of the sessions that were asked are not there")
    with pytest.raises(DataError, match="yes or no, 1 or 0; it has 'perhaps'"):
        join(visits(), {**table, "shown": ["perhaps", "1", "0", "0"]})


def test_numbers_and_texts_are_one():
    rows = [{"session_id": 7, "user_id": 1, "timestamp": T, "event": "play"}]
    data = read_sessions(rows, now=T)
    for name in (7, 7.0, "7"):
        answers = {"session_id": [name], "satisfaction": [4]}
        assert join(data, answers).sessions.satisfaction.tolist() == [4]


def test_read_once_and_joined():
    read = read_answers({"session_id": ["s1"], "satisfaction": [4]})
    assert join(visits(), read).sessions.satisfaction.tolist() == [0, 4, 0, 0]
    with pytest.raises(BadParameter, match="read already: leave intents out"):
        join(visits(), read, intents=False)
    with pytest.raises(DataError, match="no sessions"):
        join(replace(visits(), sessions=None), read)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s0", "s1", "s2", "nobody"]),
            st.integers(-1, 7),
            st.integers(-2 * HOUR, 4 * HOUR),
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[2],
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_the_answers_does_not_matter(rows, random):
    def joined(rows):
        table = {
            "session_id": [name for name, *_ in rows],
            "satisfaction": [level for _, level, _ in rows],
            "timestamp": [T + at for *_, at in rows],
        }
        try:
            return join(visits(3), table).sessions.satisfaction.tolist()
        except DataError:
            return None

    expected = [0, 0, 0]
    for name, level, at in sorted(rows, key=lambda row: -row[2]):
        begin = int(name[1]) * HOUR if name != "nobody" else None
        if begin is not None and 1 <= level <= 5 and begin - HOUR <= at <= begin + 100 + HOUR:
            expected[int(name[1])] = level
    mixed = list(rows)
    random.shuffle(mixed)
    assert joined(rows) == joined(mixed) == (expected if any(expected) else None)


# ---------------------------------------------------------------------------------- weights
def answered(seed, n=30_000):
    """Sessions that were all asked, and a truth: who answers depends on what was done."""
    made = realistic(n, seed, slopes={"num_searches": -1.0, "num_plays": 0.3}, intent_spread=0.0)
    sessions = made.sessions
    rng = np.random.default_rng([seed, 1])
    lean = (
        0.5
        - 0.9 * np.log1p(sessions.column("num_searches")) * 2
        + 0.3 * np.log1p(sessions.column("num_strips"))
    )
    spoke = rng.random(n) < 1 / (1 + np.exp(-lean))
    heard = np.where(spoke, sessions.satisfaction, 0).astype(np.int8)
    return replace(sessions, satisfaction=heard), sessions.satisfaction.mean()


def test_weights_recover_what_the_silent_would_have_said():
    plain, weighted = [], []
    for seed in range(5):
        sessions, truth = answered(seed)
        weights = response_weights(sessions)
        spoke = sessions.answered
        assert weights.dtype == np.float32
        assert weights[~spoke].max() == 0
        np.testing.assert_allclose(weights[spoke].mean(), 1, rtol=1e-4)
        plain.append(sessions.satisfaction[spoke].mean() - truth)
        weighted.append(np.average(sessions.satisfaction[spoke], weights=weights[spoke]) - truth)
    error = np.std(plain, ddof=1) / np.sqrt(5)
    assert np.mean(plain) > 10 * error, "without weights it is too high"
    assert abs(np.mean(weighted)) < 0.15 * np.mean(plain), (plain, weighted)


def test_weights_are_one_over_the_propensity():
    """One behaviour with two values: a share of each answers."""
    n = 4000
    many = np.arange(n) % 2 == 0
    base = realistic(n).sessions
    behaviours = np.where(many, 3.0, 0.0).astype(np.float32)[:, None]
    spoke = np.where(many, np.arange(n) % 8 == 0, np.arange(n) % 4 != 1)  # 1 of 4, 1 of 2
    sessions = replace(
        base,
        behaviours=behaviours,
        names=("clicks",),
        censored=(),
        satisfaction=spoke.astype(np.int8) * 3,
    )
    weights = response_weights(sessions, l2=0.0)
    p_many, p_few = spoke[many].mean(), spoke[~many].mean()
    assert (p_many, p_few) == (0.25, 0.5)
    np.testing.assert_allclose(weights[spoke & many], 1.5, rtol=1e-5)
    np.testing.assert_allclose(weights[spoke & ~many], 0.75, rtol=1e-5)
    capped = response_weights(sessions, l2=0.0, most=1.2)
    np.testing.assert_allclose(capped[spoke & many], 1.2, rtol=1e-5)
    np.testing.assert_allclose(capped[spoke & ~many], 0.9, rtol=1e-5)
    np.testing.assert_allclose(capped[spoke].mean(), 1, rtol=1e-5)


def test_weights_take_silence():
    sessions = realistic(50).sessions
    with pytest.raises(DataError, match="50 sessions that were asked 50 answered"):
        response_weights(sessions)
    with pytest.raises(BadParameter, match="most"):
        response_weights(sessions, most=0.5)
    with pytest.raises(BadParameter, match="l2"):
        response_weights(sessions, l2=-1)
