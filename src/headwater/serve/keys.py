"""Who asks: keys of programs, with a role each, and tokens of single users.

A key is 256 random bits, so that its plain SHA-256 gives nothing away. A token is signed, says
whose it is, and lets its bearer see and do what is theirs alone, for a while; read and erase all
that is kept of them only if an admin made it.

    read      what is recommended, and what is known of items
    ingest    also sends events, and what is known of items and users
    admin     also reads and erases people, and uses the studio
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Literal

from ..extras import needs
from .settings import Key, Role, Settings

with needs("the server", "serve"):
    from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

__all__ = ["Caller", "Denied", "Keys", "hashed", "new_key"]

ORDER: tuple[Role, ...] = ("read", "ingest", "admin")
PREFIX, TOKEN = "hw_", "hwu_"


class Denied(Exception):
    """Why somebody may not; ``status`` is 401 where they could say who they are, else 403."""

    def __init__(self, status: Literal[401, 403], reason: str):
        super().__init__(reason)
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Caller:
    name: str
    role: Role | None  # None: a user
    user_id: str | None = None  # whose token it is
    whole: bool = False  # of a token: also to read and erase all that is kept of them

    def may(self, role: Role) -> bool:
        return self.role is not None and ORDER.index(self.role) >= ORDER.index(role)

    def needs(self, role: Role, user_id: str | None = None) -> None:
        """`Denied` unless their role allows it, or it is a user's own business."""
        if self.may(role):
            return
        if self.user_id is not None and self.user_id == user_id:
            if role != "admin" or self.whole:
                return
            raise Denied(403, "to read or erase all of somebody takes a token that an admin made")
        if self.user_id is not None:
            raise Denied(403, "this token is of a user, and is for what is theirs alone")
        raise Denied(403, f"this needs the role {role}; the key {self.name!r} has {self.role}")


class Keys:
    def __init__(self, settings: Settings):
        self._open = settings.open
        self._callers = {key.hash: Caller(name, key.role) for name, key in settings.keys.items()}
        secret = settings.secret.get_secret_value() if settings.secret else token_urlsafe(32)
        self._tokens = URLSafeTimedSerializer(secret, salt="headwater.user")

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """From ``Authorization: Bearer KEY``; `Denied` without a good one."""
        given = headers.get("authorization", "")
        scheme, _, word = given.partition(" ")
        word = word.strip()
        if not given:
            if self._open:
                return Caller("anybody", "admin")
            raise Denied(401, "no key: send the header Authorization: Bearer KEY")
        if scheme.lower() != "bearer" or not word:
            raise Denied(401, "the header is Authorization: Bearer KEY")
        if word.startswith(TOKEN):
            return self._user(word.removeprefix(TOKEN))
        found = self._callers.get(hashed(word))
        if found is None:
            raise Denied(401, "this key is not known here")
        return found

    def known(self, headers: Mapping[str, str]) -> bool:
        """Whether whoever asks has a key: they may read what is wrong inside, as users may not."""
        try:
            return self.caller(headers).role is not None
        except Denied:
            return False

    def token(self, user_id: str, seconds: int, *, whole: bool = False) -> str:
        """For ``user_id``, good for ``seconds``; ``whole`` also to read and erase all of them."""
        said = {"user": user_id, "seconds": seconds, "whole": whole}
        return TOKEN + str(self._tokens.dumps(said))

    def _user(self, word: str) -> Caller:
        try:
            said = self._tokens.loads(word)
            self._tokens.loads(word, max_age=int(said["seconds"]))
        except SignatureExpired:
            raise Denied(401, "this token has expired: ask for a new one") from None
        except (BadSignature, KeyError, TypeError, ValueError):
            raise Denied(401, "this token was not signed here") from None
        return Caller("a user", None, str(said["user"]), said.get("whole") is True)


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def new_key(role: Role) -> tuple[str, Key]:
    """A key, which is not kept, and what the settings have of it."""
    key = PREFIX + token_urlsafe(32)
    return key, Key(hash=hashed(key), role=role)
