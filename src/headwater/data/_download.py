"""Downloading one file: tried again, gone on with, never taken for whole when it is not."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from ..errors import DataError
from .sources import Remote

__all__ = ["Progress", "Way", "download", "opener"]

Progress = Callable[[str, int, int | None], None]  # file, bytes so far, bytes in all if known

CHUNK = 1 << 20
ROOM = 1 << 24  # bytes of disk to leave free
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that may be better next time
LONGEST = 60.0  # seconds to wait between two tries


class _Broken(Exception):
    """The connection failed in a way that may pass; ``wait`` if the server named seconds."""

    def __init__(self, reason: object, wait: float | None = None):
        super().__init__(str(reason))
        self.wait = wait


@dataclass(frozen=True, kw_only=True)
class Way:
    """How to ask; the fields are those of `fetch`."""

    opener: OpenerDirector
    timeout: float
    retries: int
    pause: float
    progress: Progress | None


def download(remote: Remote, part: Path, way: Way) -> None:
    """Until ``part`` is whole; DataError when ``retries`` tries in a row brought nothing.

    OSError only where ``part`` cannot be written.
    """
    vain = 0
    while True:
        before = _size(part)
        try:
            return _pull(remote, part, way)
        except _Broken as broken:
            vain = 0 if _size(part) > before else vain + 1
            if vain > way.retries:
                raise DataError(
                    f"cannot get {remote.url}: {broken}. {_size(part):,} bytes are kept in {part}: "
                    "run the same again to go on, or put the file there by hand as "
                    f"{part.with_suffix('').name}"
                ) from broken
            time.sleep(broken.wait or min(way.pause * 2**vain, LONGEST))


def _pull(remote: Remote, part: Path, way: Way) -> None:
    """One try: ask for what is missing, append what comes."""
    start, validator = _begun(remote, part)
    headers = {"User-Agent": "headwater", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-"} | ({"If-Range": validator} if validator else {})
    try:
        answer = way.opener.open(Request(remote.url, headers=headers), timeout=way.timeout)
    except HTTPError as fault:
        with fault:
            if fault.code != 416 or _total(fault.headers) != start:  # else nothing was missing
                raise _refused(remote, part, fault) from fault
    except (HTTPException, OSError) as fault:
        raise _unreached(remote, fault) from fault
    else:
        with answer:
            _take(answer, remote, part, start, way.progress)
    part.with_name(f"{part.name}.json").unlink(missing_ok=True)


def _take(
    answer: HTTPResponse, remote: Remote, part: Path, start: int, progress: Progress | None
) -> None:
    """The body of an answer behind the ``start`` bytes that are here, or in their place."""
    if answer.status != 206:
        start = 0
        part.unlink(missing_ok=True)
        _write_note(remote, part, answer.headers)
    elif not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
        part.unlink()
        raise _Broken("the server sent another part than was asked for")
    length = answer.headers.get("Content-Length", "")
    total = start + int(length) if length.isdigit() else None
    missing = (total or remote.size or 0) - start
    if shutil.disk_usage(part.parent).free < missing + ROOM:
        raise DataError(f"no room for {missing:,} bytes in {part.parent}")
    with part.open("ab") as out:
        while chunk := _read(answer):
            out.write(chunk)
            start += len(chunk)
            if progress is not None:
                progress(remote.name, start, total)
        out.flush()
        os.fsync(out.fileno())
    if total is not None and _size(part) != total:
        raise _Broken(f"the connection broke off at {_size(part):,} of {total:,} bytes")


def _read(answer: HTTPResponse) -> bytes:
    try:
        return answer.read(CHUNK)
    except (HTTPException, OSError) as fault:
        raise _Broken(fault) from fault


def _begun(remote: Remote, part: Path) -> tuple[int, str]:
    """How much is here of the same address, and what tells whether it is of the same version.

    Without such a mark it may only go on where a checksum will tell.
    """
    try:
        note = part.with_name(f"{part.name}.json").read_text(encoding="utf-8")
        about: dict[str, Any] = json.loads(note)
        same = about["url"] == remote.url and (about["validator"] or remote.checksums)
        return (_size(part), str(about["validator"])) if same else (0, "")
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""


def _write_note(remote: Remote, part: Path, headers: Message) -> None:
    tag = headers.get("ETag", "")
    if not tag.startswith('"'):  # weak ones do not promise the same bytes
        tag = headers.get("Last-Modified", "")
    note = json.dumps({"url": remote.url, "validator": tag})
    part.with_name(f"{part.name}.json").write_text(note, encoding="utf-8")


def _refused(remote: Remote, part: Path, fault: HTTPError) -> Exception:
    if fault.code == 416:  # what is here is longer than the file: of another version
        part.unlink(missing_ok=True)
        return _Broken("the part that was here is of another version")
    if fault.code in AGAIN:
        wait = fault.headers.get("Retry-After", "")
        return _Broken(f"HTTP {fault.code}", min(float(wait), LONGEST) if wait.isdigit() else None)
    return DataError(
        f"{remote.url} cannot be had: HTTP {fault.code} {fault.reason}. The publisher may have "
        "moved it; a file of that name put into the folder by hand is taken as well"
    )


def _unreached(remote: Remote, fault: Exception) -> Exception:
    reason = fault.reason if isinstance(fault, URLError) else fault
    host = urlsplit(remote.url).hostname
    if not isinstance(reason, ssl.SSLCertVerificationError):
        return _Broken(f"{host} cannot be reached ({reason})")
    said = f"the certificate of {host} cannot be verified ({reason.verify_message})"
    if any(each.startswith("sha256:") for each in remote.checksums):
        said += ". The file's SHA-256 is known and proves it: fetch(..., trust_checksum=True)"
    return DataError(said)


class _Redirects(HTTPRedirectHandler):
    """Follow, but never from https to something weaker."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> Request | None:
        schemes = ("https",) if req.type == "https" else ("http", "https")
        if urlsplit(newurl).scheme not in schemes:
            raise DataError(f"{req.full_url} leads to {newurl}, which is not safe: not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def opener(*, verify: bool) -> OpenerDirector:
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return build_opener(HTTPSHandler(context=context), _Redirects())


def _total(headers: Message) -> int | None:
    """The size in ``Content-Range: bytes */123``."""
    size = headers.get("Content-Range", "").rpartition("/")[2]
    return int(size) if size.isdigit() else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
