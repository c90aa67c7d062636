"""Requests at their due times, whatever became of those before: a slow answer delays no other.

What is measured is from when a request was due to when its answer was there, so that waiting for a
connection, for the server and for this process itself counts ("coordinated omission" is when it
does not).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

__all__ = ["REUSE", "Answered", "Request", "Reuse", "ask", "due"]

Reuse = Literal["stack", "turns"]
REUSE: tuple[Reuse, ...] = get_args(Reuse)
FRESH = 3.0  # seconds that a connection may lie idle; uvicorn closes it after 5


@dataclass(frozen=True)
class Request:
    due: float  # seconds after the first
    path: str
    body: bytes = b""  # of a POST; GET without


@dataclass
class Answered:
    """What became of the requests; times in ms from when each was due, nan where it failed."""

    took: np.ndarray
    late: np.ndarray  # of these, until it could be sent
    errors: dict[str, int] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)


def due(rate: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """When people come who know nothing of each other: a Poisson process."""
    gaps = rng.exponential(1 / rate, int(rate * seconds * 1.5) + 50)
    times = np.cumsum(gaps)
    return times[times < seconds]


def ask(
    host: str,
    port: int,
    requests: Sequence[Request],
    *,
    timeout: float = 10,
    reuse: Reuse = "turns",
) -> Answered:
    """As many connections as there are requests at a time. They take turns: a request gets the one
    that has been idle for longest. From a stack it gets the one that was used last: then few of
    them carry most of the requests, to the process that happens to be at their other end.
    """
    which = 0 if reuse == "turns" else -1  # of the idle ones, the longest idle first
    return asyncio.run(_ask(host, port, requests, timeout, which))


async def _ask(
    host: str, port: int, requests: Sequence[Request], timeout: float, which: int
) -> Answered:
    n = len(requests)
    found = Answered(np.full(n, np.nan), np.full(n, np.nan), bodies=[b""] * n)
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter, float]] = []
    began = time.perf_counter() + 0.1

    async def one(at: int, request: Request) -> None:
        pair = None
        try:
            while idle and time.perf_counter() - idle[0][2] > FRESH:
                idle.pop(0)[1].close()  # the server will, too
            pair = idle.pop(which)[:2] if idle else await asyncio.open_connection(host, port)
            found.late[at] = 1000 * (time.perf_counter() - began - request.due)
            status, body = await asyncio.wait_for(_exchange(pair, host, request), timeout)
            found.took[at] = 1000 * (time.perf_counter() - began - request.due)
            found.bodies[at] = body
            idle.append((*pair, time.perf_counter()))
            if status != 200:
                found.took[at] = np.nan
                found.errors[str(status)] = found.errors.get(str(status), 0) + 1
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            name = type(error).__name__
            found.errors[name] = found.errors.get(name, 0) + 1
            if pair is not None:
                pair[1].close()

    tasks = []
    for at, request in enumerate(requests):
        wait = began + request.due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(at, request)))
    await asyncio.gather(*tasks)
    for _, writer, _ in idle:
        writer.close()
    return found


async def _exchange(
    pair: tuple[asyncio.StreamReader, asyncio.StreamWriter], host: str, request: Request
) -> tuple[int, bytes]:
    reader, writer = pair
    head = f"{'POST' if request.body else 'GET'} {request.path} HTTP/1.1\r\nhost: {host}\r\n"
    if request.body:
        head += f"content-type: application/json\r\ncontent-length: {len(request.body)}\r\n"
    writer.write(head.encode() + b"\r\n" + request.body)
    said = await reader.readuntil(b"\r\n\r\n")
    status = int(said.split(b" ", 2)[1])
    lines = said.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    return status, await reader.readexactly(length)
