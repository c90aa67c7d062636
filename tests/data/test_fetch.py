"""Downloads from a small server on this machine that can be told to misbehave. No real data."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import ssl
import stat
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request

import pytest
from official import OFFICIAL, archive

from headwater.data import _download, _unpack
from headwater.data._unpack import is_archive, unpack
from headwater.data.fetch import Fetched, fetch
from headwater.data.sources import Remote, Source, find, names, source, tables
from headwater.errors import DataError

RATINGS = "".join(
    f"{u}::{i}::{1 + (u + i) % 5}::{1000 + u}\n" for u in range(1, 31) for i in range(1, 31)
)


def zipped(**files: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:  # stored, so that it has some length
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


ARCHIVE = zipped(
    ml_1m__ratings_dot_dat=RATINGS,
    ml_1m__movies_dot_dat="".join(f"{i}::Film {i} (1990)::Drama\n" for i in range(1, 31)),
    ml_1m__users_dot_dat="".join(f"{u}::F::25::3::10000\n" for u in range(1, 31)),
)


class Server:
    """What it serves, how it misbehaves, and what it was asked."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"/ml-1m.zip": ARCHIVE}
        self.asked: list[tuple[str, str | None, str | None]] = []  # path, Range, If-Range
        self.statuses: list[int] = []  # answered first, one a request
        self.breaks: list[int] = []  # bytes after which to hang up, one a request
        self.ranges = True
        self.tag = '"one"'
        self.elsewhere: dict[str, str] = {}  # path -> where it went
        self.url = ""

    def remote(self, path: str = "/ml-1m.zip", *, known: bool = True) -> Remote:
        content = self.files.get(path, b"")
        checksums = (f"sha256:{hashlib.sha256(content).hexdigest()}",) if known else ()
        return Remote(url=self.url + path, checksums=checksums)

    def source(self, *paths: str, known: bool = True, name: str = "movielens-1m") -> Source:
        paths = paths or ("/ml-1m.zip",)
        return replace(source(name), files=tuple(self.remote(p, known=known) for p in paths))


class Handler(BaseHTTPRequestHandler):
    plan: Server

    def do_GET(self) -> None:
        plan = self.plan
        asked = self.headers.get("Range")
        plan.asked.append((self.path, asked, self.headers.get("If-Range")))
        status = plan.statuses.pop(0) if plan.statuses else 200
        if self.path in plan.elsewhere:
            self.send_response(302)
            self.send_header("Location", plan.elsewhere[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if status != 200 or self.path not in plan.files:
            self.send_response(status if status != 200 else 404)
            self.send_header("Content-Length", "0")
            self.send_header("Retry-After", "0")
            self.end_headers()
            return
        whole = plan.files[self.path]
        start = 0
        if asked and plan.ranges and self.headers.get("If-Range") in (None, plan.tag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(whole):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(whole)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(whole) - start))
        if plan.tag:
            self.send_header("ETag", plan.tag)
        self.end_headers()
        most = plan.breaks.pop(0) if plan.breaks else len(whole)
        self.wfile.write(whole[start : start + most])

    def log_message(self, *args: Any) -> None:
        pass


def serve(plan: Server, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    handler = type("Bound", (Handler,), {"plan": plan})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    plan.url = f"http{'s' if context else ''}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield plan
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    yield from serve(Server())


def get(asked: Source, folder: Path, **options: Any) -> Fetched:
    return fetch(asked, accept=True, folder=folder, **{"pause": 0.0, "retries": 2, **options})


def left(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_terms_come_first(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        fetch(server.source(), folder=tmp_path)
    said = str(raised.value)
    real = source("movielens-1m")
    assert real.terms in said
    assert real.terms_url in said
    assert real.citation in said
    assert "--accept" in said
    assert server.asked == []
    assert left(tmp_path) == []


def test_what_was_fetched_is_read_and_recorded(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    got = get(server.source(), tmp_path, progress=lambda *each: seen.append(each))
    assert got.new
    assert got.folder == tmp_path / "movielens-1m"
    assert got.unverified == ()
    have = tables("movielens-1m", tmp_path)
    assert have.events.rows() == [
        (u, i, 1 + (u + i) % 5, 1000 + u) for u in range(1, 31) for i in range(1, 31)
    ]
    assert have.items is not None
    assert have.items["title"].to_list() == [f"Film {i}" for i in range(1, 31)]
    about = json.loads((got.folder / "source.json").read_text())
    assert about["terms"] == source("movielens-1m").terms
    assert about["terms_accepted"].startswith("20")
    (file,) = about["files"]
    assert file["url"] == server.url + "/ml-1m.zip"
    assert file["sha256"] == hashlib.sha256(ARCHIVE).hexdigest()
    assert file["bytes"] == len(ARCHIVE)
    assert file["verified"] is True
    assert seen[-1] == ("ml-1m.zip", len(ARCHIVE), len(ARCHIVE))
    assert left(tmp_path / "movielens-1m")[-2:] == ["ml-1m.zip", "source.json"]


@pytest.mark.parametrize("name", OFFICIAL)
def test_every_source_as_its_publisher_sends_it(name: str, server: Server, tmp_path: Path) -> None:
    sent = [remote.name for remote in source(name).files]
    for upon in {layout.upon for layout in source(name).layouts} - {""}:
        for path, content in OFFICIAL[upon].items():
            target = tmp_path / upon / "files" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    if is_archive(Path(sent[0])):
        server.files = {f"/{sent[0]}": archive(sent[0], OFFICIAL[name])}
    else:
        server.files = {f"/{file}": OFFICIAL[name][file] for file in sent}
    got = get(server.source(*server.files, name=name), tmp_path)
    assert [each.file for each in got.files] == sent
    kind, base = find(name, tmp_path)  # type: ignore[misc]
    assert kind.kind == "official"
    assert got.folder in (base, *base.parents)
    have = tables(name, tmp_path)
    rows = have.items if have.events is None else have.events
    if have.sessions is not None:
        rows = have.sessions.ids.to_frame()
    assert rows is not None
    assert len(rows) >= (1 if name == "movielens-plots" else 2)


def test_a_second_fetch_asks_nobody_and_needs_no_consent(server: Server, tmp_path: Path) -> None:
    first = get(server.source(), tmp_path)
    asked = len(server.asked)
    again = fetch(server.source(), folder=tmp_path)
    assert not again.new
    assert again.files == first.files
    assert len(server.asked) == asked


@pytest.mark.parametrize("known", [True, False])
def test_breaking_off_again_and_again_goes_on(server: Server, tmp_path: Path, known: bool) -> None:
    server.breaks = [5000, 1, 3000, 0, 2000]
    got = get(server.source(known=known), tmp_path)
    assert (got.folder / "ml-1m.zip").read_bytes() == ARCHIVE
    sent = [0, 5000, 5001, 8001, 8001, 10001]
    assert [each[1] for each in server.asked] == [None, *(f"bytes={n}-" for n in sent[1:])]
    assert [each[2] for each in server.asked] == [None, *['"one"'] * 5]
    assert got.unverified == (() if known else ("ml-1m.zip",))


def test_an_interrupted_fetch_goes_on_in_the_next_call(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_download, "CHUNK", 4096)

    def stop(_file: str, done: int, _total: int | None) -> None:
        if done >= 8192:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server.source(), tmp_path, progress=stop)
    part = tmp_path / "movielens-1m" / "ml-1m.zip.part"
    assert part.read_bytes() == ARCHIVE[:8192]
    assert not (tmp_path / "movielens-1m" / "source.json").exists()
    with pytest.raises(DataError, match="headwater data fetch movielens-1m"):
        tables("movielens-1m", tmp_path)
    get(server.source(), tmp_path)
    assert server.asked[-1] == ("/ml-1m.zip", "bytes=8192-", '"one"')
    assert (tmp_path / "movielens-1m" / "ml-1m.zip").read_bytes() == ARCHIVE
    assert not part.exists()
    assert not part.with_name("ml-1m.zip.part.json").exists()


def test_a_server_without_ranges_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    server.breaks = [5000, 6000]
    got = get(server.source(), tmp_path)
    assert (got.folder / "ml-1m.zip").read_bytes() == ARCHIVE
    assert len(server.asked) == 3


def test_a_new_version_is_not_mixed_with_the_old(server: Server, tmp_path: Path) -> None:
    server.files["/ml-1m.zip"] = bytes(len(ARCHIVE))
    server.breaks = [5000]
    asked = server.source(known=False)
    server.statuses = [200, 503, 503, 503]
    with pytest.raises(DataError, match="HTTP 503"):
        get(asked, tmp_path)
    server.files["/ml-1m.zip"], server.tag = ARCHIVE, '"two"'
    got = get(asked, tmp_path)
    assert server.asked[-1][1:] == ("bytes=5000-", '"one"')
    assert (got.folder / "ml-1m.zip").read_bytes() == ARCHIVE


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_mark_of_the_version_only_a_checksum_lets_it_go_on(
    server: Server, tmp_path: Path, tag: str
) -> None:
    server.tag = tag
    server.breaks = [5000]
    get(server.source(known=True), tmp_path / "a")
    assert [each[1] for each in server.asked] == [None, "bytes=5000-"]
    server.asked.clear()
    server.breaks = [5000]
    get(server.source(known=False), tmp_path / "b")
    assert [each[1] for each in server.asked] == [None, None]


def test_a_part_that_was_whole_or_is_too_long(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "movielens-1m"
    for extra in (b"", b"more"):
        place.mkdir()
        (place / "ml-1m.zip.part").write_bytes(ARCHIVE + extra)
        note = {"url": server.url + "/ml-1m.zip", "validator": server.tag}
        (place / "ml-1m.zip.part.json").write_text(json.dumps(note))
        get(server.source(), tmp_path)
        assert (place / "ml-1m.zip").read_bytes() == ARCHIVE
        shutil.rmtree(place)
    assert [each[1] for each in server.asked] == [
        f"bytes={len(ARCHIVE)}-",
        f"bytes={len(ARCHIVE) + 4}-",
        None,
    ]


def test_a_part_of_another_address_is_not_used(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "movielens-1m"
    place.mkdir()
    (place / "ml-1m.zip.part").write_bytes(b"x" * 100)
    (place / "ml-1m.zip.part.json").write_text('{"url": "http://other", "validator": "x"}')
    get(server.source(), tmp_path)
    assert server.asked == [("/ml-1m.zip", None, None)]


def test_a_wrong_checksum_keeps_nothing(server: Server, tmp_path: Path) -> None:
    asked = server.source()
    server.files["/ml-1m.zip"] = ARCHIVE[:-1] + b"?"
    with pytest.raises(DataError, match=r"sha256 is .*, not .*Nothing of it was kept"):
        get(asked, tmp_path)
    assert left(tmp_path) == []
    server.files["/ml-1m.zip"] = ARCHIVE
    assert get(asked, tmp_path).new


def test_every_checksum_counts(server: Server, tmp_path: Path) -> None:
    (good,) = server.source().files
    md5 = hashlib.md5(ARCHIVE, usedforsecurity=False).hexdigest()
    both = replace(good, checksums=(f"md5:{md5}", *good.checksums))
    assert get(replace(server.source(), files=(both,)), tmp_path / "a").unverified == ()
    wrong = replace(good, checksums=(*good.checksums, "md5:" + "0" * 32))
    with pytest.raises(DataError, match=f"md5 is {md5}, not 0000"):
        get(replace(server.source(), files=(wrong,)), tmp_path / "b")


def test_without_a_published_checksum_it_says_so_and_records_its_own(
    server: Server, tmp_path: Path
) -> None:
    got = get(server.source(known=False), tmp_path)
    assert got.unverified == ("ml-1m.zip",)
    (file,) = json.loads((got.folder / "source.json").read_text())["files"]
    assert file["verified"] is False
    assert file["published"] == []
    assert file["sha256"] == hashlib.sha256(ARCHIVE).hexdigest()
    (got.folder / "ml-1m.zip").write_bytes(ARCHIVE[:-1])  # changed since
    with pytest.raises(DataError, match=r"is not the published file.*Remove it"):
        get(server.source(known=False), tmp_path)


def test_not_there_is_said_at_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.zip cannot be had: HTTP 404.*by hand"):
        get(server.source("/gone.zip"), tmp_path)
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert get(server.source(), tmp_path).new
    assert len(server.asked) == 3


def test_giving_up_keeps_what_came(server: Server, tmp_path: Path) -> None:
    server.breaks = [5000, 0, 0, 0]
    with pytest.raises(DataError, match=r"5,000 bytes are kept .* run the same again"):
        get(server.source(), tmp_path)
    assert len(server.asked) == 4  # one that brought something, three in vain
    get(server.source(), tmp_path)
    assert server.asked[-1][1] == "bytes=5000-"


def test_waits_double_between_tries_in_vain(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(_download.time, "sleep", waits.append)
    server.breaks = [0, 0, 100, 0]
    get(server.source(), tmp_path, pause=0.5)
    assert waits == [1.0, 2.0, 0.5, 1.0]


def test_nobody_there(server: Server, tmp_path: Path) -> None:
    far = Remote(url="http://127.0.0.1:9/ml-1m.zip")  # the discard port: nobody listens
    with pytest.raises(DataError, match=r"127\.0\.0\.1 cannot be reached .*by hand as ml-1m\.zip"):
        get(replace(server.source(), files=(far,)), tmp_path)


def test_a_file_put_there_by_hand_counts(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "movielens-1m"
    place.mkdir()
    (place / "ml-1m.zip").write_bytes(ARCHIVE)
    assert get(server.source(), tmp_path).unverified == ()
    assert server.asked == []
    assert len(tables("movielens-1m", tmp_path).events) == 900


def test_a_wrong_file_put_there_by_hand_is_left_alone(server: Server, tmp_path: Path) -> None:
    place = tmp_path / "movielens-1m"
    place.mkdir()
    (place / "ml-1m.zip").write_bytes(b"mine")
    with pytest.raises(DataError, match="is not the published file"):
        get(server.source(), tmp_path)
    assert (place / "ml-1m.zip").read_bytes() == b"mine"


def test_several_files_and_only_the_missing_one_is_asked_for(
    server: Server, tmp_path: Path
) -> None:
    server.files |= {"/train.txt": b"0 1 2\n1 2\n", "/test.txt": b"0 3\n"}
    asked = server.source("/train.txt", "/test.txt", name="gowalla")
    server.statuses = [200, 404]
    with pytest.raises(DataError, match="404"):
        get(asked, tmp_path)
    server.asked.clear()
    get(asked, tmp_path)
    assert [each[0] for each in server.asked] == ["/test.txt"]
    assert tables("gowalla", tmp_path).events.rows() == [
        (0, 1, False),
        (0, 2, False),
        (1, 2, False),
        (0, 3, True),
    ]


def test_a_page_instead_of_an_archive_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.files["/ml-1m.zip"] = b"<html>log in first</html>"
    with pytest.raises(DataError, match="is damaged"):
        get(server.source(known=False), tmp_path)
    assert left(tmp_path) == []


def test_no_room(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DataError, match=f"no room for {len(ARCHIVE):,} bytes"):
        get(server.source(), tmp_path)


def test_a_folder_that_cannot_be_made(server: Server, tmp_path: Path) -> None:
    (tmp_path / "movielens-1m").write_text("a file")
    with pytest.raises(DataError, match=r"cannot write in .*HEADWATER_DATA"):
        get(server.source(), tmp_path)


def test_redirects(server: Server, tmp_path: Path) -> None:
    server.elsewhere["/moved.zip"] = server.url + "/ml-1m.zip"
    server.breaks = [5000]
    there = replace(server.remote(), url=server.url + "/moved.zip")
    got = get(replace(server.source(), files=(there,)), tmp_path)
    assert (got.folder / "moved.zip").read_bytes() == ARCHIVE
    assert server.asked[-1] == ("/ml-1m.zip", "bytes=5000-", '"one"')
    server.elsewhere["/moved.zip"] = "file:///etc/passwd"
    with pytest.raises(DataError, match="is not allowed"):
        get(replace(server.source(), files=(there,)), tmp_path / "b")


def test_never_from_https_to_http() -> None:
    with pytest.raises(DataError, match="is not safe"):
        _download._Redirects().redirect_request(
            Request("https://a/x"), io.BytesIO(), 302, "Found", Message(), "http://a/x"
        )


@pytest.fixture
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    asked = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=x"
    subprocess.run(
        ["openssl", *asked.split(), "-keyout", str(path), "-out", str(path) + ".crt"],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_a_certificate_nobody_vouches_for(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    for server in serve(Server(), context):
        with pytest.raises(DataError, match=r"certificate of 127\.0\.0\.1.*trust_checksum=True"):
            get(server.source(), tmp_path)
        with pytest.raises(DataError, match="certificate") as raised:
            get(server.source(known=False), tmp_path, trust_checksum=True)
        assert "trust_checksum" not in str(raised.value)
        assert server.asked == []
        assert get(server.source(), tmp_path, trust_checksum=True).new


def test_the_command_and_the_addresses_are_of_this_project() -> None:
    for name in names():
        record = source(name)
        assert record.files
        assert record.terms
        assert record.citation
        assert set(record.sizes) <= {"users", "items", "events", "labels"}
        for remote in record.files:
            assert remote.url.startswith("https://")
            for checksum in remote.checksums:
                kind, _, digits = checksum.partition(":")
                assert len(digits) == {"md5": 32, "sha256": 64}[kind]
                int(digits, 16)


# ------------------------------------------------------------------------------------- unpacking


def a_zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def a_tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def symlink_in_zip() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("a/link")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


OUTSIDE = ["../evil", "a/../../evil", "/evil", "..\\evil", "C:evil", "a/..", "C:\\evil"]
HOSTILE: dict[str, Callable[[Path], Path]] = {
    **{f"zip {n}": lambda p, n=n: a_zip(p / "x.zip", ("ok", b""), (n, b"!")) for n in OUTSIDE},
    **{
        f"tar {n}": lambda p, n=n: a_tar(p / "x.tar.gz", (tarfile.TarInfo(n), b"!"))
        for n in OUTSIDE
    },
    "zip symlink": lambda p: a_zip(p / "x.zip", (symlink_in_zip(), b"/etc/passwd")),
    "tar symlink": lambda p: a_tar(p / "x.tar.gz", (link("a", tarfile.SYMTYPE), b"")),
    "tar hard link": lambda p: a_tar(p / "x.tar.gz", (link("a", tarfile.LNKTYPE), b"")),
    "tar device": lambda p: a_tar(p / "x.tar.gz", (link("a", tarfile.CHRTYPE), b"")),
    "tar fifo": lambda p: a_tar(p / "x.tar.gz", (link("a", tarfile.FIFOTYPE), b"")),
    "twice": lambda p: a_tar(
        p / "x.tar.gz", (tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("a"), b"2")
    ),
    "file as folder": lambda p: a_zip(p / "x.zip", ("a", b"1"), ("a/b", b"2")),
    "zip bomb": lambda p: a_zip(p / "x.zip", ("a", bytes(100_000_000))),
    "many": lambda p: a_zip(p / "x.zip", *((f"f{i}", b"") for i in range(60))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_leave_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unpack, "MEMBERS", 50)
    inner = tmp_path / "deep" / "down"
    inner.mkdir(parents=True)
    archive = HOSTILE[kind](inner)
    before = left(tmp_path)
    with pytest.raises(DataError):
        unpack(archive, inner / "files")
    assert left(tmp_path) == before
    assert not (inner / "files").exists()


def test_a_bomb_is_stopped_by_what_comes_not_by_what_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_unpack, "LEAST", 1000)
    monkeypatch.setattr(_unpack, "RATIO", 0)
    fine = a_zip(tmp_path / "a.zip", ("x", b"1" * 500), ("y", b"2" * 500))
    unpack(fine, tmp_path / "a")
    assert left(tmp_path / "a") == ["x", "y"]
    over = a_zip(tmp_path / "b.zip", ("x", b"1" * 500), ("y", b"2" * 501))
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes"):
        unpack(over, tmp_path / "b")
    monkeypatch.setattr(_unpack, "_members", lambda _: iter([("x", 1, io.BytesIO(b"1" * 5000))]))
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes"):
        unpack(over, tmp_path / "b")


def test_damaged_and_encrypted_archives(tmp_path: Path) -> None:
    whole = a_zip(tmp_path / "x.zip", ("a", bytes(range(256)) * 50)).read_bytes()
    for broken in (whole[:-10], whole[:40] + b"\0\0\0" + whole[43:]):
        (tmp_path / "x.zip").write_bytes(broken)
        with pytest.raises(DataError, match="is damaged"):
            unpack(tmp_path / "x.zip", tmp_path / "files")
    packed = a_tar(tmp_path / "x.tar.gz", (tarfile.TarInfo("a"), bytes(5000))).read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(packed[:30])
    with pytest.raises(DataError, match="is damaged"):
        unpack(tmp_path / "x.tar.gz", tmp_path / "files")
    locked = bytearray(whole)
    locked[6] |= 1  # the flag for "encrypted", here and in the list at the end
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(locked)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack(tmp_path / "x.zip", tmp_path / "files")
