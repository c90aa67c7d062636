"""From logs of events to sessions: where they end, what is measured, and what is left out."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.data.sessions import (
    BEHAVIOURS,
    CENSORED,
    INTENTS,
    Signal,
    Vocabulary,
    as_frame,
    read_sessions,
)
from headwater.data.surveys import Survey
from headwater.errors import BadParameter, DataError, MissingColumn, UnknownName

T = 1_700_000_000
NOW = T + 30 * 86_400
SMALL = {
    "kinds": {"play": ["PLAY", "RESUME"], "look": "VIEW", "alive": "BEAT"},
    "behaviours": {
        "plays": {"count": "play"},
        "first_play": {"first": "play"},
        "doings": {"count": ["play", "look"]},
        "length": "length",
    },
    "derived": {"rate": {"per_minute": "play"}, "part": {"share": "play"}},
}


def log(*rows, session=None):
    """Of (user, seconds after T, event)."""
    table = {
        "user_id": [user for user, _, _ in rows],
        "timestamp": [None if at is None else T + at for _, at, _ in rows],
        "event": [event for _, _, event in rows],
    }
    return pl.DataFrame(table if session is None else {**table, "session_id": session})


def told(data):
    """id -> (user, start after T, length, behaviours)."""
    sessions = data.sessions
    who = data.users.decode(sessions.user)
    return {
        sessions.ids[i]: (
            who[i],
            int(sessions.start[i]) - T,
            float(sessions.seconds[i]),
            *np.nan_to_num(sessions.behaviours[i], nan=-1).tolist(),
        )
        for i in range(len(sessions))
    }


def noted(data, *parts):
    found = [note for note in data.notes if all(part in note for part in parts)]
    assert len(found) == 1, (parts, data.notes)
    return found[0]


# ------------------------------------------------------------------------------ where they end
def test_half_an_hour_of_nothing_ends_a_session():
    rows = [("a", 0, "BEAT"), ("a", 1800, "PLAY"), ("a", 3601, "VIEW"), ("b", 10, "RESUME")]
    data = read_sessions(log(*rows), SMALL, now=NOW)
    assert told(data) == {
        f"a@{T}": ("a", 0, 1800.0, 1.0, 1800.0, 1.0, 1800.0),
        f"b@{T + 10}": ("b", 10, 0.0, 1.0, 0.0, 1.0, 0.0),
        f"a@{T + 3601}": ("a", 3601, 0.0, 0.0, -1.0, 1.0, 0.0),
    }
    assert data.sessions.censored == ("first_play",)
    assert np.isnan(data.sessions.column("first_play")[2]), "never is not at once"
    short = read_sessions(log(*rows), SMALL, now=NOW, gap=1799)
    assert len(short.sessions) == 4
    long = read_sessions(log(*rows), SMALL, now=NOW, gap=1801)
    assert len(long.sessions) == 2
    noted(data, "3 sessions of 2 users from 4 events", "1,800 seconds")


def test_as_the_platform_says():
    rows = [("a", 0, "PLAY"), ("a", 9000, "PLAY"), ("a", 9001, "VIEW"), ("b", 5, "VIEW")]
    table = log(*rows, session=["s1", "s1", "s2", "s3"])
    assert set(told(read_sessions(table, SMALL, now=NOW))) == {"s1", "s2", "s3"}
    cut = read_sessions(table, SMALL, now=NOW, session=False)
    assert set(told(cut)) == {f"a@{T}", f"a@{T + 9000}", f"b@{T + 5}"}
    numbers = read_sessions(log(*rows, session=[7, 7, 8, 9]), SMALL, now=NOW)
    assert numbers.sessions.ids.to_list() == [7, 9, 8], "by their start"
    assert numbers.sessions.ids.dtype == pl.Int64


def test_what_the_platform_says_nothing_of():
    rows = [("a", 0, "PLAY"), ("a", 10, "PLAY"), ("a", 20, "PLAY"), ("a", 5000, "PLAY")]
    data = read_sessions(log(*rows, session=["s", None, None, None]), SMALL, now=NOW)
    assert told(data) == {
        "s": ("a", 0, 0.0, 1.0, 0.0, 1.0, 0.0),
        f"a@{T + 10}": ("a", 10, 10.0, 2.0, 0.0, 2.0, 10.0),
        f"a@{T + 5000}": ("a", 5000, 0.0, 1.0, 0.0, 1.0, 0.0),
    }
    noted(data, "3 events of which it says nothing")


def test_a_session_of_two_people():
    data = read_sessions(
        log(("a", 0, "PLAY"), ("b", 5, "PLAY"), ("b", 9, "PLAY"), session=["s", "s", "t"]),
        SMALL,
        now=NOW,
    )
    assert set(told(data)) == {"s@a", "s@b", "t"}
    noted(data, "2 sessions have the id of a session of somebody else")


# ---------------------------------------------------------------------------- what is measured
def test_the_twelve_behaviours():
    events = [
        (0, "app_open"),
        (3, "strip"),
        (4, "strip"),
        (10, "search"),
        (20, "series_description"),
        (25, "movie_description"),
        (30, "trailer"),
        (40, "bookmark"),
        (50, "profile_click"),
        (55, "account_visit"),
        (60, "play"),
        (90, "play"),
        (100, "app_close"),
    ]
    data = read_sessions(log(*(("a", at, event) for at, event in events)), now=NOW)
    assert data.sessions.names == BEHAVIOURS
    assert data.sessions.censored == CENSORED
    np.testing.assert_array_equal(
        data.sessions.behaviours, [[2, 60, 1, 30, 1, 1, 1, 2, 1, 1, 1, 100]]
    )
    assert not any("no event of this log" in note for note in data.notes)


def test_derived_signals():
    table = log(("a", 0, "PLAY"), ("a", 60, "VIEW"), ("a", 100, "BEAT"), ("a", 120, "RESUME"))
    data = read_sessions(table, SMALL, now=NOW, derived=True)
    assert data.sessions.names[-2:] == ("rate", "part")
    np.testing.assert_allclose(data.sessions.behaviours[0, -2:], [1.0, 2 / 3])
    short = read_sessions(table[:1], SMALL, now=NOW, derived=True)
    np.testing.assert_allclose(short.sessions.behaviours[0, -2:], [1.0, 1.0])
    assert read_sessions(table, SMALL, now=NOW).sessions.names == tuple(SMALL["behaviours"])


def test_music():
    words = Vocabulary.of("music")
    rows = [("a", 0, "app_open"), ("a", 9, "stream"), ("a", 12, "skip"), ("a", 15, "save")]
    sessions = read_sessions(log(*rows), "music", now=NOW).sessions
    assert sessions.names == tuple(words.behaviours)
    for name, value in {"time_to_first_stream": 9, "num_streams": 1, "num_skips": 1}.items():
        assert sessions.column(name)[0] == value
    assert np.isnan(sessions.column("time_to_first_click")[0])


def test_names_of_the_presets_are_the_standard_ones():
    assert tuple(Vocabulary.of("video").behaviours) == BEHAVIOURS
    survey = Survey.of("video")
    assert {group: tuple(some) for group, some in survey.intents.items()} == dict(INTENTS)


# ------------------------------------------------------------------------------ what is left out
def test_what_cannot_be_used_is_counted(tmp_path):
    rows = [
        ("a", 0, "PLAY"),
        ("a", 10, "ad"),
        ("a", 11, "ad"),
        ("a", 12, "nudge"),
        (None, 20, "PLAY"),
        ("a", None, "PLAY"),
        ("a", 30, None),
        ("a", -T + 5, "PLAY"),
        ("a", 40 * 86_400, "PLAY"),
    ]
    data = read_sessions(log(*rows), SMALL, now=NOW, rejects=tmp_path / "bad.csv")
    assert told(data) == {f"a@{T}": ("a", 0, 0.0, 1.0, 0.0, 1.0, 0.0)}
    noted(
        data,
        "left out 5 of 9 rows",
        "1 x user_id is empty",
        "1 x timestamp is empty",
        "1 x event is empty",
        "1 x timestamp is before the year 2000",
        "1 x timestamp is in the future",
    )
    noted(data, "left out 3 of 9 rows with events", "'ad' (2), 'nudge' (1)")
    assert len(pl.read_csv(tmp_path / "bad.csv")) == 5
    with pytest.raises(DataError, match="strict"):
        read_sessions(log(*rows), SMALL, now=NOW, strict=True)


def test_the_future_begins_after_a_day():
    table = log(("a", 0, "PLAY"), ("a", 86_400, "PLAY"), ("a", 86_401, "PLAY"))
    assert len(read_sessions(table, SMALL, now=T).sessions) == 2
    noted(read_sessions(table, SMALL, now=T), "left out 1 of 3 rows")


def test_an_event_once():
    table = log(("a", 0, "PLAY"), ("a", 0, "PLAY"), ("a", 0, "VIEW"))
    data = read_sessions(table, SMALL, now=NOW)
    assert told(data)[f"a@{T}"][3:6] == (1.0, 0.0, 2.0)
    noted(data, "left out 1 events that repeat")
    other = table.with_columns(item=pl.Series([1, 2, 1]))
    assert told(read_sessions(other, SMALL, now=NOW))[f"a@{T}"][3] == 2.0, "of another film"
    named = read_sessions(other, SMALL, now=NOW, same=["user_id", "timestamp", "event"])
    assert told(named)[f"a@{T}"][3] == 1.0
    with pytest.raises(MissingColumn, match="'film'"):
        read_sessions(other, SMALL, now=NOW, same=["film"])


def test_two_within_a_second_are_two():
    when = [datetime(2024, 1, 1, 0, 0, 0, ms * 1000, UTC) for ms in (100, 200, 200)]
    table = pl.DataFrame({"user_id": [1] * 3, "timestamp": when, "event": ["PLAY"] * 3})
    data = read_sessions(table, SMALL)
    assert data.sessions.column("plays").tolist() == [2.0]


def test_clocks_years_away_from_all_others():
    rows = [("a", 60 * i, "PLAY") for i in range(3000)]
    table = log(*rows, ("a", -3 * 365 * 86_400, "PLAY"), ("a", 3 * 365 * 86_400, "PLAY"))
    data = read_sessions(table, SMALL, now=T + 9 * 365 * 86_400)
    assert len(data.sessions) == 1
    assert data.sessions.column("plays").tolist() == [3000.0]
    noted(data, "left out 2 events more than 365 days before or after all others")
    few = read_sessions(pl.concat([table[:10], table[-2:]]), SMALL, now=T + 9 * 365 * 86_400)
    assert len(few.sessions) == 3, "2 of 12 are not a broken clock"


def test_longer_than_a_day():
    rows = [("a", 1000 * i, "BEAT") for i in range(90)]
    data = read_sessions(log(*rows), SMALL, now=NOW)
    assert data.sessions.seconds.tolist() == [89_000.0]
    noted(data, "1 sessions are longer than a day: kept")


def test_out_of_order():
    rows = [("a", 50, "VIEW"), ("b", 5, "VIEW"), ("a", 0, "PLAY"), ("a", 100, "PLAY")]
    data = read_sessions(log(*rows), SMALL, now=NOW)
    assert told(data)[f"a@{T}"] == ("a", 0, 100.0, 2.0, 0.0, 3.0, 100.0)
    noted(data, "1 events stood before an earlier one of their user")


def test_sessions_in_any_order_are_in_order():
    rows = [("a", 0, "PLAY"), ("a", 100, "VIEW"), ("a", 200, "PLAY"), ("a", 300, "VIEW")]
    data = read_sessions(log(*rows, session=["z", "z", "b", "b"]), SMALL, now=NOW)
    assert not [note for note in data.notes if "stood before" in note]
    same = read_sessions(log(("a", 0, "VIEW"), ("a", 0, "PLAY"), ("a", 1, "VIEW")), SMALL, now=NOW)
    assert not [note for note in same.notes if "stood before" in note]
    mixed = [rows[i] for i in (1, 0, 3, 2)]
    data = read_sessions(log(*mixed, session=["z", "z", "b", "b"]), SMALL, now=NOW)
    noted(data, "2 events stood before an earlier one of their session")


def test_unknown_names_are_in_an_order_of_their_own():
    unknown = [f"event-{i}" for i in range(20)]
    some = [log(("a", 0, "PLAY"), *(("a", 1, name) for name in names))
            for names in (unknown, unknown[::-1])]  # fmt: skip
    found = [noted(read_sessions(each, SMALL, now=NOW), "does not know") for each in some]
    assert found[0] == found[1]
    assert "'event-0' (1), 'event-1' (1), 'event-10' (1), 'event-11' (1), " in found[0]
    assert found[0].counts == "left out 20 of 21 rows with events that the vocabulary does not know"


def test_many_kinds():
    n = 300
    words = {
        "kinds": {f"k{i}": f"E{i}" for i in range(n)},
        "behaviours": {f"n{i}": {"count": f"k{i}"} for i in range(n)},
    }
    data = read_sessions(log(("a", 0, "E3"), ("a", 1, "E299"), ("a", 2, "E44")), words, now=NOW)
    assert np.flatnonzero(data.sessions.behaviours[0]).tolist() == [3, 44, 299]


def test_nothing_is_known():
    with pytest.raises(DataError, match=r"knows no event.*'PLY'.*'PLY' may be 'PLAY'"):
        read_sessions(log(("a", 0, "PLY")), SMALL, now=NOW)
    with pytest.raises(DataError, match="no row of the frame can be used"):
        read_sessions(log((None, 0, "PLAY")), SMALL, now=NOW)
    with pytest.raises(DataError, match="no rows"):
        read_sessions(log(("a", 0, "PLAY"))[:0], SMALL, now=NOW)
    with pytest.raises(BadParameter, match="gap"):
        read_sessions(log(("a", 0, "PLAY")), SMALL, gap=0)
    with pytest.raises(BadParameter, match="at_once"):
        read_sessions(log(("a", 0, "PLAY")), SMALL, at_once=0)


def test_what_never_happens_is_told():
    data = read_sessions(log(("a", 0, "play")), now=NOW)
    assert "num_searches" in noted(data, "no event of this log is counted by")


# --------------------------------------------------------------------------------- any log
def test_any_table(tmp_path):
    rows = [("7", 0, "PLAY"), ("7", 40, "VIEW"), ("9", 5000, "VIEW")]
    table = log(*rows)
    expected = told(read_sessions(table, SMALL, now=NOW))
    table.write_csv(tmp_path / "log.csv")
    table.write_parquet(tmp_path / "log.parquet")
    zoned = table.with_columns(pl.from_epoch("timestamp").dt.replace_time_zone("UTC"))
    amsterdam = zoned.with_columns(pl.col("timestamp").dt.convert_time_zone("Europe/Amsterdam"))
    written = table.with_columns(
        amsterdam["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S%:z").alias("timestamp")
    )
    millis = table.with_columns(pl.col("timestamp") * 1000)
    for source in (pd.DataFrame(table.to_dict(as_series=False)), table.lazy(), table.to_arrow()):
        assert told(read_sessions(source, SMALL, now=NOW)) == expected
    for source in (zoned, amsterdam, written, millis, tmp_path / "log.parquet"):
        assert told(read_sessions(source, SMALL, now=NOW)) == expected
    text = told(read_sessions(tmp_path / "log.csv", SMALL, now=NOW))
    assert text == {name: (int(row[0]), *row[1:]) for name, row in expected.items()}


def test_a_folder_of_parts(tmp_path):
    rows = [(f"u{i % 3}", 100 * i, "PLAY") for i in range(30)]
    whole = log(*rows)
    for i, part in enumerate(whole.iter_slices(7)):
        part.write_parquet(tmp_path / f"part-{i}.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / ".part-9.crc").write_bytes(b"x")
    expected = told(read_sessions(whole, SMALL, now=NOW))
    assert told(read_sessions(tmp_path, SMALL, now=NOW)) == expected
    some = sorted(tmp_path.glob("*.parquet"))
    assert told(read_sessions(some, SMALL, now=NOW)) == expected
    whole.drop("event").write_parquet(tmp_path / "part-8.parquet")
    with pytest.raises(MissingColumn, match=r"'event' in .*part-8"):
        read_sessions(tmp_path, SMALL, now=NOW)
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="holds no files"):
        read_sessions(tmp_path / "none", SMALL)


def test_names_of_columns():
    table = log(("a", 0, "PLAY")).rename({"user_id": "who", "timestamp": "at", "event": "what"})
    words = {**SMALL, "columns": {"user": "who", "time": "at", "event": "what"}}
    assert len(read_sessions(table, words, now=NOW).sessions) == 1
    asked = {"user": "who", "time": "at", "event": "what"}
    assert len(read_sessions(table, SMALL, now=NOW, **asked).sessions) == 1
    with pytest.raises(MissingColumn, match="'visit'"):
        read_sessions(table, {**words, "columns": {**words["columns"], "session": "visit"}})
    with pytest.raises(MissingColumn, match="user='its name'"):
        read_sessions(table, SMALL)


def test_as_a_table():
    table = log(("a", 0, "VIEW"), ("a", 40, "PLAY"), ("b", 99, "VIEW"))
    frame = as_frame(read_sessions(table, SMALL, now=NOW))
    assert frame.columns == [
        *("session_id", "user_id", "start", "seconds"),
        *SMALL["behaviours"],
        *("intents", "satisfaction", "shown", "weight"),
    ]
    assert frame["first_play"].to_list() == [40.0, None]
    assert frame["satisfaction"].to_list() == [None, None]
    assert frame["intents"].to_list() == [[], []]
    assert frame["start"][0] == datetime.fromtimestamp(T, UTC)


# ------------------------------------------------------------------------------- vocabularies
def test_a_vocabulary_of_ones_own(tmp_path):
    path = tmp_path / "ours.yaml"
    path.write_text(
        "columns: {user: who, time: at, event: what}\n"
        "kinds: {play: [PLAY], look: VIEW}\n"
        "behaviours:\n  plays: {count: play}\n  first: {first: [play, look]}\n  span: length\n"
    )
    words = Vocabulary.of(path)
    assert words.kinds == {"play": ("PLAY",), "look": ("VIEW",)}
    assert words.behaviours["first"] == Signal("first", ("play", "look"))
    assert words.behaviours["span"] == Signal("length")
    assert words.columns == {"user": "who", "time": "at", "event": "what"}
    assert Vocabulary.of(words) is words


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"kind": {}}, UnknownName, "no key 'kind'; did you mean 'kinds'"),
        ({"behaviours": {"n": {"count": "pla"}}}, UnknownName, "'pla'; did you mean 'play'"),
        ({"behaviours": {"n": {"count": []}}}, DataError, "an empty list"),
        ({"kinds": {"play": []}}, DataError, "an empty list"),
        ({"behaviours": {"n": {"sum": "play"}}}, UnknownName, "no key 'sum'"),
        ({"behaviours": {"n": "play"}}, DataError, "it must be `length`"),
        ({"behaviours": {"n": {"count": "play", "first": "play"}}}, DataError, "must be `length`"),
        ({"behaviours": {}}, DataError, "names no behaviours"),
        ({"behaviours": None}, DataError, "not a mapping"),
        ({"kinds": {"play": [True]}}, DataError, "in quotes"),
        ({"kinds": {"play": "P", "look": "P"}}, DataError, "'P' means two things"),
        ({"columns": {"person": "x"}}, UnknownName, "no key 'person'"),
        ({"derived": {"plays": {"share": "play"}}}, DataError, "both in behaviours and in derived"),
    ],
)
def test_a_bad_vocabulary(change, error, match):
    with pytest.raises(error, match=match):
        Vocabulary.of({**SMALL, **change})


def test_a_file_that_is_no_vocabulary(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("kinds:\n  play: PLAY\n  look: VIEW\n  play: RESUME\n")
    with pytest.raises(DataError, match=r"bad.yaml, line 4.*key 'play' stands twice"):
        Vocabulary.of(path)
    path.write_text("kinds: [unclosed\n")
    with pytest.raises(DataError, match=r"bad.yaml, line 2: not YAML"):
        Vocabulary.of(path)
    with pytest.raises(UnknownName, match=r"no vocabulary 'vidio'; did you mean 'video'"):
        Vocabulary.of("vidio")


# ------------------------------------------------------------------------------- properties
EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.integers(0, 20_000),
        st.sampled_from(["PLAY", "RESUME", "VIEW", "BEAT", "ad"]),
        st.sampled_from([None, "s", "t"]),
    ),
    min_size=1,
    max_size=60,
).filter(lambda rows: any(event != "ad" for _, _, event, _ in rows))


def both(rows, own):
    named = [session for *_, session in rows] if own else None
    table = log(*((user, at, event) for user, at, event, _ in rows), session=named)
    return table.with_columns(place=pl.int_range(pl.len()))


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False), st.booleans(), st.integers(1, 30))
def test_neither_order_nor_parts_matter(rows, random, own, at_once):
    table = both(rows, own)
    expected = as_frame(read_sessions(table, SMALL, now=NOW))
    order = list(range(len(rows)))
    random.shuffle(order)
    mixed = as_frame(read_sessions(table[order], SMALL, now=NOW, at_once=at_once))
    assert mixed.equals(expected)


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.booleans())
def test_every_known_event_is_in_a_session(rows, own):
    data = read_sessions(both(rows, own), SMALL, now=NOW)
    doings = sum(event in ("PLAY", "RESUME", "VIEW") for _, _, event, _ in rows)
    plays = sum(event in ("PLAY", "RESUME") for _, _, event, _ in rows)
    assert data.sessions.column("doings").sum() == doings
    assert data.sessions.column("plays").sum() == plays
    first = data.sessions.column("first_play")
    np.testing.assert_array_equal(np.isnan(first), data.sessions.column("plays") == 0)
    assert (np.nan_to_num(first) <= data.sessions.seconds).all()
    assert data.sessions.ids.n_unique() == len(data.sessions)


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_against_a_loop(rows):
    """Cut by hand, an event after the other."""
    known = sorted((user, at, i) for i, (user, at, event, _) in enumerate(rows) if event != "ad")
    cut, before = [], None
    for user, at, i in known:
        if before is None or before[0] != user or at - before[1] > 1800:
            cut.append([])
        cut[-1].append((user, at, rows[i][2]))
        before = user, at
    expected = {}
    for some in cut:
        user, start, _ = some[0]
        plays = [at - start for _, at, event in some if event in ("PLAY", "RESUME")]
        looks = sum(event == "VIEW" for *_, event in some)
        length = float(some[-1][1] - start)
        first = float(plays[0]) if plays else -1.0
        what = (float(len(plays)), first, float(len(plays) + looks), length)
        expected[f"{user}@{T + start}"] = (user, start, length, *what)
    assert told(read_sessions(both(rows, False), SMALL, now=NOW)) == expected
