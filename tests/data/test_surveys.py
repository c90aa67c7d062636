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
        ({"levels": ["bad", "Bad ", "ok", "good", "best"]}, BadParameter, "both 1 and 2"),
        ({"levels": ["1", "2", "3", "4", "4.0"]}, BadParameter, "the same number"),
        ({"levels": []}, DataError, "an empty list"),
        ({"intents": {"g": {"a": "Fun", "b": "fun"}}}, BadParameter, "both a and b"),
        ({"intents": {"g": {"a": "B", "b": "C"}}}, BadParameter, "stands for both b and a"),
        ({"spelt": {"GENRE": "new"}}, BadParameter, "stands for both genre and new"),
        ({"other": "New"}, BadParameter, "stands for both new and none"),
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
    assert data.sessions.shown.tolist() == [False, False, False, True], "nobody says who was asked"
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
    noted(apart, "who was asked: left out 1 of 2 rows for sessions that are not there", "x")
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


EMOJI = ["\U0001f621", "\U0001f641", "\U0001f610", "\U0001f642", "\U0001f600"]


@pytest.mark.parametrize(
    ("levels", "said", "expected"),
    [
        (EMOJI, EMOJI, [1, 2, 3, 4, 5]),
        (EMOJI, ["1", "5", " \U0001f600 ", "\U0001f4a9", "2.0"], [1, 5, 5, 0, 2]),
        (["-2", "-1", "0", "1", "2"], ["-2", "-1", "0", "1", "2"], [1, 2, 3, 4, 5]),
        (["-2", "-1", "0", "1", "2"], [-2, -1, 0, 1, 2], [1, 2, 3, 4, 5]),
        (["-2", "-1", "0", "1", "2"], ["2.0", "3", "+1", "5", "-1.0"], [5, 0, 4, 0, 2]),
        (["5", "4", "3", "2", "1"], [5, 4, 3, 2, 1], [1, 2, 3, 4, 5]),
        (["1 (bad)", "2", "3", "4", "5 (good)"], ["1", "1 bad", "3", "5", "4"], [1, 1, 3, 5, 4]),
        (["--", "-", "o", "+", "++"], ["++", "+", "o", "-", "--"], [5, 4, 3, 2, 1]),
        (["none", "a", "b", "c", "d"], ["None", "null", "NA", "d", "a"], [1, 0, 0, 5, 2]),
    ],
)
def test_levels_that_differ_in_signs_alone(levels, said, expected):
    table = {"session_id": [f"s{i}" for i in range(5)], "satisfaction": said}
    data = join(visits(5), table, {**GOOD, "levels": levels})
    assert data.sessions.satisfaction.tolist() == expected


def test_intents_that_differ_in_signs_alone():
    survey = {**GOOD, "intents": {"g": {"c++": "C++", "c#": "C#", "other_lang": "Rust"}}}
    table = {"session_id": ["s0", "s1", "s2"], "satisfaction": [1, 2, 3]}
    data = join(visits(), {**table, "intents": ["c++", "C#", "Other Lang"]}, survey)
    assert [came(data, f"s{i}") for i in range(3)] == [{"c++"}, {"c#"}, {"other_lang"}]
    with pytest.raises(UnknownName, match="no intent 'c'"):
        join(visits(), {**table, "intents": ["c", "c#", None]}, survey)


def test_what_means_no_answer():
    said = ["NA", "null", "NaN", "None", "", "9", "4"]
    table = {
        "session_id": [f"s{i}" for i in range(7)],
        "satisfaction": said,
        "shown": [1, 1, 1, 1, 0, 0, 1],
        "intents": ["NA", "null", "NaN", "None", "", "new", "new"],
        "text": ["NA", "null", "so", "", None, "", ""],
    }
    data = join(visits(7), table)
    assert data.sessions.satisfaction.tolist() == [0, 0, 0, 0, 0, 0, 4]
    assert data.sessions.shown.tolist() == [True, True, True, True, False, True, True]
    noted(data, "left out 1 of 2 answers that are no level from 1 to 5, such as 9")
    assert read_answers(table).table["text"].drop_nulls().to_list() == ["so"]


def test_something_else():
    rows = [
        {"session_id": "s0", "satisfaction": 4, "intents": "Something else"},
        {"session_id": "s1", "satisfaction": 4, "intents": "new / something else"},
    ]
    data = join(visits(), rows)
    assert (came(data, "s0"), came(data, "s1")) == (set(), {"new"})
    noted(data, "1 answers name no intent: kept")


def test_a_separator_that_was_not_expected():
    rows = [{"session_id": "s0", "satisfaction": 4, "intents": "live_tv;new"}]
    with pytest.raises(UnknownName, match="several intents, say separator=';'"):
        join(visits(), rows)
    assert came(join(visits(), rows, separator=";"), "s0") == {"live_tv", "new"}


def test_columns_that_end_in_an_intent():
    table = {
        "session_id": ["s0", "s1"],
        "satisfaction": [1, 2],
        "intent_live_tv": [1, 0],
        "Reason - To see what is new": ["yes", "no"],
        "is_new": [1, 1],
        "why_genre": ["perhaps", ""],
    }
    data = join(visits(), table)
    assert (came(data, "s0"), came(data, "s1")) == ({"live_tv", "new"}, set())
    noted(data, "2 columns are not read as intents", "called like some: is_new, why_genre")
    asked = join(visits(), table, intents=["is_new", "intent_live_tv"])
    assert (came(asked, "s0"), came(asked, "s1")) == ({"live_tv", "new"}, {"new"})
    both = join(visits(), {**table, "intents": ["genre", None]})
    assert came(both, "s0") == {"genre"}
    noted(both, "not read as intents", "intent_live_tv")


def test_several_columns_may_be_the_text():
    table = {"session_id": ["s0"], "satisfaction": [4], "comment": ["a"], "remarks": ["b"]}
    read = read_answers(table)
    assert read.table["text"].to_list() == [None]
    assert any("2 columns could be the text, and none is taken" in note for note in read.notes)
    assert read_answers(table, text="remarks").table["text"].to_list() == ["b"]


def test_by_user_and_time():
    """Sessions of 100 seconds, of two people, made by the gap: no survey knows their names."""
    rows = [
        {"user_id": user, "timestamp": T + begin + at, "event": "play"}
        for user, begin in (("a", 0), ("a", 9000), ("b", 50))
        for at in (0, 100)
    ]
    data = read_sessions(rows, now=T + 10**7)
    assert data.sessions.ids.to_list() == [f"a@{T}", f"b@{T + 50}", f"a@{T + 9000}"]
    table = {
        "user_id": ["a", "a", "b", "b", "c", "a", None],
        "timestamp": [T + 9050, T + 3700, T + 3751, T + 49, T + 50, None, T],
        "satisfaction": [1, 2, 3, 4, 5, 1, 2],
    }
    joined = join(data, table)
    assert joined.sessions.satisfaction.tolist() == [2, 0, 1]
    noted(joined, "left out 2 of 7 rows without a session")
    noted(joined, "5 rows of the survey are placed by their user and time")
    noted(joined, "left out 3 of 5 rows of the survey whose user had no session then")
    longer = join(data, table, tolerance=3601)
    assert longer.sessions.satisfaction.tolist() == [2, 3, 1]
    named = join(data, {**table, "session_id": ["x", "y", "z", "u", "v", "w", None]})
    assert named.sessions.satisfaction.tolist() == [2, 0, 1], "the log knows none of these names"
    noted(named, "no session that the rows of the survey name is there")
    with pytest.raises(MissingColumn, match="session='its name', or user='its name' and time="):
        join(data, {"user_id": ["a"], "satisfaction": [4]})


def test_sessions_that_are_numbered_within_users():
    rows = [
        {"session_id": number, "user_id": user, "timestamp": T + at, "event": "play"}
        for at, (user, number) in enumerate([("a", 1), ("a", 2), ("b", 1), ("b", 3)])
    ]
    data = read_sessions(rows, now=T + 10**7)
    assert data.sessions.ids.to_list() == ["1@a", "2", "1@b", "3"]
    table = {
        "session_id": [1, 1, 2, 3],
        "user_id": ["b", "a", "a", "a"],
        "satisfaction": [1, 2, 3, 4],
    }
    joined = join(data, table)
    assert joined.sessions.satisfaction.tolist() == [2, 3, 1, 0]
    noted(joined, "left out 1 of 4 rows of the survey for sessions of somebody else")
    alone = join(data, {**table, "user_id": [None, None, "a", None]})
    assert alone.sessions.satisfaction.tolist() == [0, 3, 0, 4]
    noted(alone, "left out 2 of 4 rows of the survey for sessions that are not there")


def test_ids_that_were_made_numbers(tmp_path):
    log, survey = tmp_path / "log.csv", tmp_path / "survey.csv"
    rows = [f"{i}.0,{u}.0,{T + i},play" for i, u in ((1, 7), (2, 7), (1, 8), (30, 8))]
    log.write_text("\n".join(["session_id,user_id,timestamp,event", *rows]))
    survey.write_text("session_id,user_id,satisfaction\n1.0,7.0,2\n1,8,3\n2.0,,4\n30.0,8,5\n")
    data = join(read_sessions(log, now=T + 10**7), survey)
    by_start = dict(zip(data.sessions.start - T, data.sessions.satisfaction, strict=False))
    assert sorted(data.sessions.satisfaction.tolist()) == [2, 3, 4, 5]
    assert (by_start[2], by_start[30]) == (4, 5)


def test_who_was_asked_in_a_file(tmp_path):
    answers = {"session_id": ["s0"], "satisfaction": [5]}
    ids = tmp_path / "asked.csv"
    ids.write_text("session_id\ns1\n\ns3\nx\n")
    data = join(visits(), answers, asked=ids)
    assert data.sessions.shown.tolist() == [True, True, False, True]
    table = tmp_path / "shown.csv"
    table.write_text("session_id,shown\ns1,1\ns2,0\n,1\ns3,1,2\n", encoding="utf-16")
    data = join(visits(), answers, asked=table, encoding="utf-16")
    assert data.sessions.shown.tolist() == [True, True, False, False]
    noted(data, "who was asked: left out 1 lines that are not rows")
    noted(data, "who was asked: left out 1 of 2 rows without a session")
    other = tmp_path / "other.csv"
    other.write_text("nothing\nx\n")
    with pytest.raises(DataError, match="cannot tell the columns"):
        join(visits(), answers, asked=other)


def test_notes_have_a_part_without_examples():
    table = {"session_id": ["s0", "secret", "s1"], "satisfaction": [3, 4, 99]}
    data = join(visits(), table, asked={"session_id": ["hidden"]})
    assert "secret" in str(data.notes)
    assert "hidden" in str(data.notes)
    counts = str([getattr(note, "counts", note) for note in data.notes])
    assert not [each for each in ("secret", "hidden", "99") if each in counts]
    assert "left out 1 of 2 rows of the survey for sessions that are not there" in counts


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
