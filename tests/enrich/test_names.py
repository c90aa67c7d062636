import random
from difflib import SequenceMatcher

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.enrich.names import Names, alike
from headwater.errors import BadParameter, DataError

pytest.importorskip("networkx")


def mention(text, start=0, label="PERSON"):
    return {"text": text, "start": start, "end": start + len(text), "label": label}


def grouped(names, **settings):
    counts = {name: names.count(name) for name in names}
    return sorted(map(sorted, Names(**settings).groups(counts)))


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=12))
def test_alike_is_the_definition(a, b):
    if min(len(a), len(b)) < 3:
        expected = 0.0
    elif f" {a} " in f" {b} " or f" {b} " in f" {a} ":
        expected = 1.0
    else:
        one, other = sorted((a, b))
        expected = SequenceMatcher(None, one, other, autojunk=False).ratio()
    assert alike(a, b) == alike(b, a) == expected
    assert alike(a, b, 0.9) == (expected if expected > 0.9 else 0.0)


def test_alike_by_hand():
    assert alike("Ann", "Hannover") == pytest.approx(2 * 2 / 11)  # no whole word of it
    assert alike("Xi", "Xi Jinping") == 0
    assert alike("Pelosi", "Nancy Pelosi") == 1
    assert alike("Zelensky", "Zelenskiy") == pytest.approx(2 * 8 / 17)


def test_variants():
    names = ["Nancy Pelosi", "Pelosi", "Pelosi", "Zelensky", "Zelenskiy", "Xi", "Xi Jinping"]
    assert grouped(names) == [
        ["Nancy Pelosi", "Pelosi"],
        ["Xi"],
        ["Xi Jinping"],
        ["Zelenskiy", "Zelensky"],
    ]


def test_a_short_name_does_not_join_people():
    names = ["Barack Obama", "Barack Obama", "Michelle Obama", "Obama"]
    assert grouped(names) == [["Barack Obama", "Obama"], ["Michelle Obama"]]
    assert grouped(names, apart=False) == [["Barack Obama", "Michelle Obama", "Obama"]]
    nested = ["John Smith", "John Smith Jr", "Smith"]
    assert grouped(nested) == [sorted(nested)]


def test_fields():
    text = "Trump said that Donald Trump and Texas Trump Inc met Trump."
    entities = [
        mention("Trump", 0),
        mention("Donald Trump", 16),
        mention("Texas", 33, "GPE"),
        mention("Trump", 53),
    ]
    assert Names().group(entities) == [
        {
            "text": "Donald Trump",  # of a person the one with a space, though it is rarer
            "alternative": ["Trump"],
            "frequency": 3,
            "spans": [[0, 5], [16, 28], [53, 58]],
            "label": "PERSON",
        },
        {
            "text": "Texas",
            "alternative": [],
            "frequency": 1,
            "spans": [[33, 38]],
            "label": "GPE",
        },
    ]
    assert all(text[a:b] for each in Names().group(entities) for a, b in each["spans"])
    org = [mention("Acme", 0, "ORG"), mention("Acme", 9, "ORG"), mention("Acme Inc", 20, "ORG")]
    assert Names().group(org)[0]["text"] == "Acme"  # of others the most frequent
    labels = [mention("Paris", 0, "GPE"), mention("Paris", 9)]
    assert len(Names().group(labels)) == 2


def test_any_order_gives_the_same():
    names = ["Ann Lee", "Lee", "Anna Lee", "Bob Lee", "Ann Leee", "Bob", "Li", "Ann", "Roberta Lee"]
    entities = [mention(name, 20 * i) for i, name in enumerate(names)]
    expected = Names().group(entities)
    for seed in range(5):
        shuffled = random.Random(seed).sample(entities, len(entities))
        assert Names().group(shuffled) == expected


def test_bad_input():
    with pytest.raises(DataError, match="an entity has no end, label"):
        Names().group([{"text": "A", "start": 0}])
    with pytest.raises(BadParameter, match="least must be from 0 to 1"):
        Names(least=2)
    assert Names().group([]) == []
