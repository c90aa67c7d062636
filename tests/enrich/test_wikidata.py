import json
import re
import threading
import time
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from headwater.enrich._linking import Asked, Linker
from headwater.enrich.wikidata import Wikidata, literal
from headwater.errors import BadArtifact, BadParameter, DataError

STRING = re.compile(r'"((?:[^"\\]|\\.)*)"@([a-z]+)')
WORLD = {  # item: label, other names, pages
    "Q170581": ("Nancy Pelosi", ["Pelosi"], 80),
    "Q1": ("John Smith", [], 3),
    "Q2": ("John Smith", [], 50),
    "Q3": ("Jack", ["John Smith"], 900),
    "Q4": ('Dwayne "The Rock" \\ Johnson', [], 9),
}
FACTS = [  # item, field, value, since
    ("Q170581", "given_name", "Nancy", ""),
    ("Q170581", "occupations", "Politician", ""),
    ("Q170581", "occupations", "Lawyer", ""),
    ("Q170581", "party", "Old Party", "1960-01-01T00:00:00Z"),
    ("Q170581", "party", "Democratic Party", "1987-01-01T00:00:00Z"),
    ("Q170581", "gender", "female", ""),
    ("Q170581", "birthplace", "United States of America", ""),
    ("Q170581", "positions", "Speaker", ""),
    ("Q170581", "made up", "nonsense", ""),
    ("Q2", "gender", "male", ""),
]
IN_ALL = {"Q1": ("Maria Lunga", ["La Lunga"], 2)}  # the same, in no language of its own
FACTS_IN_ALL = [  # item, field, node, value
    ("Q170581", "family_name", "Pelosi", "Pelosi"),
    ("Q170581", "gender", "female", "femina"),  # of which there is a label in English
]


class Service(BaseHTTPRequestHandler):
    """A recorded corner of the query service: names to items, items to fields."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = parse_qs(body)["query"][0]
        self.server.asked.append((query, dict(self.headers), time.monotonic()))
        trouble = self.server.trouble.pop(0) if self.server.trouble else None
        if callable(trouble):
            trouble(self)
            return
        if isinstance(trouble, tuple):
            code, headers = trouble
            self.send_response(code)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"not now\nand more")
            return
        rows = items(query) if "VALUES ?asked" in query else facts(query)
        cells = [{n: {"type": "literal", "value": str(v)} for n, v in row.items()} for row in rows]
        content = json.dumps({"head": {}, "results": {"bindings": cells}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/sparql-results+json")
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        self.server.asked.append((self.path, dict(self.headers), time.monotonic()))
        self.send_error(404)

    def log_message(self, *_):
        pass


def said_in(query):
    """The names in the query and their languages, read as a parser of SPARQL reads them."""
    inside = re.search(r"VALUES \?asked \{ (.*) \}\n", query)[1]
    assert STRING.sub("", inside).strip() == "", f"something got out of a string: {inside}"
    return [(re.sub(r"\\(.)", r"\1", each), tongue) for each, tongue in STRING.findall(inside)]


def items(query):
    base = "http://www.wikidata.org/entity/"
    for name, tongue in said_in(query):
        for item, (label, others, pages) in (IN_ALL if tongue == "mul" else WORLD).items():
            for how in ["label"] * (name == label) + ["also"] * (name in others):
                yield {"asked": name, "how": how, "item": base + item, "pages": pages}


def facts(query):
    wanted = re.findall(r"wd:(Q\d+)", re.search(r"VALUES \?item \{(.*?)\}", query)[1])
    for item, field, value, since in FACTS:
        if item in wanted:
            row = {"item": f"http://x/{item}", "field": field, "value": value, "node": value}
            yield {**row, "tongue": "en", **({"since": since} if since else {})}
    for item, field, node, value in FACTS_IN_ALL if '"mul"' in query else []:
        if item in wanted:
            row = {"item": f"http://x/{item}", "field": field, "value": value, "node": node}
            yield {**row, "tongue": "mul"}


@contextmanager
def served(*trouble):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.asked, server.trouble = [], list(trouble)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def client(server, **settings):
    given = {"interval": 0, "backoff": 0.01, "timeout": 5, **settings}
    return Wikidata(endpoint=f"http://127.0.0.1:{server.server_port}/sparql", **given)


def test_fields():
    with served() as server:
        found = client(server, contact="me@example.org").look_up("Nancy Pelosi")
    assert found.wikidata == "Q170581"
    assert found.party == ("Democratic Party", "Old Party")  # the latest first
    assert found.occupations == ("lawyer", "politician")
    assert (found.given_name, found.gender) == ("Nancy", "female")
    assert found.birthplace == "United States of America"
    headers = server.asked[0][1]
    assert re.fullmatch(r"headwater/\S+ \(me@example.org\)", headers["User-Agent"])
    assert headers["Accept"] == "application/sparql-results+json"
    assert isinstance(client(server), Linker)


def test_labels_of_all_languages():
    """Names that are alike everywhere have a label in none of them; one in English comes first."""
    with served() as server:
        assert client(server).look_up("Maria Lunga").wikidata == "Q1"
        assert client(server).look_up("La Lunga").wikidata == "Q1"
        found = client(server).look_up("Nancy Pelosi")
    assert (found.family_name, found.gender) == ("Pelosi", "female")


def test_which_of_one_name():
    """By label before other names, then the best known; alternatives if the name is unknown."""
    with served() as server:
        known = client(server)
        assert known.look_up("John Smith").wikidata == "Q2"
        assert known.look_up("Pelosi").wikidata == "Q170581"
        n = len(server.asked)
        assert known.look_up("N. P.", ["Nobody", "Nancy Pelosi"]).wikidata == "Q170581"
        assert len(server.asked) == n + 3
        assert known.look_up("Jack", ["Nancy Pelosi"]).wikidata == "Q3"
        assert known.look_up("Nobody") is None
        n = len(server.asked)
        assert known.look_up("Paris", label="GPE") is None
        assert known.look_up("") is None
        assert known.look_up("a" * 500) is None
        assert len(server.asked) == n


def test_many_in_one_question():
    asked = [Asked(name) for name in ("Jack", "Nancy Pelosi", "Nobody", "John Smith", "Jack")]
    with served() as server:
        found = client(server, batch_size=3).look_up_all(asked)
        assert [each and each.wikidata for each in found] == ["Q3", "Q170581", None, "Q2", "Q3"]
        assert sum("?asked" in query for query, *_ in server.asked) == 2
        assert client(server).look_up_all([]) == []


def test_cache_is_kept_between_runs_also_of_what_is_not_there(tmp_path):
    kept = str(tmp_path / "deep" / "facts.sqlite")
    with served() as server:
        asked = [Asked("Nancy Pelosi"), Asked("Nobody")]
        first = client(server, cache=kept).look_up_all(asked)
        n = len(server.asked)
        assert client(server, cache=kept).look_up_all(asked[::-1]) == first[::-1]
        assert len(server.asked) == n
        client(server, cache=kept, language="nl").look_up("Nobody")  # another answer
        assert len(server.asked) == n + 1
    with served((503, {})) as server:
        server.trouble *= 9
        other = client(server, cache=kept, retries=1)
        with pytest.raises(DataError, match="cannot be asked"):
            other.look_up("Somebody new")
    (tmp_path / "other.sqlite").write_bytes(b"notes" * 100)
    with pytest.raises(BadArtifact, match="no file of facts"):
        client(server, cache=str(tmp_path / "other.sqlite")).look_up("A B")


NASTY = [
    'x"@en } UNION { ?item ?p ?o } #',
    "x\\",
    'x\\" } #',
    "new\nline\r\ttab",
    "\u2028 } \u0000",
    'Dwayne "The Rock" \\ Johnson',
    "\ud800",
    "' ''' {} ?x",
]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_never_leaves_its_string(name):
    with served() as server:
        found = client(server).look_up(name)  # `said_in` fails if it does
    assert (found is not None) == (name in {label for label, *_ in WORLD.values()})
    for query, *_ in server.asked[:1]:
        assert said_in(query) == [(name, "en"), (name, "mul")]


def test_literal():
    assert literal('a"b\\c\nd') == '"a\\"b\\\\c d"'
    assert literal("e\u0301") == '"\u00e9"'


def test_items_from_the_server_are_looked_at():
    """What is no item's name is not put into the next question."""

    def answer(self):
        row = {"asked": "Ann Lee", "how": "label", "item": "http://x/Q1} DROP ALL", "pages": "9"}
        cells = [{name: {"value": value} for name, value in row.items()}]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"results": {"bindings": cells}}).encode())

    with served(answer) as server:
        assert client(server).look_up("Ann Lee") is None
        assert len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_asks_again(code):
    with served((code, {}), (code, {})) as server:
        assert client(server).look_up("Nancy Pelosi").gender == "female"
        assert len(server.asked) == 4
        first, second, third = (when for *_, when in server.asked[:3])
        assert second - first >= 0.01
        assert third - second >= 0.02


def cut_off(self):
    self.send_response(200)
    self.send_header("Content-Length", "1000")
    self.end_headers()
    self.wfile.write(b'{"results": {"bind')


def no_results(self):
    self.send_response(200)
    self.end_headers()
    self.wfile.write(b"[1, 2]")


def hangs_up(self):
    self.connection.close()


def stalls(_):
    time.sleep(0.5)


@pytest.mark.parametrize("trouble", [cut_off, no_results, hangs_up, stalls])
def test_asks_again_after_an_answer_that_is_none(trouble):
    with served(trouble) as server:
        assert client(server, timeout=0.2).look_up("Nancy Pelosi").gender == "female"
        assert len(server.asked) == 3


def test_retry_after():
    with served((429, {"Retry-After": "1"})) as server:
        assert client(server).look_up("Jack") is not None
        assert server.asked[1][2] - server.asked[0][2] >= 1
    with served((503, {"Retry-After": formatdate(time.time() + 2, usegmt=True)})) as server:
        assert client(server).look_up("Jack") is not None
        assert server.asked[1][2] - server.asked[0][2] >= 0.9
    with served((429, {"Retry-After": "86400"})) as server:
        with pytest.raises(
            DataError, match=r"429 .*wants to be asked again in 86400 s.*name a cache"
        ):
            client(server).look_up("Jack")
        assert len(server.asked) == 1
    with served((429, {"Retry-After": "soon"})) as server:
        assert client(server).look_up("Jack") is not None


def test_gives_up_and_goes_on_later(tmp_path):
    kept = str(tmp_path / "facts.sqlite")
    asked = [Asked("Jack"), Asked("Nancy Pelosi"), Asked("Nobody")]
    bad = [None, None, *[(503, {})] * 3]
    with served(*bad) as server:
        with pytest.raises(DataError, match=f"503 .*kept in {kept}: run again later"):
            client(server, cache=kept, batch_size=1, retries=2).look_up_all(asked)
        n = len(server.asked)
        assert n == 2 + 3
        again = client(server, cache=kept, batch_size=1).look_up_all(asked)
        assert [each and each.wikidata for each in again] == ["Q3", "Q170581", None]
        assert not any('"Jack"' in query for query, *_ in server.asked[n:])
    with served((403, {})) as server:
        with pytest.raises(DataError, match="refuses: 403 Forbidden: not now"):
            client(server).look_up("Jack")
        assert len(server.asked) == 1


def test_goes_nowhere_else():
    """A question that is sent on would tell another server the names and the contact."""
    with served() as other, served((302, {"Location": client(other).endpoint})) as server:
        with pytest.raises(DataError, match=r"refuses: 302 .*, to http.*: name that as the end"):
            client(server).look_up("Jack")
        assert len(server.asked) == 1
        assert other.asked == []


def deep(self):
    self.send_response(200)
    self.end_headers()
    self.wfile.write(b"[" * 200_000)


def long_number(self):
    row = {"asked": "Ann Lee", "how": "label", "item": "http://x/Q7", "pages": "9" * 5000}
    cells = [{name: {"value": value} for name, value in row.items()}]
    self.send_response(200)
    self.end_headers()
    self.wfile.write(json.dumps({"results": {"bindings": cells}}).encode())


def test_answers_made_to_break_it():
    with served(deep) as server:
        assert client(server).look_up("Jack") is not None
    with served(long_number) as server:
        assert client(server).look_up("Ann Lee").wikidata == "Q7"


def test_waits_between_questions():
    with served() as server:
        known = client(server, interval=0.15)
        began = time.monotonic()
        known.look_up("Nobody")
        known.look_up("No One")
        known.look_up("Nancy Pelosi")
        took = time.monotonic() - began  # of whoever asks: a busy server may see two at once
        number = len(server.asked)
    assert number == 4
    assert took >= 3 * 0.15


def test_bad_parameters():
    with pytest.raises(BadParameter, match="whom to write to: contact="):
        Wikidata()
    with pytest.raises(BadParameter, match="endpoint is an http address"):
        Wikidata(endpoint="file:///etc/passwd")
    with pytest.raises(BadParameter, match="language is a code"):
        Wikidata(contact="a@b", language='en") }')
    with pytest.raises(BadParameter, match="contact is one line"):
        Wikidata(contact="a\r\nX: y")
    assert Wikidata(contact="a@b").retries == 5
