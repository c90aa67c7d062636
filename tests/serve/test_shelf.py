"""The versions on disk: what answers always loads, whatever happens to whoever changes it."""

import errno
import json
import os
import random
import signal
import subprocess
import threading

import pytest
from stored import python

import headwater.atomic
from headwater.data.toy import blocks
from headwater.errors import BadArtifact, BadParameter, DataError, UnknownName
from headwater.facade import Fitted, fit, load
from headwater.serve.shelf import NAME, Shelf

TIME = 1_777_000_000.25


@pytest.fixture(scope="module")
def fitted():
    return fit("popularity", blocks(), fallback=False)


@pytest.fixture(scope="module")
def other():
    return fit("itemknn", blocks(), fallback=False, k=5)


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "models", clock=lambda: TIME)


def whole(shelf):
    """Whatever is on the shelf can be had, and nothing lies about."""
    for name in shelf.names():
        load(shelf.path(name))
        assert isinstance(shelf.report(name), dict)
    return shelf.current is None or bool(load(shelf.path(shelf.current)))


def left_over(shelf):
    known = {each for name in shelf.names() for each in (name, f"{name}.json")}
    return {each.name for each in (shelf.folder / "versions").iterdir()} - known


def test_from_an_empty_shelf_to_the_second_version_and_back(shelf, fitted, other):
    assert (shelf.names(), shelf.current, shelf.before) == ([], None, None)
    first = shelf.add(fitted, {"why": "é"})
    assert shelf.names() == [first]
    assert shelf.current is None  # until it is published
    shelf.publish(first)
    assert (shelf.current, shelf.before) == (first, None)
    second = shelf.add(other, {"why": "better"})
    shelf.publish(second)
    assert (shelf.current, shelf.before) == (second, first)
    assert shelf.since == "2026-04-24T03:06:40.250000+00:00"
    assert shelf.report(first) == {"why": "é"}
    assert load(shelf.path(second)).model.address == "retrieve.matrix.itemknn"
    assert shelf.roll_back() == first
    assert (shelf.current, shelf.before) == (first, second)
    assert shelf.roll_back() == second
    told = json.loads((shelf.folder / "current.json").read_text())
    assert told == {"current": second, "before": first, "since": shelf.since}
    assert not left_over(shelf)


def test_publishing_what_answers_keeps_the_way_back(shelf, fitted, other):
    first, second = shelf.add(fitted, {}), shelf.add(other, {})
    shelf.publish(first)
    shelf.publish(second)
    shelf.publish(second)
    assert (shelf.current, shelf.before) == (second, first)


def test_names_grow_though_the_clock_is_set_back(tmp_path, fitted):
    now = [TIME]
    shelf = Shelf(tmp_path, clock=lambda: now[0])
    made = []
    for each in (TIME, TIME, TIME - 1e7, TIME + 5):  # twice at once, back four months, on
        now[0] = each
        made.append(shelf.add(fitted, {}))
    assert made == shelf.names() == sorted(set(made))
    assert all(NAME.fullmatch(name) for name in made)
    assert made[0].startswith("20260424-030640-250000-")


@pytest.mark.parametrize(
    "name", ["..", "../versions", "/etc", "", ".", "a\0b", "x" * 5000, ".adding-1", 7, None]
)
def test_a_name_from_outside_leads_nowhere(shelf, fitted, name):
    shelf.add(fitted, {})
    before = {p: p.stat().st_mtime_ns for p in shelf.folder.rglob("[!.]*")}
    for ask in (shelf.path, shelf.report, shelf.publish, shelf.remove):
        with pytest.raises(UnknownName, match="no version"):
            ask(name)
    assert {p: p.stat().st_mtime_ns for p in shelf.folder.rglob("[!.]*")} == before


def test_what_cannot_be_loaded_is_not_published(shelf, fitted, other):
    first, second = shelf.add(fitted, {}), shelf.add(other, {})
    shelf.publish(first)
    state = shelf.path(second) / "state.safetensors"
    state.write_bytes(state.read_bytes()[:-3] + b"xyz")
    with pytest.raises(BadArtifact, match="damaged"):
        shelf.publish(second)
    assert (shelf.current, shelf.before) == (first, None)


def test_no_way_back_to_what_cannot_be_loaded(shelf, fitted, other):
    first, second = shelf.add(fitted, {}), shelf.add(other, {})
    with pytest.raises(BadParameter, match="no model before"):
        shelf.roll_back()
    shelf.publish(first)
    shelf.publish(second)
    (shelf.path(first) / "state.safetensors").unlink()
    with pytest.raises(BadArtifact):
        shelf.roll_back()
    assert (shelf.current, shelf.before) == (second, first)


def test_what_recommends_nothing_is_not_published(shelf):
    from headwater.registry import build

    data = blocks()
    rerank = build("mmr", by="topic").fit(data)
    name = shelf.add(Fitted(rerank, data), {})
    with pytest.raises(BadArtifact, match="does not recommend"):
        shelf.publish(name)
    assert shelf.current is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"current": "../x"}', "\x00\xff"])
def test_a_damaged_pointer_is_one_error_and_is_mended(shelf, fitted, text):
    name = shelf.add(fitted, {})
    shelf.publish(name)
    (shelf.folder / "current.json").write_text(text, encoding="latin-1")
    for ask in (lambda: shelf.current, lambda: shelf.before, shelf.roll_back):
        with pytest.raises(BadArtifact, match=r"current\.json"):
            ask()
    with pytest.raises(BadArtifact, match=r"current\.json"):
        shelf.remove(name)
    shelf.publish(name)
    assert (shelf.current, shelf.before) == (name, None)


def test_a_pointer_to_a_version_that_is_gone(shelf, fitted):
    name = shelf.add(fitted, {})
    shelf.publish(name)
    os.rename(shelf.path(name), shelf.folder / "elsewhere")
    with pytest.raises(BadArtifact, match="not on the shelf"):
        _ = shelf.current


def test_what_answers_is_not_removed(shelf, fitted, other):
    first, second = shelf.add(fitted, {}), shelf.add(other, {})
    shelf.publish(first)
    shelf.publish(second)
    with pytest.raises(BadParameter, match="answers people"):
        shelf.remove(second)
    shelf.remove(first)
    assert shelf.names() == [second]
    assert shelf.before is None
    with pytest.raises(BadParameter, match="no model before"):
        shelf.roll_back()
    assert not left_over(shelf)


def test_a_report_is_plain(shelf, fitted):
    for odd in ({"x": float("nan")}, {"x": object()}):
        with pytest.raises(DataError, match="plain values"):
            shelf.add(fitted, odd)
    assert shelf.names() == []


def test_a_full_disk_changes_nothing(shelf, fitted, other, monkeypatch):
    first = shelf.add(fitted, {})
    shelf.publish(first)
    second = shelf.add(other, {})
    before = {p: p.read_bytes() for p in shelf.folder.rglob("*") if p.is_file()}
    left = [0]

    def full(path):
        left[0] -= path.is_file()
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(headwater.atomic, "_sync", full)
    for change in (lambda: shelf.publish(second), lambda: shelf.add(other, {})):
        for room in range(20):  # it is full at the first file, at the second ...
            left[0] = room
            try:
                change()
            except OSError as error:
                assert "No space left" in str(error)  # noqa: PT017
            else:
                break
            now = {p: p.read_bytes() for p in shelf.folder.rglob("*") if p.is_file()}
            assert {p for p in now if "lock" not in p.name} <= set(before)
            assert all(now[p] == text for p, text in before.items())
        assert room > 0
        before = {p: p.read_bytes() for p in shelf.folder.rglob("*") if p.is_file()}
    left[0] = 1000
    assert shelf.current == second
    assert len(shelf.names()) == 3
    assert whole(shelf)


def test_a_disk_that_fails_at_the_last_moment(shelf, fitted, monkeypatch):
    """Whatever is a version then has its report."""
    versions, fsync = shelf.folder / "versions", os.fsync

    def fails(handle):
        if any(NAME.fullmatch(each.name) for each in versions.iterdir()):
            raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        shelf.add(fitted, {})
    assert whole(shelf)
    assert not left_over(shelf)


WORK = """
import random, sys
from headwater.errors import BadParameter, UnknownName
from headwater.data.toy import blocks
from headwater.facade import fit
from headwater.serve.shelf import Shelf
rng = random.Random(int(sys.argv[2]))
shelf, fitted = Shelf(sys.argv[1]), fit("popularity", blocks(), fallback=False)
print("ready", flush=True)
sys.stdin.readline()
def late(change, *names):  # the other one may be faster
    try:
        change(*names)
    except (UnknownName, BadParameter):
        pass

for turn in range(int(sys.argv[3])):
    shelf.publish(shelf.add(fitted, {"turn": turn}))
    assert shelf.current is not None
    if rng.random() < 0.5:
        late(shelf.roll_back)
    for name in shelf.names()[:-4]:
        late(shelf.remove, name)
"""


def worker(folder, seed, turns):
    return python(WORK, str(folder), str(seed), str(turns), stdin=subprocess.PIPE)


def test_killed_while_changing(tmp_path, fitted):
    """At any moment: what answers loads, and the next one to add cleans up."""
    rng = random.Random(5)
    shelf = Shelf(tmp_path / "models")
    littered = 0
    for seed in range(60):
        if seed >= 6 and littered:
            break
        with worker(shelf.folder, seed, 10_000) as process:
            assert process.stdout.readline() == "ready\n"
            killer = threading.Timer(rng.uniform(0.02, 0.2), process.kill)
            killer.start()
            process.stdin.write("go\n")
            process.stdin.close()
            said = process.stderr.read()
            assert process.wait() == -signal.SIGKILL, said
        assert whole(shelf)
        littered += bool((shelf.folder / "versions").exists() and left_over(shelf))
    assert littered  # or the kills were at no interesting moment
    name = shelf.add(fitted, {})
    assert not left_over(shelf)
    shelf.publish(name)
    shelf.sweep()
    assert not list(shelf.folder.glob(".tmp*"))
    assert shelf.current == name


def test_two_at_once(tmp_path):
    shelf = Shelf(tmp_path / "models")
    with worker(shelf.folder, 1, 12) as one, worker(shelf.folder, 2, 12) as two:
        for each in (one, two):
            assert each.stdout.readline() == "ready\n"
        for each in (one, two):
            each.stdin.write("go\n")
            each.stdin.close()
        for each in (one, two):
            said = each.stderr.read()
            assert each.wait() == 0, said
    assert whole(shelf)
    assert shelf.current in shelf.names()
    assert not left_over(shelf)
