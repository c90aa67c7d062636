"""What is written behind the back of who asks: all of it, once, or counted as lost."""

from threading import Event

import pytest

from headwater.errors import StoreError
from headwater.serve.recorder import Record, Recorder


class Book:
    """Keeps what is written, unless it is away."""

    def __init__(self):
        self.kept, self.away, self.asked = [], False, Event()

    def __call__(self, records):
        self.asked.set()
        if self.away:
            raise StoreError("away")
        self.kept += [row["n"] for each in records for row in each.answers]


def record(n):
    return Record([{"n": n}])


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def recorder(book, monkeypatch):
    monkeypatch.setattr("headwater.serve.recorder.AGAIN", 0.05)
    made = Recorder(book, most=50)
    yield made
    made.close(2)


def test_everything_in_its_order(book, recorder):
    for n in range(500):
        recorder.add(record(n))
        if n % 40 == 0:
            assert recorder.flush()
    assert recorder.flush()
    assert book.kept == list(range(500))
    assert (recorder.lost, recorder.trouble) == (0, "")


def test_what_waits_while_the_store_is_away_is_written_when_it_is_back(book, recorder):
    book.away = True
    for n in range(20):
        recorder.add(record(n))
    assert book.asked.wait(2)
    assert not recorder.flush(0.2)
    assert recorder.trouble == "away"
    book.away = False
    assert recorder.flush(2)
    assert book.kept == list(range(20))
    assert recorder.trouble == ""


def test_what_is_beyond_the_limit_is_lost_and_counted(book, recorder):
    book.away = True
    for n in range(80):
        recorder.add(record(n))
    assert book.asked.wait(2)
    recorder.flush(0.2)
    book.away = False
    assert recorder.flush(2)
    assert recorder.lost == 30
    assert book.kept == list(range(30, 80)), "the oldest"


def test_what_can_never_be_written_does_not_stop_the_rest(book, monkeypatch):
    def write(records):
        if any(row["n"] == 3 for each in records for row in each.answers):
            raise KeyError("no such column")
        book(records)

    monkeypatch.setattr("headwater.serve.recorder.AT_ONCE", 1)
    recorder = Recorder(write)
    for n in range(6):
        recorder.add(record(n))
    assert recorder.flush(2)
    assert book.kept == [0, 1, 2, 4, 5]
    assert recorder.lost == 1
    recorder.close()


def test_closing_writes_what_waits_and_gives_up_on_what_cannot_be(book):
    recorder = Recorder(book)
    for n in range(300):
        recorder.add(record(n))
    recorder.close()
    assert book.kept == list(range(300))
    late = Recorder(book)
    book.away = True
    late.add(record(0))
    late.close(3)
    assert not late._thread.is_alive()
