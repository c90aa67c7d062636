"""Nothing half-written, and the old content there until the new is whole."""

import errno
import fcntl
import os
import subprocess
import sys
import textwrap
import threading

import pytest

from headwater import atomic
from headwater.atomic import Taken, atomic_path, locked, recover
from headwater.errors import DataError


def fill(folder, text):
    folder.mkdir()
    (folder / "a.txt").write_text(text)
    (folder / "inner").mkdir()
    (folder / "inner" / "b.txt").write_text(text)


def half(folder, kind):
    fill(folder, "half")
    raise kind


def content(folder):
    return {(folder / name).read_text() for name in ("a.txt", "inner/b.txt")}


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def run(code, *arguments):
    """``code`` in another process; its exit status."""
    lines = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(lines, check=False, capture_output=True, text=True)


class TestFile:
    def test_replaces_and_makes_parents(self, tmp_path):
        path = tmp_path / "new" / "page.html"
        for text in ("one", "two"):
            with atomic_path(path) as temp:
                temp.write_text(text)
            assert path.read_text() == text
        assert names(path.parent) == ["page.html"]

    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
    def test_an_exception_leaves_the_old(self, tmp_path, kind):
        path = tmp_path / "page.html"
        path.write_text("old")
        with pytest.raises(kind), atomic_path(path) as temp:
            half(temp, kind)
        assert path.read_text() == "old"
        assert names(tmp_path) == ["page.html"]

    def test_nothing_written_is_an_error(self, tmp_path):
        with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x"):
            pass
        assert names(tmp_path) == []

    def test_writes_through_a_link(self, tmp_path):
        (tmp_path / "real.txt").write_text("old")
        (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
        with atomic_path(tmp_path / "link.txt") as temp:
            temp.write_text("new")
        assert (tmp_path / "link.txt").is_symlink()
        assert (tmp_path / "real.txt").read_text() == "new"

    def test_a_full_disk(self, tmp_path):
        path = tmp_path / "page.html"
        path.write_text("old")
        done = run(
            """
            import resource, sys
            from headwater.atomic import atomic_path
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            with atomic_path(sys.argv[1]) as temp:
                temp.write_bytes(bytes(100_000))
            """,
            path,
        )
        assert done.returncode == 1
        assert "OSError" in done.stderr
        assert path.read_text() == "old"
        assert names(tmp_path) == ["page.html"]


class TestFolder:
    def test_replaces(self, tmp_path):
        path = tmp_path / "model.hw"
        for text in ("one", "two"):
            with atomic_path(path) as temp:
                fill(temp, text)
            assert content(path) == {text}
        assert names(tmp_path) == ["model.hw"]

    @pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
    def test_an_exception_leaves_the_old(self, tmp_path, kind):
        path = tmp_path / "model.hw"
        fill(path, "old")
        with pytest.raises(kind), atomic_path(path) as temp:
            half(temp, kind)
        assert content(path) == {"old"}
        assert names(tmp_path) == ["model.hw"]

    @pytest.mark.parametrize("nth", [1, 2])
    @pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt])
    def test_a_failing_rename_puts_the_old_back(self, tmp_path, monkeypatch, nth, kind):
        path = tmp_path / "model.hw"
        fill(path, "old")
        rename, calls = os.rename, []

        def failing(source, target):
            calls.append(source)
            if len(calls) == nth:
                raise kind("no")
            rename(source, target)

        monkeypatch.setattr(atomic.os, "rename", failing)
        with pytest.raises(kind), atomic_path(path) as temp:
            fill(temp, "new")
        assert len(calls) >= nth
        assert content(path) == {"old"}
        assert names(tmp_path) == ["model.hw"]

    def test_killed_between_the_renames(self, tmp_path):
        path = tmp_path / "model.hw"
        fill(path, "old")
        done = run(
            """
            import os, sys
            from headwater import atomic
            rename = os.rename
            def killing(source, target):
                rename(source, target)
                os._exit(9)
            atomic.os.rename = killing
            with atomic.atomic_path(sys.argv[1]) as temp:
                temp.mkdir()
            """,
            path,
        )
        assert done.returncode == 9
        assert not path.exists()
        assert recover(path)
        assert content(path) == {"old"}
        assert not recover(path)

    def test_killed_after_the_renames(self, tmp_path):
        path = tmp_path / "model.hw"
        fill(path, "new")
        fill(tmp_path / ".old-model.hw", "old")
        assert not recover(path)
        with atomic_path(path) as temp:
            fill(temp, "newer")
        assert content(path) == {"newer"}
        assert names(tmp_path) == ["model.hw"]

    def test_the_next_save_recovers_too(self, tmp_path):
        path = tmp_path / "model.hw"
        fill(tmp_path / ".old-model.hw", "old")
        with pytest.raises(ValueError), atomic_path(path) as temp:
            half(temp, ValueError)
        assert recover(path)
        assert content(path) == {"old"}

    def test_a_file_is_not_replaced_by_a_folder_nor_the_reverse(self, tmp_path):
        (tmp_path / "file").write_text("old")
        with pytest.raises(DataError, match="is a file"), atomic_path(tmp_path / "file") as temp:
            fill(temp, "new")
        assert (tmp_path / "file").read_text() == "old"
        fill(tmp_path / "folder", "old")
        with pytest.raises(OSError), atomic_path(tmp_path / "folder") as temp:
            temp.write_text("new")
        assert content(tmp_path / "folder") == {"old"}
        assert names(tmp_path) == ["file", "folder"]

    def test_two_writers_and_a_reader_at_once(self, tmp_path):
        path = tmp_path / "model.hw"
        fill(path, "start")

        def write(name):
            for i in range(20):
                with atomic_path(path) as temp:
                    fill(temp, f"{name} {i}")

        def read():
            for _ in range(500):
                recover(path)  # must not take the old from under a writer that is alive

        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        threads += [threading.Thread(target=read)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert content(path) in ({"a 19"}, {"b 19"})
        assert names(tmp_path) == ["model.hw"]


class TestLock:
    @pytest.mark.parametrize("folder", [True, False])
    def test_one_at_a_time(self, tmp_path, folder):
        path = tmp_path if folder else tmp_path / "new" / "lock"
        with locked(path, wait=False), pytest.raises(Taken), locked(path, wait=False):
            pass
        with locked(path, wait=False):
            pass

    def test_of_a_file_system_that_knows_no_locks(self, tmp_path, monkeypatch):
        def unknown(*_):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", unknown)
        with pytest.raises(OSError, match="No locks"), locked(tmp_path / "lock"):
            pass
        fill(tmp_path / "model.hw", "old")
        with atomic_path(tmp_path / "model.hw") as temp:
            fill(temp, "new")
        assert content(tmp_path / "model.hw") == {"new"}
