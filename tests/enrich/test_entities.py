import subprocess
import sys
from importlib.util import find_spec

import pytest

from headwater.enrich.entities import MODELS, Entities
from headwater.errors import BadParameter, MissingExtra

HAS_SPACY = find_spec("spacy") is not None and any(map(find_spec, MODELS))
needs_spacy = pytest.mark.skipif(not HAS_SPACY, reason="spaCy with an English model is not here")


def found(text, **settings):
    (entities,) = Entities(by="rules", **settings).annotate([text])
    for each in entities:
        assert text[each["start"] : each["end"]] == each["text"]
    assert [each["start"] for each in entities] == sorted(each["start"] for each in entities)
    return [(each["text"], each["label"]) for each in entities]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "We heard Sen. Ron Wyden and Rep. Zed Quux.",
            [("Ron Wyden", "PERSON"), ("Zed Quux", "PERSON")],
        ),
        (
            "On Monday President Barack Obama's aide met Obama in Texas.",
            [("Barack Obama", "PERSON"), ("Obama", "PERSON"), ("Texas", "GPE")],
        ),
        ("Yesterday it rained. Everybody stayed.", []),
        ("The FBI asked Stanford University.", [("FBI", "ORG"), ("Stanford University", "ORG")]),
        (
            "He met Ludwig van Beethoven and Bashar al-Assad.",
            [("Ludwig van Beethoven", "MISC"), ("Bashar al-Assad", "MISC")],
        ),
        (
            "They place TE Jordan Reed on the list.",
            [("Jordan Reed", "PERSON")],
        ),
        (
            "Prince Harry and Queen Elizabeth spoke.",
            [("Prince Harry", "PERSON"), ("Queen Elizabeth", "PERSON")],
        ),
        ("I said I'm in New York City.", [("New York City", "GPE")]),
    ],
)
def test_rules(text, expected):
    assert found(text) == expected


def test_first_word_of_a_sentence_is_a_name_only_where_it_is_known():
    assert found("Clippers won. Fans of the Clippers sang.") == [
        ("Clippers", "MISC"),
        ("Clippers", "MISC"),
    ]
    assert found("Clippers won. Fans sang.") == []


def test_headlines():
    text = (
        "Why These Golden Rules Matter Now For Angela Merkel\n\nIn the end it was Merkel who won."
    )
    assert found(text) == [("Angela Merkel", "PERSON"), ("Merkel", "PERSON")]


def test_a_name_ends_with_its_line():
    assert found("They met Ann\n\nLee is here, said Ann Smith.")[-1] == ("Ann Smith", "PERSON")


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("We met Ann Lee-Smith there.", False),  # somebody else
        ("We met Ann Leeds there.", False),
        ("An Ann Lee-led party won.", True),
        ("It was Ann Lee's.", True),
        ("It was Ann Lee - again.", True),
    ],
)
def test_gazetteer_names_are_whole(text, there):
    assert ("Ann Lee" in [each[0] for each in found(text, gazetteer=("Ann Lee",))]) == there


def test_gazetteer_first():
    names = ("Xu Q. Ooo", "Xu", "Ilhan Omar")
    text = "The Brands Ilhan Omar Likes. Xu Q. Ooo's dog. Ilhan Omarson. Xu came."
    got = found(text, gazetteer=names)
    assert [name for name, label in got if label == "PERSON" and name in names] == [
        "Ilhan Omar",
        "Xu Q. Ooo",
        "Xu",
    ]


def test_says_what_it_used():
    assert Entities(by="rules").used == "rules"
    auto = Entities()
    assert auto.used == ("rules" if not HAS_SPACY else auto.used)
    assert auto.used == "rules" or auto.used.startswith("spacy en_core_web_sm")
    assert Entities(by="rules").identity() != Entities(by="rules", gazetteer=("A B",)).identity()


def test_bad_parameters():
    with pytest.raises(BadParameter, match="by is one of auto, spacy, rules"):
        Entities(by="magic")
    with pytest.raises(BadParameter, match="rules use no model"):
        Entities(by="rules", model="en_core_web_sm")
    with pytest.raises(BadParameter, match="language is 'fr'; name a spaCy model"):
        Entities(language="fr")


@pytest.mark.skipif(find_spec("spacy") is not None, reason="spaCy is here")
def test_without_spacy():
    with pytest.raises(MissingExtra, match=r"enrich.entities needs spacy, .*headwater\[entities\]"):
        Entities(by="spacy").annotate(["a"])
    with pytest.raises(MissingExtra, match="spacy"):
        Entities(model="xx_ent_wiki_sm").annotate(["a"])


@needs_spacy
def test_spacy_is_the_whole_pipeline():
    """What is left out of it changes no name."""
    code = """
import spacy
from headwater.enrich.entities import Entities
texts = ["Nancy Pelosi met Barack Obama in Washington on Monday.", "", "Apple hired Tim Cook."]
model = Entities(by="spacy")
net = spacy.load(model.used.split()[1])
whole = [[(e.text, e.start_char, e.end_char, e.label_) for e in net(t).ents] for t in texts]
ours = [[tuple(e.values()) for e in each] for each in model.annotate(texts)]
assert ours == whole and len(ours[0]) >= 3, (ours, whole)
first = Entities(by="spacy", gazetteer=("Apple hired Tim", "met Barack"))
names = [[(e["text"], e["label"]) for e in each] for each in first.annotate(texts)]
assert names[2][0] == ("Apple hired Tim", "PERSON") and ("Tim Cook", "PERSON") not in names[2]
assert ("met Barack", "PERSON") in names[0] and ("Nancy Pelosi", "PERSON") in names[0]
assert model.identity() != first.identity()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
