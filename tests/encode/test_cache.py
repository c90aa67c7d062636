import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from letters import Letters, Others, texts, vector

from headwater import kept as kept_
from headwater.errors import BadArtifact, DataError

PROGRAM = Path(__file__).with_name("letters.py")


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "deep" / "vectors.sqlite"


def asked(model):
    return [text for batch in model.asked for text in batch]


def run(path, first, last, dies_at=""):
    command = [sys.executable, str(PROGRAM), str(path), str(first), str(last), str(dies_at)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_what_is_known_is_not_computed(kept):
    some = texts(25)
    first = Letters().encode(some, cache=kept)
    again = Letters()
    np.testing.assert_array_equal(again.encode(some[::-1], cache=str(kept)), first[::-1])
    assert not again.asked
    more = Letters()
    got = more.encode([*some, "new", "newer"], cache=kept)
    assert sorted(asked(more)) == ["new", "newer"]
    np.testing.assert_array_equal(got[-1], vector("newer"))
    without = Letters()
    without.encode(some)
    assert sorted(asked(without)) == sorted(set(some))


def test_encoders_do_not_collide(kept):
    some = texts(10)
    for model, expected in (
        (Letters(), [vector(text) for text in some]),
        (Letters(scale=2.0), [vector(text, 2.0) for text in some]),
        (Others(), [-vector(text) for text in some]),
        (Letters(batch_size=3), [vector(text) for text in some]),
    ):
        known = model.batch_size == 3  # which does not change a vector
        np.testing.assert_array_equal(model.encode(some, cache=kept), np.stack(expected))
        assert asked(model) == [] if known else len(asked(model)) == len(set(some))


def test_another_edition_of_the_file_computes_again(kept, monkeypatch):
    Letters().encode(["a"], cache=kept)
    monkeypatch.setattr(Letters, "edition", 2)
    model = Letters()
    model.encode(["a"], cache=kept)
    assert model.asked == [["a"]]


def test_key_is_the_definition():
    inner = hashlib.sha256(b"what").digest()
    assert kept_.key_of("what", b"content") == hashlib.sha256(inner + b"content").digest()
    assert kept_.key_of("what", b"content") != kept_.key_of("whatc", b"ontent")


def test_killed_run_goes_on_where_it_was(kept):
    process = run(kept, 0, 20, dies_at=3)
    assert process.wait(60) == -signal.SIGKILL
    model = Letters()
    some = [f"text {i}" for i in range(20)]
    got = model.encode(some, cache=kept)
    assert len(asked(model)) == 20 - 3 * 4
    np.testing.assert_array_equal(got, np.stack([vector(text) for text in some]))


def test_interrupted_run_keeps_whole_batches(kept):
    class Interrupted(Letters):
        def vectors(self, batch):
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().vectors(batch)

    some = texts(20)
    with pytest.raises(KeyboardInterrupt):
        Interrupted().encode(some, cache=kept)
    model = Letters()
    model.encode(some, cache=kept)
    assert len(asked(model)) == len(set(some)) - 2 * 4


def test_two_processes_at_once(kept):
    both = [run(kept, 0, 300), run(kept, 100, 400)]
    assert [process.wait(120) for process in both] == [0, 0]
    with sqlite3.connect(kept) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert file.execute("SELECT count(*) FROM vectors").fetchone() == (400,)
    file.close()
    model = Letters()
    some = [f"text {i}" for i in range(400)]
    got = model.encode(some, cache=kept)
    np.testing.assert_array_equal(got, np.stack([vector(text) for text in some]))
    assert not model.asked


def test_more_keys_than_one_question_takes(kept, monkeypatch):
    some = [str(i) for i in range(50)]
    Letters().encode(some, cache=kept)
    monkeypatch.setattr(kept_, "ASKED", 7)
    model = Letters(batch_size=50)
    np.testing.assert_array_equal(
        model.encode(some, cache=kept), np.stack([vector(text) for text in some])
    )
    assert not model.asked


@pytest.mark.parametrize("content", [b"some notes\n" * 100, b"SQLite format 3\0 and no more"])
def test_another_file(kept, content):
    kept.parent.mkdir()
    kept.write_bytes(content)
    with pytest.raises(BadArtifact, match=r"vectors.sqlite is damaged, or no file of vectors"):
        Letters().encode(["a"], cache=kept)
    assert kept.read_bytes() == content


def test_another_database(kept):
    kept.parent.mkdir()
    with sqlite3.connect(kept) as file:
        file.execute("CREATE TABLE accounts (name TEXT)")
    file.close()
    with pytest.raises(BadArtifact, match="a database of something else than vectors"):
        Letters().encode(["a"], cache=kept)


def test_file_cut_in_half(kept):
    some = [str(i) for i in range(2000)]
    Letters(batch_size=500).encode(some, cache=kept)
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadArtifact, match="is damaged"):
        Letters(batch_size=500).encode(some, cache=kept)


def test_vectors_of_another_length(kept):
    Letters().encode(["a"], cache=kept)
    with pytest.raises(BadArtifact, match="a vector is not of 4 numbers; delete it"):
        Letters(size=4).encode(["a"], cache=kept)


def test_another_format(kept):
    Letters().encode(["a"], cache=kept)
    with sqlite3.connect(kept) as file:
        file.execute("PRAGMA user_version = 9")
    file.close()
    with pytest.raises(BadArtifact, match="has format 9; this Headwater reads 1"):
        Letters().encode(["a"], cache=kept)


def test_a_folder_and_a_file_that_somebody_else_holds(kept, monkeypatch):
    kept.mkdir(parents=True)
    with pytest.raises(DataError, match=r"vectors cannot be kept in .*unable to open"):
        Letters().encode(["a"], cache=kept)
    with pytest.raises(DataError, match="vectors cannot be kept in"):
        Letters().encode(["a"], cache=__file__ + "/inside")
    kept.rmdir()
    Letters().encode(["a"], cache=kept)
    monkeypatch.setattr(kept_, "PATIENCE", 0.05)
    holder = sqlite3.connect(kept, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DataError, match="database is locked"):
        Letters().encode(["b"], cache=kept)
    holder.close()
    np.testing.assert_array_equal(Letters().encode(["b"], cache=kept), [vector("b")])
