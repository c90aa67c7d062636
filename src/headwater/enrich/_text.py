"""Where words and sentences are in a text, by rules."""

from __future__ import annotations

import re

__all__ = ["LANGUAGES", "latin", "sentences", "words"]

LANGUAGES = ("en", "de", "es", "fr", "it", "nl")

# Letters, with what joins them; figures are no words.
WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W\d_]+(?:[-'\u2019][^\W\d_]+)*")
LETTER = re.compile(r"[^\W\d_]")
OF_LATIN = re.compile(r"[A-Za-zªº\u00c0-\u02af\u1e00-\u1eff\ufb00-\ufb06]")
PARAGRAPH = re.compile(r"\n\s*\n|[\r\n]+")
# Marks that may end a sentence, and what may close after them, before a space or the end.
END = re.compile(r"(?<![.!?…])[.!?…]+[\"'”\u2019»)\]]*(?=\s|$)")
NEXT = re.compile(r"\s*[\"'“\u2018«„(\[¿¡]*(\w+)?")
LONGEST = 64  # characters of the word before a mark; what is longer is no abbreviation
LAST = re.compile(r"[\w.&'\u2019-]+$")
INITIALS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]$")  # "J", "U.S", "e.g"

# Before a name or a number: a sentence never ends after these.
TITLES = {
    "en": "mr mrs ms dr prof sen rep gov gen col lt sgt cpl capt cmdr adm maj rev hon pres supt st "
    "mt ft no nos vs v fig vol pp ed dept approx jan feb mar apr jun jul aug sept sep oct nov dec",
    "de": "dr prof hr fr st nr bzw ca z b d h u a vgl evtl ggf abs art bd jan feb mär apr jun jul "
    "aug sept okt nov dez dipl ing geb str sog inkl mio mrd",
    "es": "sr sra srta dr dra d dña ud uds lic ing prof gral núm pág art ee uu aprox",
    "fr": "m mm mme mlle dr pr me st ste no art p ex env cf av bd janv févr avr juil sept oct nov",
    "it": "sig sigg sig.ra dott dr prof avv ing on sen gen s ecc pag art n ca es",
    "nl": "dhr mevr mw dr drs ir ing mr prof st nr bijv bv ca d.w.z o.a m.n jl art blz",
}
# Inside a sentence or at its end: it ends if a word follows that often begins one.
EITHER = {
    "en": "inc corp co ltd llc jr sr bros etc a.m p.m al est blvd ave rd",
    "de": "usw etc co gmbh jr",
    "es": "etc cía jr s.a",
    "fr": "etc cie jr s.a",
    "it": "ecc etc s.p.a s.r.l",
    "nl": "enz etc jr b.v n.v",
}
STARTERS = {
    "en": "a an the this that these those he she it they we you i his her its their our my your in "
    "on at for from with but and or so if when while after before as there here what who why how "
    "where no not now then one some all many most more however meanwhile although since",
    "de": "der die das ein eine einer er sie es wir ihr ich in im am an auf bei mit nach vor für "
    "aber und oder wenn als dass da so nun dann doch diese dieser dieses auch wie was wer",
    "es": "el la los las un una él ella ellos en de con por para pero y o si cuando como se su sus "
    "este esta esto no lo que a al",
    "fr": "le la les l un une des il elle ils elles on nous vous je ce cette ces en dans à au aux "
    "avec pour par mais et ou si quand comme son sa ses leur d",
    "it": "il lo la i gli le un una uno lui lei loro in nel di con per ma e o se quando come "
    "questo questa si non a al da",
    "nl": "de het een hij zij ze wij we ik in op aan bij met na voor maar en of als dat die deze "
    "dit er zo dan nu ook toen wat wie",
}
_TITLES, _EITHER, _STARTERS = (
    {language: frozenset(said.split()) for language, said in each.items()}
    for each in (TITLES, EITHER, STARTERS)
)


def words(text: str) -> list[str]:
    """
    >>> words("Mr. Smith's well-known 3 dogs")
    ['Mr', "Smith's", 'well-known', 'dogs']
    """
    return WORD.findall(text)


def latin(text: str) -> bool:
    """Whether most of the letters of ``text`` are Latin; so it is where there are none.

    >>> latin("Über 3 cafés"), latin("東京で地震 (NHK)")
    (True, False)
    """
    return text.isascii() or 2 * len(OF_LATIN.findall(text)) >= len(LETTER.findall(text))


def sentences(text: str, language: str) -> list[tuple[int, int]]:
    """Where each sentence begins and ends; a line is never part of two.

    >>> text = "Sen. J. Smith paid $3.50 to Acme Inc. in the U.S. Then he left."
    >>> [text[a:b] for a, b in sentences(text, "en")]
    ['Sen. J. Smith paid $3.50 to Acme Inc. in the U.S.', 'Then he left.']
    """
    found = []
    for begin, end in _lines(text):
        start = begin
        for mark in END.finditer(text, begin, end):
            if mark.end() < end and not _ends(text, start, mark, end, language):
                continue
            found.append((start, mark.end()))
            start = mark.end() + len(text[mark.end() : end]) - len(text[mark.end() : end].lstrip())
        if start < end:
            found.append((start, end))
    return found


def _lines(text: str) -> list[tuple[int, int]]:
    edges = [0, *(e for mark in PARAGRAPH.finditer(text) for e in mark.span()), len(text)]
    found = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        part = text[start:end]
        if part.strip():
            left = start + len(part) - len(part.lstrip())
            found.append((left, left + len(part.strip())))
    return found


def _ends(text: str, start: int, mark: re.Match[str], end: int, language: str) -> bool:
    """Whether a sentence ends at ``mark``, of which something follows on the line."""
    following = NEXT.match(text, mark.end(), end)
    after = (following[1] or "") if following else ""
    if after[:1].islower():
        return False
    if not mark[0].startswith(".") or mark[0].startswith(".."):
        return True
    before = LAST.search(text, max(start, mark.start() - LONGEST), mark.start())
    word = before[0].lower() if before else ""
    if word in _TITLES[language]:
        return False
    starts = after.lower() in _STARTERS[language]
    if word in _EITHER[language]:
        return starts
    if INITIALS.match(word):  # "J. Smith" goes on, "the U.S. The" does not
        return starts and "." in word
    if language == "de" and word.isdigit():  # "am 3. Mai"
        return starts
    return True
