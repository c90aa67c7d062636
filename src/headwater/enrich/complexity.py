"""Complexity: how easy a text is to read, from the lengths of its sentences and words.

    reading ease = a - b words / sentences - c syllables / words
    grade        = 0.39 words / sentences + 11.8 syllables / words - 15.59        English only

    language     a        b      c       by
    en         206.835  1.015   84.6     Flesch 1948; the grade by Kincaid and others 1975
    de         180      1       58.5     Amstad 1978
    fr         207      1.015   73.6     Kandel, Moles 1958
    nl         206.84   0.93    77       Douma 1960
    es         206.84   1.02    60       Fernandez Huerta 1959
    it         217      1.3     60       Franchina, Vacca 1972

A line, such as a title, ends a sentence; abbreviations, initials and numbers do not. Figures are
left out, and nothing is said of a text of which most letters are not Latin. Syllables are counted
by rules of our own: of 111 English words drawn by lot from MIND and not looked at while they were
written they get 97 % right, where hyphenation (pyphen) gets 80 %.

Source:  Flesch, "A new readability yardstick", Journal of Applied Psychology 1948; Kincaid,
         Fishburne, Rogers, Chissom, "Derivation of New Readability Formulas", 1975; and those above
Checked: texts and words counted by hand, tests/enrich/test_complexity.py; the share of syllables
         that are right is printed by benchmarks/enrich.py --syllables
Differs: numbers are left out, where Flesch has them read aloud; Fernandez Huerta's sentences per
         hundred words are taken as words per sentence, as all who use the formula do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ._annotator import Annotator, one_of
from ._syllables import syllables
from ._text import LANGUAGES, latin, sentences, words

__all__ = ["Complexity"]

EASE = {
    "en": (206.835, 1.015, 84.6),
    "de": (180.0, 1.0, 58.5),
    "fr": (207.0, 1.015, 73.6),
    "nl": (206.84, 0.93, 77.0),
    "es": (206.84, 1.02, 60.0),
    "it": (217.0, 1.3, 60.0),
}
GRADE = {"en": (0.39, 11.8, 15.59)}


@dataclass(kw_only=True, eq=False)
class Complexity(Annotator):
    """
    >>> model = Complexity()
    >>> round(model.ease("The cat sat on the mat. It was warm."), 2)  # 9 words, 2, 9 syllables
    117.67
    """

    edition: ClassVar[int] = 2

    language: str = "en"  # en, de, es, fr, it or nl

    def __post_init__(self) -> None:
        one_of(self, "language", self.language, LANGUAGES)

    def counts(self, text: str) -> tuple[int, int, int]:
        """Sentences, words and syllables of ``text``; a sentence without a word is none."""
        said = [words(text[start:end]) for start, end in sentences(text, self.language)]
        said = [each for each in said if each]
        n = sum(syllables(word, self.language) for each in said for word in each)
        return len(said), sum(map(len, said)), n

    def ease(self, text: str) -> float:
        """Reading ease: 100 is very easy, 0 very hard, and there may be more and less. NaN for a
        text without a word, and one in other letters than Latin."""
        return self.found([text])[0][0]

    def grade(self, text: str) -> float:
        """Years at an American school that it takes to read ``text``. NaN where `ease`
        is, and for a language that nobody has published the constants of."""
        return self.found([text])[0][1]

    def found(self, texts: list[str]) -> list[tuple[float, float]]:
        """Reading ease and grade of each."""
        none = (float("nan"), float("nan"))
        return [self._measured(*self.counts(text)) if latin(text) else none for text in texts]

    def _measured(self, n: int, of_words: int, of_syllables: int) -> tuple[float, float]:
        if not of_words:
            return float("nan"), float("nan")
        long, hard = of_words / n, of_syllables / of_words
        a, b, c = EASE[self.language]
        ease = a - b * long - c * hard
        if self.language not in GRADE:
            return ease, float("nan")
        per_word, per_syllable, less = GRADE[self.language]
        return ease, per_word * long + per_syllable * hard - less
