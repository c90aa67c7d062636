import polars as pl
import pytest

from headwater.data.people import HOUSE, read_people
from headwater.enrich._linking import Asked, Linker, Record, plain
from headwater.enrich.gazetteer import Gazetteer
from headwater.errors import DataError

PEOPLE = [
    {"name": "A. Donald McEachin", "party": ["Democrat"], "gender": "male"},
    {"name": "Abigail Davis Spanberger", "alternatives": ["Abby S."], "wikidata": "Q55603085"},
    {"name": "Nydia M. Velázquez"},
    {"name": "John A. Smith", "party": ["A"]},
    {"name": "John B. Smith, Jr.", "party": ["B"]},
    {"name": "Acme", "label": "ORG", "industry": ["anvils"]},
]


@pytest.fixture
def known():
    return Gazetteer(people=tuple(Record.of(each) for each in PEOPLE))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A. Donald McEachin", "A. Donald McEachin"),
        ("donald mceachin", "A. Donald McEachin"),
        ("Abigail Spanberger", "Abigail Davis Spanberger"),
        ("Abby S", "Abigail Davis Spanberger"),
        ("Nydia Velazquez", "Nydia M. Velázquez"),
        ("John A. Smith", "John A. Smith"),
        ("John B. Smith", "John B. Smith, Jr."),
        ("John Smith", None),  # two have it
        ("McEachin", None),
        ("Acme", None),  # no person
        ("", None),
    ],
)
def test_look_up(known, name, expected):
    found = known.look_up(name)
    assert (found and found.name) == expected


def test_alternatives_and_labels(known):
    assert known.look_up("Spanberger", ["Abigail Spanberger"]).wikidata == "Q55603085"
    assert known.look_up("Nobody", ["No One"]) is None
    assert known.look_up("Acme", label="ORG").industry == ("anvils",)
    asked = [Asked("Nobody"), Asked("Acme", (), "ORG")]
    assert [each and each.name for each in known.look_up_all(asked)] == [None, "Acme"]
    assert isinstance(known, Linker)


def test_whole_names_come_before_short_ones():
    people = (Record(name="Ann B. Lee"), Record(name="Ann Lee"))
    assert Gazetteer(people=people).look_up("Ann Lee").name == "Ann Lee"
    assert Gazetteer(people=people, short=False).look_up("Ann B Lee").name == "Ann B. Lee"
    assert Gazetteer(people=people[:1], short=False).look_up("Ann Lee") is None


def test_identity_follows_the_people(known):
    other = Gazetteer(people=known.people[:-1])
    assert known.identity() != other.identity()
    assert known.identity() == Gazetteer(people=known.people).identity()


def test_records():
    with pytest.raises(DataError, match="a record has no field 'age'"):
        Record.of({"name": "A", "age": 3})
    with pytest.raises(DataError, match="has no name"):
        Record.of({"name": "", "party": "A"})
    with pytest.raises(DataError, match="gender of 'A' is one text"):
        Record.of({"name": "A", "gender": ["x", "y"]})
    with pytest.raises(DataError, match="party of 'A' is text; got 3"):
        Record.of({"name": "A", "party": 3})
    with pytest.raises(DataError, match="nobody is in it"):
        Gazetteer()
    assert Gazetteer(people=(Record(name="..."), Record(name="A"))).look_up("-- ?") is None
    assert plain("  O'Brien-Smith, Jr. ") == "o'brien-smith jr"


def test_any_table(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(
        "Person,Party,also_known_as,sex\nAnn Lee,Green|Left,A. Lee|Annie,female\n,X,,\n"
    )
    assert read_people(path) == [
        {
            "name": "Ann Lee",
            "alternatives": ["A. Lee", "Annie"],
            "party": ["Green", "Left"],
            "gender": "female",
        }
    ]
    frame = pl.DataFrame({"label": ["B"], "occupation": [["judge", "poet"]]})
    assert read_people(frame) == [{"name": "B", "occupations": ["judge", "poet"]}]
    with pytest.raises(DataError, match="no column of names: one of name, label, person; it has x"):
        read_people(pl.DataFrame({"x": ["a"]}))
    with pytest.raises(DataError, match="'party' is Int64"):
        read_people(pl.DataFrame({"name": ["a"], "party": [1]}))
    kinds = pl.DataFrame({"name": ["A", "B", "C"], "type": ["human", None, "Organization"]})
    assert [each.get("label") for each in read_people(kinds)] == ["PERSON", None, "ORG"]
    with pytest.raises(DataError, match="'type' of 'A' is 'politician'; it says PERSON or ORG"):
        read_people(pl.DataFrame({"name": ["A"], "type": ["politician"]}))
    path.write_text("name,party\nAnn Lee,Green\nBo Ek,Left,1990,more\n")
    with pytest.raises(DataError, match=r"1 rows cannot be read, such as .*Bo Ek"):
        read_people(path)
    with pytest.raises(DataError, match="nobody with a name"):
        read_people(pl.DataFrame({"name": [None, " "]}))


def test_every_member_of_the_house(shared):
    """Each is found by the whole name, and by first and last name where no other has the same."""
    rows = read_people(HOUSE)
    table = pl.read_parquet(shared / "politicians" / f"{HOUSE}.parquet")
    assert len(rows) == len(table) == 440
    known = Gazetteer(people=tuple(Record.of(each) for each in rows))
    for row in table.to_dicts():
        found = known.look_up(row["name"])
        assert (found.wikidata, found.party) == (row["wikidata"], (row["party"],))
    for name in ("Nancy Pelosi", "Alexandria Ocasio-Cortez", "Adam Schiff", "Elijah Cummings"):
        assert known.look_up(name).party == ("Democrat",)
    assert known.look_up("Kevin McCarthy").gender == "male"
    assert known.look_up("Donald Trump") is None
