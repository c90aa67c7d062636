from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.serve.events import Click, Impression, Survey, check, instant, microseconds

CLICK = {
    "kind": "click",
    "event_id": "e1",
    "user_id": "ann",
    "item_id": "film",
    "time": "2026-05-01T10:00:00.123456+02:00",
}
SHOWN = {**CLICK, "kind": "impression", "request_id": "r", "position": 0, "propensity": 0.5}


def test_an_event_of_each_kind():
    rest = {name: CLICK[name] for name in ("event_id", "user_id", "time")}
    both = {"creative": 2, "creative_propensity": 0.25, "path": "retrieve.matrix.ease"}
    found = check(
        [
            CLICK,
            {**SHOWN, **both},
            {**CLICK, "kind": "play", "seconds": 12.5, "request_id": "r"},
            {**CLICK, "kind": "bookmark"},
            {**rest, "kind": "search", "query": "a film"},
            {**rest, "kind": "survey", "satisfaction": 5, "intents": ["relax"]},
        ]
    )
    kinds = [each.kind for each in found]
    assert kinds == ["click", "impression", "play", "bookmark", "search", "survey"]
    assert isinstance(found[0], Click)
    assert isinstance(found[1], Impression)
    assert isinstance(found[5], Survey)
    assert found[5].intents == ("relax",)
    assert microseconds(found[0].time) == 1777622400123456  # 08:00:00.123456 UTC, by `date`


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "buy"}, "kind: is one of impression, click, play, bookmark, search, survey"),
        ({"event_id": ""}, "event_id: String should have at least 1 character"),
        ({"event_id": True}, "event_id: Input should be a valid string"),
        ({"user_id": "a\0b"}, "user_id: has characters in it that are none"),
        ({"user_id": "\ud800"}, "user_id: has characters in it that are none"),
        ({"user_id": "ann "}, "user_id: begins or ends with a space"),
        ({"user_id": "x" * 201}, "user_id: String should have at most 200 characters"),
        ({"item_id": None}, "item_id: Input should be a valid string"),
        ({"time": 1_700_000_000}, "time: is not a date with a time zone"),
        ({"time": "1700000000"}, "time: is not a date with a time zone"),
        ({"time": "2026-05-01T10:00:00"}, "time: Input should have timezone info"),
        ({"time": "1969-12-31T00:00:00Z"}, "time: Input should be greater than or equal to 1970"),
        ({"consent": "some"}, "consent: Input should be 'none', 'essential' or 'full'"),
        ({"colour": "red"}, "colour: Extra inputs are not permitted"),
        ({**SHOWN, "propensity": 0}, "propensity: Input should be greater than 0"),
        ({**SHOWN, "propensity": float("nan")}, "propensity: Input should be"),
        ({**SHOWN, "position": -1}, "position: Input should be greater than or equal to 0"),
        ({**SHOWN, "position": 2**31}, "position: Input should be less than 2147483648"),
        ({**SHOWN, "creative": 1}, "creative and creative_propensity: give both, or neither"),
        ({"kind": "play", "seconds": float("inf")}, "seconds: Input should be"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(change, said):
    (found,) = check([{**CLICK, **change}])
    assert isinstance(found, str)
    assert found.startswith(said)
    assert "\n" not in found


def test_one_bad_event_leaves_the_others():
    found = check([CLICK, None, {}, CLICK])
    assert isinstance(found[0], Click)
    assert found[0] == found[3]
    assert found[1] == "an event is a mapping of names to values, not NoneType"


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_times_are_kept_to_the_microsecond(time, minutes):
    zoned = time.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    (found,) = check([{**CLICK, "time": zoned.isoformat()}])
    assert instant(microseconds(found.time)) == zoned
    assert instant(microseconds(zoned)).tzinfo is UTC


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_is_answered(junk):
    (found,) = check([junk])
    assert isinstance(found, str)
    for name in CLICK:
        (found,) = check([{**CLICK, name: junk}])
        assert isinstance(found, str | Click)
