"""Wikidata: what is known of people and organisations, asked of its query service by their names.

    item(name) = of the people (P31 human), or organisations (with P571 inception), whose label is
                 the name, or else who are also known by it, the one with the most Wikipedia pages
    given name P735, family name P734, occupations P106, party P102, positions P39, gender P21,
    ethnicity P172, birthplace P19 then P17, citizenship P27; of organisations instance P31,
    industry P452, country P17

A label, or another name, is one of ``language`` or, where Wikidata has one for all languages, that
("mul"). Asked are the name and, where nothing is found, its alternatives. The party is one that has
not ended, the latest first. Every answer is kept in ``cache``, also that there is none, and nobody
is asked for twice; between two questions there are ``interval`` seconds. A server that is busy or
fails is asked again, ever later, as late as it says itself (Retry-After).

Source:  Vrijenhoek, Benedict, Gutierrez Granada, Odijk, de Rijke, "RADio - Rank-Aware Divergence
         Metrics to Measure Normative Diversity in News Recommendations", RecSys 2022, in its code
Checked: against a server on this machine that answers, refuses, stalls and fails, and names that
         are made to break a query, tests/enrich/test_wikidata.py; the public service was not asked
Differs: of several of one name it takes the best known, and a party that has not ended, where the
         authors' code takes what comes first. Many names go into one question.
"""

from __future__ import annotations

import json
import re
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any, ClassVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..errors import BadParameter, DataError
from ..kept import Kept, key_of
from ..model import Model, at_least
from ._linking import FACTS, Asked, Record

__all__ = ["Wikidata"]

PUBLIC = "https://query.wikidata.org/sparql"
PAGES = re.compile(r"\d{1,9}")
ANY = "mul"  # the language of labels that are the same in all of them
ITEM = re.compile(r"Q[1-9]\d{0,14}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-zA-Z0-9]{2,8})*")
BUSY = (429, 500, 502, 503, 504)  # worth asking again
MOST = 32 << 20  # bytes of an answer
LONG = 200  # characters of a name; what is longer is none

KINDS = {"PERSON": "?item wdt:P31 wd:Q5 .", "ORG": "?item wdt:P571 [] ."}
FIELDS = {
    "PERSON": {
        "given_name": "P735",
        "family_name": "P734",
        "occupations": "P106",
        "positions": "P39",
        "gender": "P21",
        "ethnicity": "P172",
        "citizenship": "P27",
    },
    "ORG": {"instance": "P31", "industry": "P452", "country": "P17"},
}
OF_PEOPLE = """
  UNION {
    ?item p:P102 ?statement . ?statement ps:P102 ?node ; a wikibase:BestRank .
    FILTER NOT EXISTS { ?statement pq:P582 ?until }
    OPTIONAL { ?statement pq:P580 ?since }
    BIND("party" AS ?field)
  }
  UNION { ?item wdt:P19 ?place . ?place wdt:P17 ?node . BIND("birthplace" AS ?field) }"""


class Stay(HTTPRedirectHandler):
    """Names and the contact go nowhere but to the endpoint; followed, a question would be lost."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(kw_only=True, eq=False)
class Wikidata(Model):
    edition: ClassVar[int] = 2  # one more each time that other answers are given

    contact: str = ""  # whom to write to: an address or a page; the public service wants it
    cache: str | None = None  # file that keeps answers
    endpoint: str = PUBLIC  # of a query service with Wikidata's vocabulary
    language: str = "en"  # of names and answers
    batch_size: int = 20  # names in one question
    interval: float = 1.0  # seconds between two questions
    timeout: float = 65.0  # seconds to wait for an answer; the service gives up after 60
    retries: int = 5  # how often a question is asked again
    backoff: float = 2.0  # seconds before the first time, twice as many before each other
    longest_wait: float = 300.0  # seconds; asked to wait longer, it gives up

    _asked_at: float = field(default=float("-inf"), init=False, repr=False)

    def __post_init__(self) -> None:
        at_least(self, "batch_size", self.batch_size, 1)
        at_least(self, "timeout", self.timeout, 0, above=True)
        for name in ("interval", "retries", "backoff", "longest_wait"):
            at_least(self, name, getattr(self, name), 0)
        if urlsplit(self.endpoint).scheme not in ("http", "https"):
            raise BadParameter(f"Wikidata: endpoint is an http address; got {self.endpoint!r}")
        if not LANGUAGE.fullmatch(self.language):
            raise BadParameter(f"Wikidata: language is a code such as en; got {self.language!r}")
        if not self.contact.isprintable() or not self.contact.isascii():
            raise BadParameter(f"Wikidata: contact is one line of ASCII; got {self.contact!r}")
        if self.endpoint == PUBLIC and not self.contact:
            raise BadParameter(
                "Wikidata: its query service asks all programs to say whom to write to: "
                "contact='you@example.org'"
            )

    def identity(self) -> dict[str, Any]:
        """Plain values that change where answers do."""
        return {
            "method": self.address,
            "edition": self.edition,
            "endpoint": self.endpoint,
            "language": self.language,
        }

    def look_up(
        self, name: str, alternatives: Sequence[str] = (), label: str = "PERSON"
    ) -> Record | None:
        """What is known of ``name``, or else of the first of ``alternatives`` that is known."""
        return self.look_up_all([Asked(name, tuple(alternatives), label)])[0]

    def look_up_all(self, asked: Sequence[Asked]) -> list[Record | None]:
        """The same for many, in their order, ``batch_size`` names a question.

        `DataError` if the server does not answer; what was found till then is in the cache.
        """
        found: list[Record | None] = [None] * len(asked)
        with Kept.opened(FACTS, self.cache) as kept:
            for by_name in (True, False):
                waiting = [i for i, each in enumerate(asked) if found[i] is None]
                names = {
                    i: [asked[i].name] if by_name else list(asked[i].alternatives) for i in waiting
                }
                known = self._known(
                    [(asked[i].label, name) for i in waiting for name in names[i]], kept
                )
                for i in waiting:
                    answers = (known.get((asked[i].label, name)) for name in names[i])
                    found[i] = next((each for each in answers if each is not None), None)
        return found

    def _known(
        self, pairs: Sequence[tuple[str, str]], kept: Kept
    ) -> dict[tuple[str, str], Record | None]:
        """By label and name what the cache or the server says."""
        what = json.dumps(self.identity(), sort_keys=True)
        wanted = sorted({pair for pair in pairs if pair[0] in KINDS and _sayable(pair[1])})
        keys = {pair: key_of(what, json.dumps(pair).encode()) for pair in wanted}
        have = kept.get(keys.values())
        found = {pair: _read(kept, have[key]) for pair, key in keys.items() if key in have}
        for label in KINDS:
            new = [name for kind, name in wanted if kind == label and (kind, name) not in found]
            for at in range(0, len(new), self.batch_size):
                part = new[at : at + self.batch_size]
                records = self._ask(part, label)
                rows = [(keys[label, n], _written(records.get(n))) for n in part]
                kept.put(rows)
                found |= {(label, name): records.get(name) for name in part}
        return found

    def _ask(self, names: Sequence[str], label: str) -> dict[str, Record]:
        items = self._items(names, label)
        if not items:
            return {}
        values = self._values(sorted(set(items.values()), key=lambda q: int(q[1:])), label)
        return {
            name: Record.of(
                {"name": name, "wikidata": item, "label": label, **values.get(item, {})}
            )
            for name, item in items.items()
        }

    def _items(self, names: Sequence[str], label: str) -> dict[str, str]:
        """The item of each of ``names`` that has one."""
        tongues = (self.language, ANY)
        said = " ".join(f"{literal(name)}@{tongue}" for name in names for tongue in tongues)
        rows = self._rows(
            "SELECT ?asked ?how ?item ?pages WHERE {\n"
            f"  VALUES ?asked {{ {said} }}\n"
            '  { ?item rdfs:label ?asked . BIND("label" AS ?how) }\n'
            '  UNION { ?item skos:altLabel ?asked . BIND("also" AS ?how) }\n'
            f"  {KINDS[label]}\n"
            "  OPTIONAL { ?item wikibase:sitelinks ?pages }\n"
            "}"
        )
        best: dict[str, tuple[bool, int, int, str]] = {}
        plain = {unicodedata.normalize("NFC", name): name for name in names}
        for row in rows:
            item = row.get("item", "").rsplit("/", 1)[-1]
            name = plain.get(unicodedata.normalize("NFC", row.get("asked", "")))
            if name is None or not ITEM.fullmatch(item):
                continue
            pages = int(row["pages"]) if PAGES.fullmatch(row.get("pages", "")) else 0
            rank = (row.get("how") != "label", -pages, int(item[1:]), item)
            best[name] = min(best.get(name, rank), rank)
        return {name: rank[-1] for name, rank in best.items()}

    def _values(self, items: Sequence[str], label: str) -> dict[str, dict[str, Any]]:
        """The fields of each of ``items``."""
        said = " ".join(f"wd:{item}" for item in items)
        fields = " ".join(f'(wdt:{prop} "{name}")' for name, prop in FIELDS[label].items())
        rows = self._rows(
            "SELECT DISTINCT ?item ?field ?node ?value ?since (LANG(?value) AS ?tongue) WHERE {\n"
            f"  VALUES ?item {{ {said} }}\n"
            f"  {{ VALUES (?property ?field) {{ {fields} }} ?item ?property ?node . }}"
            f"{OF_PEOPLE if label == 'PERSON' else ''}\n"
            f'  ?node rdfs:label ?value . FILTER(LANG(?value) IN ("{self.language}", "{ANY}"))\n'
            "}"
        )
        have = {*FIELDS[label], *(("party", "birthplace") if label == "PERSON" else ())}
        told: dict[str, dict[str, list[tuple[str, str]]]] = {}
        own = {_labelled(row) for row in rows if row.get("tongue") != ANY}
        for row in rows:
            if row.get("tongue") == ANY and _labelled(row) in own:
                continue
            item = row.get("item", "").rsplit("/", 1)[-1]
            if row.get("field") in have and row.get("value"):
                value = row["value"].lower() if row["field"] == "occupations" else row["value"]
                pair = (row.get("since", ""), value)
                told.setdefault(item, {}).setdefault(row["field"], []).append(pair)
        return {item: _fields(each) for item, each in told.items()}

    # The server ----------------------------------------------------------------------------------

    def _rows(self, query: str) -> list[dict[str, str]]:
        """The rows of the answer, each the text of what is bound in it."""
        bad = "no answer"
        for attempt in range(self.retries + 1):
            self._pause()
            wait = self.backoff * 2.0**attempt
            try:
                with self._post(query) as answer:
                    body = answer.read(MOST + 1)
                if len(body) > MOST:
                    raise DataError(f"{self.endpoint}: an answer above {MOST >> 20} MiB")
                return _bindings(json.loads(body))
            except HTTPError as error:
                with error:
                    said = error.read(400).decode(errors="replace").strip().split("\n")[0]
                bad = f"{error.code} {error.reason}" + (f": {said}" if said else "")
                if 300 <= error.code < 400:
                    bad += f", to {error.headers.get('Location')}: name that as the endpoint"
                if error.code not in BUSY:
                    raise DataError(
                        f"{self.endpoint} refuses: {bad}. What was found till now is kept"
                    ) from None
                wait = max(wait, _retry_after(error.headers.get("Retry-After")))
            except (URLError, OSError, HTTPException) as error:
                bad = str(getattr(error, "reason", "") or error) or type(error).__name__
            except (
                ValueError,
                RecursionError,
            ):  # cut off: the service does so when it runs out of time
                bad = "an answer that is no JSON of SPARQL results"
            if wait > self.longest_wait:
                bad += f"; it wants to be asked again in {wait:.0f} s"
                break
            if attempt < self.retries:
                time.sleep(wait)
        raise DataError(
            f"{self.endpoint} cannot be asked: {bad}. What was found till now is kept"
            + (f" in {self.cache}: run again later" if self.cache else "; name a cache to go on")
        )

    def _pause(self) -> None:
        time.sleep(max(0.0, self._asked_at + self.interval - time.monotonic()))
        self._asked_at = time.monotonic()

    @contextmanager
    def _post(self, query: str) -> Iterator[HTTPResponse]:
        from importlib.metadata import version

        asked = Request(
            self.endpoint,
            data=urlencode({"query": query}).encode(),
            headers={
                "Accept": "application/sparql-results+json",
                "User-Agent": f"headwater/{version('headwater')} ({self.contact or 'no contact'})",
            },
        )
        with build_opener(Stay).open(asked, timeout=self.timeout) as answer:
            yield answer


def literal(text: str) -> str:
    r"""``text`` as a string of SPARQL: nothing in it can end the string.

    >>> print(literal('Dwayne "The Rock" \\ Johnson'))
    "Dwayne \"The Rock\" \\ Johnson"
    """
    plain = unicodedata.normalize("NFC", text)
    plain = "".join(c if c.isprintable() else " " for c in plain)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sayable(name: str) -> bool:
    """Whether a name is worth asking for."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return name.isprintable() and 1 < len(name.strip()) <= LONG


def _bindings(answer: Any) -> list[dict[str, str]]:
    try:
        rows = answer["results"]["bindings"]
        return [{name: str(cell["value"]) for name, cell in row.items()} for row in rows]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("no SPARQL results") from None


def _labelled(row: Mapping[str, str]) -> tuple[str, ...]:
    """What a label is of, and as whose."""
    return tuple(row.get(name, "") for name in ("item", "field", "node"))


def _fields(told: dict[str, list[tuple[str, str]]]) -> dict[str, Any]:
    """Of each field its values: those since later first, then by the alphabet."""
    found: dict[str, Any] = {}
    for name, pairs in told.items():
        pairs = sorted(set(pairs), key=lambda pair: pair[1])
        pairs.sort(key=lambda pair: pair[0], reverse=True)
        values = list(dict.fromkeys(value for _, value in pairs))
        one = name in ("given_name", "family_name", "gender", "birthplace")
        found[name] = values[0] if one else values
    return found


def _retry_after(said: str | None) -> float:
    """Seconds, from a number of them or a date."""
    if not said:
        return 0.0
    if said.strip().isdecimal():
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


def _written(record: Record | None) -> bytes:
    return json.dumps(None if record is None else asdict(record)).encode()


def _read(kept: Kept, content: bytes) -> Record | None:
    try:
        values = json.loads(content)
        return None if values is None else Record.of(values)
    except (ValueError, TypeError) as error:  # DataError is a ValueError
        raise kept.damaged(f"a fact cannot be read ({error})") from None
