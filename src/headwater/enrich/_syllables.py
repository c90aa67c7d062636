"""Syllables of a word by rules: a nucleus each, that is vowels that are said as one."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["syllables"]

# What is no nucleus of its own, then the nuclei of several letters, longest first, then the others.
NUCLEI = {
    "de": (
        r"(?<=q)u",
        r"aa|ee|oo|(?<!famil)(?<!ser)(?<!lin)(?<!akt)ie(?!ns?$)|ei|ai|au|äu|eu(?!m$)|ay|ey"
        r"|[aeiouyäöüéèêà]",
    ),
    "nl": (
        r"(?<=q)u|(?<=t)i(?=on)",
        r"aai|ooi|oei|eeu|ieu|aa|ee|oo|uu|ie|oe|eu(?!m$)|ui|ei|ij|au|ou|[aeiouyáéèêëïöü]",
    ),
    "fr": (
        r"(?<=[qg])u(?=[eiéèêy])|(?<=q)u|(?<=.)(?:es?)$",
        r"oui|i?eau|[iy]?eu|[iy]?ou|[iy]?ai|[iy]?oi|[iu]?ei|au|œu|aie|ie|ue|ui|i[oaéèê]"
        r"|[aeiouyàâéèêëîïôûùüœ]",
    ),
    "es": (
        r"(?<=q)u|(?<=g)u(?=[eéií])",
        r"[iuü]?[aeoáéó](?:[iu](?![aeoáéó])|y$)?|[iuü][iuúíy]?|[íú]|y$",
    ),
    "it": (
        r"(?<=q)u|(?<=[cg])i(?=[aou])",
        r"(?<![aeiou])[iu]u?[aeoàèéòù]i?|(?<=[aeo])iu?[aeo]|[aeoàèéò](?:[iu](?![aeo]))?|[iuìùí]",
    ),
}
SPOKEN = {lang: (re.compile(mute), re.compile(nuclei)) for lang, (mute, nuclei) in NUCLEI.items()}

VOWELS = re.compile(r"[aeiouyéèêáàóöüíñ]+")
# English: vowels side by side that are said apart, and vowels that are not said at all.
APART = re.compile(
    r"ia(?!n$|ns$|l$|ls$|lly$|ge)|(?<![tcsg])ial|(?<![tcsgl])ian|[aeiou]y(?=[aeiou])|[^aeiou]ying|io(?!n|us)|(?<![tscgxl])ion|"
    r"(?<![tscgx])ious|iu|eo(?!us|p|n$|ns$|r)|[^g]eous|(?<![cs])ea(?=tor|te$|ted|ting|tion|te)|"
    r"uou|[^qg]ua(?!r[^y])|ue[lt]|uin[gt]?$|[^aeiouqg]ui(?=ty|sh)|oi(?=ng$)|oe(?=[mt])|"
    r"ie(?=t|nc|nt)|ier(?=$|s$)|iest$|eing|yi(?=ng)|ewe(?=l)|idea|reali|(?<=r)ea(?=s?$)|eum|uclear|(?<=^l)ion|creat(?!u)|iz?sm|"
    r"(?<=[dst])n't$"
)
MUTE = re.compile(
    r"(?:[^aeiou]|[gq]u)e$|(?<![sxzcgaeiou])(?<!sh)(?<!ch)es$|(?<![tdaeiou])ed$|"
    r"(?<=[a-z])e(?=ly$|less$|ment$|ments$|ful$|fully$|ness$|some$)"
)
LE = re.compile(r"[^aeiouylrw]l(?:e|es|ed)$")
ENDING = re.compile(r"(?:['\u2019]s?|s['\u2019])$")


@lru_cache(maxsize=1 << 16)
def syllables(word: str, language: str) -> int:
    """How many ``word`` has, at least one; of parts that a hyphen joins, the sum."""
    word = word.lower().replace("\u2019", "'")
    if "-" in word:
        return sum(syllables(part, language) for part in word.split("-") if part) or 1
    if "." in word:  # letters, said one by one
        return sum(3 if letter == "w" else 1 for letter in word if letter.isalpha())
    if language == "en":
        return _english(word)
    mute, nuclei = SPOKEN[language]
    return max(1, len(nuclei.findall(mute.sub("", word))))


def _english(word: str) -> int:
    word = ENDING.sub("", word)
    n = len(VOWELS.findall(word)) + len(APART.findall(word))
    return max(1, n - bool(MUTE.search(word) and not LE.search(word)))
