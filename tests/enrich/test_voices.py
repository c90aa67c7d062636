import pytest

from headwater.enrich._linking import Record
from headwater.enrich.voices import Voices
from headwater.errors import BadParameter, DataError

US = "United States of America"
ANN = Record(name="Ann", party=("Green", "Left"), gender="female", citizenship=(US,), birthplace=US)
BOB = Record(name="Bob", gender="male", citizenship=("France", US), birthplace="France")
CAT = Record(name="Cat", ethnicity=("African Americans",), citizenship=(US,))
DAN = Record(name="Dan", ethnicity=("white people",), citizenship=("France",), gender="male")
EVE = Record(
    name="Eve", gender="non-binary", ethnicity=("Irish", "White Americans"), citizenship=(US,)
)
BARE = Record(name="Bare")
MOST, LEAST = "majority", "minority"


@pytest.mark.parametrize(
    ("by", "expected"),
    [  # of Ann, Bob, Cat, Dan, Eve, somebody of whom only the name is known, and nobody
        ("known", [MOST, MOST, MOST, MOST, MOST, MOST, LEAST]),
        ("gender", [LEAST, MOST, None, MOST, LEAST, None, None]),
        ("ethnicity", [MOST, MOST, LEAST, LEAST, MOST, None, None]),
        ("citizenship", [MOST, LEAST, MOST, LEAST, MOST, None, None]),
    ],
)
def test_voice(by, expected):
    people = [ANN, BOB, CAT, DAN, EVE, BARE, None]
    assert [Voices(by=by).voice(each) for each in people] == expected


def test_home():
    assert Voices(by="citizenship", home="France").voice(BOB) == MOST
    assert Voices(by="ethnicity", home="France").voice(DAN) == MOST


def name(text, label="PERSON", frequency=1):
    spans = [[i, i + 1] for i in range(frequency)]
    return {"text": text, "label": label, "frequency": frequency, "spans": spans, "alternative": []}


def test_an_entry_a_mention():
    names = [name("Ann", frequency=2), name("Acme", "ORG", 3), name("Zed"), name("Bob")]
    assert Voices().heard(names, [ANN, None, None, BOB]) == {
        "people": ["Ann", "Ann", "Zed", "Bob"],
        "parties": ["Green", "Green"],
        "voices": [MOST, MOST, LEAST, MOST],
        "genders": ["female", "female", "male"],
    }
    assert Voices(by="gender").heard(names, [ANN, None, None, BOB])["voices"] == [
        LEAST,
        LEAST,
        MOST,
    ]
    assert Voices().heard([], []) == {"people": [], "parties": [], "voices": [], "genders": []}


def test_bad_input():
    with pytest.raises(BadParameter, match="by is one of known, gender, ethnicity, citizenship"):
        Voices(by="age")
    with pytest.raises(DataError, match="1 names with 0 records"):
        Voices().heard([name("Ann")], [])
