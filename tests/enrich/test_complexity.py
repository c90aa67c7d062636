import json
import math
import time
from pathlib import Path

import pytest

from headwater.enrich._syllables import syllables
from headwater.enrich._text import latin, sentences, words
from headwater.enrich.complexity import Complexity
from headwater.errors import BadParameter, DataError

COUNTED = json.loads((Path(__file__).parents[1] / "golden" / "syllables.json").read_text())
RIGHT = {"en": 0.97, "en, not looked at while the rules were written": 0.94, "it": 0.89}


def spoken(text, language):
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize("name", COUNTED)
def test_syllables_of_words_counted_by_hand(name):
    counted = COUNTED[name]
    right = sum(syllables(word, name[:2]) == n for word, n in counted.items())
    assert right / len(counted) >= RIGHT.get(name, 0.97)
    said = sum(syllables(word, name[:2]) for word in counted)
    assert abs(said / sum(counted.values()) - 1) < 0.03  # too few of some, too many of others


# Sentences, words and syllables counted by hand.
TEXTS = [
    ("en", "The cat sat on the mat. It was warm.", 2, 9, 9),
    ("en", "Mayor Opens New Library\n\nThe city has a library. Children like it!", 3, 12, 20),
    ("en", "Dr. J. Smith paid $3.50 to Brown Inc. in the U.S. Then he left.", 2, 13, 14),
    ("en", '"Is it far?" he asked. No. 5 of 7 did not know...', 2, 10, 10),
    ("de", "Am 3. Mai kam Dr. Merkel nach Berlin. Es war kalt.", 2, 10, 12),
    ("fr", "Le président parle. La ville est grande.", 2, 7, 9),
    ("nl", "De minister leest de krant. Hij lacht.", 2, 7, 9),
    ("es", "El gobierno de la ciudad habla. No hay agua.", 2, 9, 14),
    ("it", "Il governo parla. La donna legge.", 2, 6, 11),
]
CONSTANTS = {
    "en": (206.835, 1.015, 84.6),
    "de": (180, 1, 58.5),
    "fr": (207, 1.015, 73.6),
    "nl": (206.84, 0.93, 77),
    "es": (206.84, 1.02, 60),
    "it": (217, 1.3, 60),
}


@pytest.mark.parametrize(("language", "text", "n", "of_words", "of_syllables"), TEXTS)
def test_texts_counted_by_hand(language, text, n, of_words, of_syllables):
    model = Complexity(language=language)
    assert model.counts(text) == (n, of_words, of_syllables)
    a, b, c = CONSTANTS[language]
    assert model.ease(text) == pytest.approx(a - b * of_words / n - c * of_syllables / of_words)
    if language == "en":
        grade = 0.39 * of_words / n + 11.8 * of_syllables / of_words - 15.59
        assert model.grade(text) == pytest.approx(grade)
    else:
        assert math.isnan(model.grade(text))


def test_published_example():
    """The values that go round with this sentence: 13 words, 24 syllables in one sentence."""
    text = "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature."
    model = Complexity()
    assert model.counts(text) == (1, 13, 24)
    assert model.ease(text) == pytest.approx(37.5, abs=0.05)
    assert model.grade(text) == pytest.approx(11.3, abs=0.05)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He came at 5 p.m. The show began.", ["He came at 5 p.m.", "The show began."]),
        ("It was 5 p.m. Eastern time.", ["It was 5 p.m. Eastern time."]),
        ("Up 3.5 percent, to 1,000.25 points.", ["Up 3.5 percent, to 1,000.25 points."]),
        ("Really?! Yes... maybe.", ["Really?!", "Yes... maybe."]),
        ("George W. Bush spoke. He left.", ["George W. Bush spoke.", "He left."]),
        ("(It ended.) She won.", ["(It ended.)", "She won."]),
        ("No end\nNext line", ["No end", "Next line"]),
        ("   \n \n", []),
    ],
)
def test_sentences(text, expected):
    assert spoken(text, "en") == expected


def test_no_word_is_no_number():
    for text in ("", "  \n ", "12 345 ... !!!"):
        assert math.isnan(Complexity().ease(text))
        assert math.isnan(Complexity().grade(text))
    assert words("a 12 b2b l'eau well-known") == ["a", "b", "b", "l'eau", "well-known"]


def test_bad_input():
    with pytest.raises(BadParameter, match="language is one of en, de, es, fr, it, nl; got 'la'"):
        Complexity(language="la")
    with pytest.raises(DataError, match="a list of texts, and got a single one"):
        Complexity().annotate("a text")
    with pytest.raises(DataError, match="number 1 is a NoneType, not text"):
        Complexity().annotate(["a", None])


def test_letters_that_are_not_latin():
    """One word to the rules, however long; nothing is said of such a text."""
    for text in (
        "美国总统今天在华盛顿发表了讲话。",
        "Это новости дня.",
        "東京 (NHK) で地震が発生した",
    ):
        assert not latin(text)
        assert math.isnan(Complexity().ease(text))
        assert math.isnan(Complexity().grade(text))
    for text in ("Łódź, Çeşme and Việt Nam.", "The word 東京 is a city.", "Nai\u0308ve!", "100 %"):
        assert latin(text)


def test_long_texts_take_time_as_they_are_long():
    """Marks and abbreviations in rows: in squares of their number it would be minutes."""
    started = time.perf_counter()
    assert len(sentences("a " + "." * 100_000 + "x", "en")) == 1
    assert len(sentences("Mr. " * 100_000, "en")) == 1
    assert time.perf_counter() - started < 20
