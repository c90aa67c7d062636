"""Asking an API until it answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any

from ..errors import ApiError
from ..extras import needs

with needs("people who use the API", "people"):
    import httpx

__all__ = ["Client"]

FIRST, LONGEST = 0.1, 10.0  # seconds between tries: twice as many each time
WAIT = 120.0  # seconds that a server may ask to wait


class Client:
    """Requests with a key; what fails for now is tried again, ``tries`` times in all."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        client: httpx.Client | None,
        tries: int,
        timeout: float,
        sleep: Callable[[float], None],
    ):
        self.url = url.rstrip("/")
        self.retries = 0
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._own = client is None
        self._client = httpx.Client(timeout=timeout) if client is None else client
        self._tries, self._sleep = tries, sleep

    def close(self) -> None:
        if self._own:
            self._client.close()

    def ask(self, verb: str, path: str, **more: Any) -> dict[str, Any]:
        """The JSON object that is the answer; `ApiError` if there is none."""
        what = f"{verb} {self.url}{path}"
        failed = ""
        for attempt in range(self._tries):
            pause = min(FIRST * 2**attempt, LONGEST)
            try:
                answer = self._client.request(verb, self.url + path, headers=self._headers, **more)
            except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
                failed = f"{type(error).__name__}: {error}"
            except (httpx.HTTPError, httpx.InvalidURL) as error:  # will not get better
                raise ApiError(f"{what} failed: {type(error).__name__}: {error}") from None
            else:
                if answer.status_code != 429 and answer.status_code < 500:
                    return self._read(what, answer)
                pause = waiting(answer.headers.get("Retry-After"), pause)
                failed = said(answer)
            if attempt + 1 < self._tries:
                self.retries += 1
                self._sleep(pause)
        raise ApiError(f"{what} failed {self._tries} times; at last: {failed}")

    def _read(self, what: str, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code >= 300:
            raise ApiError(f"{what} was answered {said(answer)}")
        if not answer.content:
            return {}
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ApiError(f"{what} was answered with what is no JSON object: {said(answer)}")
        return found


def said(answer: httpx.Response) -> str:
    return f"{answer.status_code} {' '.join(answer.text.split())[:300]}".strip()


def waiting(asked: str | None, otherwise: float) -> float:
    """Seconds that ``Retry-After`` asks for, a number of them or a date; at most `WAIT`.

    >>> waiting("3", 0.1), waiting(None, 0.1), waiting("soon", 0.1)
    (3.0, 0.1, 0.1)
    """
    if asked is None:
        return otherwise
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return otherwise
    return min(max(seconds, 0.0), WAIT) if isfinite(seconds) else otherwise
