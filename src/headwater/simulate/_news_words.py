"""The words that made-up news are written with, and what its sections are like."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

__all__ = [
    "ENDINGS",
    "FUNCTION",
    "GIVEN",
    "PARTIES",
    "SECTIONS",
    "STARTERS",
    "STEMS",
    "TITLES",
    "TONES",
    "Section",
    "coined",
    "syllables",
]


@dataclass(frozen=True)
class Section:
    """A category: how much of the news it is, and how it is written."""

    name: str
    share: float
    tone: float  # mean sentiment
    hard: float  # mean difficulty, in deviations
    named: float  # share of stories with persons in them
    parts: tuple[str, ...]  # subcategories, the largest first

    @property
    def subcategories(self) -> tuple[str, ...]:
        return tuple(self.name + part for part in self.parts)


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _section(
    name: str, share: float, tone: float, hard: float, named: float, parts: str
) -> Section:
    return Section(name, share, tone, hard, named, tuple(parts.split()))


# The names of the categories and about their shares are those of MIND; the rest is made up.
SECTIONS = (
    _section(
        "news",
        0.310,
        -0.20,
        0.6,
        0.70,
        "us politics world crime local elections courts opinion technology economy defence schools "
        "environment goodnews offbeat migration",
    ),
    _section(
        "sports",
        0.255,
        0.10,
        -0.4,
        0.65,
        "football basketball baseball college hockey golf soccer racing tennis boxing olympics "
        "cycling fishing esports",
    ),
    _section(
        "finance",
        0.070,
        0.00,
        0.8,
        0.30,
        "markets companies realestate savings retirement careers taxes smallbusiness insurance "
        "autosales",
    ),
    _section(
        "foodanddrink",
        0.052,
        0.35,
        -0.5,
        0.15,
        "recipes restaurants tips wine quick baking cheap beverages reviews",
    ),
    _section(
        "lifestyle",
        0.050,
        0.25,
        -0.3,
        0.30,
        "royals homes family style relationships pets horoscope gardening buzz cleaning",
    ),
    _section(
        "travel",
        0.048,
        0.30,
        0.0,
        0.10,
        "destinations hotels airlines tips cruises parks roads beaches cities",
    ),
    _section("video", 0.043, 0.15, -0.7, 0.25, "viral news animals sports cooking science kids"),
    _section("weather", 0.040, -0.10, -0.2, 0.05, "forecast storms records fires floods snow"),
    _section(
        "health",
        0.036,
        0.05,
        0.5,
        0.20,
        "medical nutrition fitness weightloss mind wellness sleep ageing disease research",
    ),
    _section(
        "autos",
        0.030,
        0.10,
        0.1,
        0.15,
        "new sports classics electric enthusiasts trucks research motorcycles recalls",
    ),
    _section(
        "tv", 0.022, 0.15, -0.4, 0.60, "celebrity recaps gossip reviews awards streaming reality"
    ),
    _section("music", 0.016, 0.20, -0.3, 0.70, "news celebrity country pop festivals rock classic"),
    _section("movies", 0.014, 0.15, -0.2, 0.65, "news celebrity reviews trailers awards classics"),
    _section(
        "entertainment", 0.011, 0.20, -0.3, 0.65, "celebrity books games gallery theatre humour"
    ),
    _section("kids", 0.003, 0.40, -1.0, 0.10, "fun crafts stories science"),
)
POLITICAL = ("newspolitics", "newselections", "newsus", "newsopinion", "newsmigration")
PARTIES = {  # and their shares of the politicians: two large, several small
    "Civic Union": 0.42,
    "Progress Alliance": 0.39,
    "Rural League": 0.08,
    "Green Path": 0.06,
    "Liberty Forum": 0.03,
    "Workers Front": 0.02,
}
TITLES = ("Sen.", "Rep.", "Gov.")
GIVEN = {
    "female": _split(
        "Alice Amanda Amy Anna Barbara Beth Carla Carol Claire Dana Diana Donna Elena Ella Emily "
        "Emma Gina Grace Hannah Helen Irene Jane Julia Karen Kate Laura Linda Lisa Lucy Maria "
        "Martha Megan Nancy Naomi Nora Olivia Paula Rachel Vera Zoe"
    ),
    "male": _split(
        "Aaron Adam Alan Albert Ben Brian Carl Carlos Daniel David Dennis Eric Felix Frank George "
        "Harold Henry Ian Jack Jacob James Karl Kevin Leo Louis Luke Martin Max Nathan Oliver "
        "Oscar Paul Peter Ralph Robert Simon Thomas Tobias Victor Walter"
    ),
}
STEMS = _split(
    "Ash Bar Bel Bran Brid Cal Carn Cor Dal Dor Dun Elm Fal Farn Fen Gal Gar Glen Gors Hal Har "
    "Hol Ing Jar Jol Kel Kir Kol Lan Lar Lor Lun Mal Mar Mel Mor Nel Nor Oak Ol Or Pel Per Pol "
    "Quin Ram Ren Ros Rud Sal Sel Ster Stor Tal Tar Thor Tol Tor Ul Und Val Van Ver Vol Wal War "
    "Wel Wil Win Yar Yel Zel"
)
ENDINGS = _split(
    "ard berg bury by croft dale den ern field ford ham hurst ick ini land ley lund man more ov "
    "sen stead wick worth"
)
STARTERS = _split("The A In After As Before For From How Its This When While With At On")
# by how often; none has a sentiment
FUNCTION = _split(
    "the of to in and a for on is at with as from by that it was after has are be over his her "
    "about into their this but who or says will had would before said its while when since they "
    "against could may during between under until through which without where might should because "
    "among toward within around"
)
TONES = {  # polarities of the TextBlob lexicon
    "terrible": -1.0,
    "cruel": -1.0,
    "brutal": -0.875,
    "violent": -0.8,
    "tragic": -0.75,
    "bad": -0.7,
    "painful": -0.7,
    "dangerous": -0.6,
    "afraid": -0.6,
    "angry": -0.5,
    "sad": -0.5,
    "wrong": -0.5,
    "poor": -0.4,
    "weak": -0.375,
    "bitter": -0.1,
    "fresh": 0.3,
    "fun": 0.3,
    "cheap": 0.4,
    "fantastic": 0.4,
    "safe": 0.5,
    "glad": 0.5,
    "lovely": 0.5,
    "nice": 0.6,
    "popular": 0.6,
    "good": 0.7,
    "successful": 0.75,
    "great": 0.8,
    "proud": 0.8,
    "brilliant": 0.9,
    "best": 1.0,
    "perfect": 1.0,
}

TAKEN = _split("final lolol minor moral moron muzak polar rural total vital")  # words that exist
ONSETS = np.array(_split("b d f g k l m n p r s t v z br tr st"))
VOWELS = np.array(["a", "i", "o", "u"])
CODAS = np.array(["", "", "n", "k", "m", "l", "t", "r", "p"])
GROUPS = re.compile("[aeiouy]+")


def coined(n: int, lengths: tuple[int, ...], rng: np.random.Generator) -> list[str]:
    """``n`` different words that nobody has used, of so many syllables as ``lengths`` says.

    >>> made = coined(100, (2, 3), np.random.default_rng(0))
    >>> len(set(made)), {syllables(word) for word in made}
    (100, {2, 3})
    """
    found: dict[str, None] = {}
    while len(found) < n:
        size = 2 * n
        long = rng.choice(lengths, size)
        grown = np.full(size, "", dtype="U24")
        for place in range(max(lengths)):
            part = np.char.add(rng.choice(ONSETS, size), rng.choice(VOWELS, size))
            grown = np.where(place < long, np.char.add(grown, part), grown)
        found.update(dict.fromkeys(np.char.add(grown, rng.choice(CODAS, size)).tolist()))
        for known in (*TONES, *FUNCTION, *TAKEN):
            found.pop(known, None)
    return list(found)[:n]


def syllables(text: str) -> int:
    """Groups of vowels of each word, a last silent e left out; at least one a word.

    >>> syllables("the house of Jane Ashford")
    6
    """
    return sum(_of_word(word) for word in text.lower().split())


def _of_word(word: str) -> int:
    bare = word.strip(".")
    silent = bare.endswith("e") and not bare.endswith("le")
    return max(1, len(GROUPS.findall(bare)) - silent)
