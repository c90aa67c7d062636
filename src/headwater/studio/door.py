"""Who may into the studio, and that a form was sent from it.

Where the server has keys, an admin's is entered once. What the browser keeps instead is a cookie:
signed, not to be read by scripts, not sent along by other sites, good for twelve hours after the
last page, and only as long as the key is in the settings. To sign out makes the browser forget it;
a copy of it would be good until then. Each form has the token that the cookie has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from secrets import compare_digest, token_urlsafe

from ..extras import needs
from ..serve.keys import Denied, Keys, hashed
from ..serve.settings import Settings

with needs("the studio", "serve"):
    from itsdangerous import BadSignature, URLSafeTimedSerializer
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Door", "Session"]

COOKIE = "headwater_studio"
PATH = "/studio"
SECONDS = 12 * 3_600
TOKEN = "token"  # the field of a form


def _word() -> str:
    return token_urlsafe(16)


@dataclass(frozen=True)
class Session:
    """What a browser keeps."""

    token: str = field(default_factory=_word)  # of forms
    visit: str = field(default_factory=_word)
    key: str = ""  # the name of the key that was entered
    mark: str = ""  # the beginning of its hash: another key of that name is another key
    said: str = ""  # what the last form did, to be shown once
    kept: Mapping[str, str] = field(default_factory=dict)


NAMES = {each.name for each in fields(Session)}


class Door:
    def __init__(self, settings: Settings, keys: Keys):
        self._open, self._have, self._keys = settings.open, settings.keys, keys
        secret = settings.secret.get_secret_value() if settings.secret else token_urlsafe(32)
        self._signed = URLSafeTimedSerializer(secret, salt="headwater.studio")

    @property
    def open(self) -> bool:
        """Nobody needs a key."""
        return self._open

    def session(self, request: Request) -> Session:
        """What the browser kept, or a new one."""
        try:
            said = self._signed.loads(request.cookies.get(COOKIE, ""), max_age=SECONDS)
        except BadSignature:  # SignatureExpired is one, too
            return Session()
        if not isinstance(said, dict) or set(said) != NAMES:
            return Session()  # of another version of the studio
        return Session(**said)

    def keep(self, request: Request, response: Response, session: Session) -> None:
        response.set_cookie(
            COOKIE,
            str(self._signed.dumps(asdict(session))),
            max_age=SECONDS,
            path=PATH,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def leave(self, response: Response) -> None:
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax")

    def admits(self, session: Session) -> bool:
        """They entered an admin's key that is good still, or nobody needs one."""
        key = self._have.get(session.key)
        known = key is not None and key.role == "admin" and key.hash.startswith(session.mark)
        return self._open or (known and bool(session.mark))

    def admit(self, request: Request, session: Session) -> None:
        """`Denied` unless they are let in, by cookie, or by the header Authorization."""
        if self.admits(session) and "authorization" not in request.headers:
            return
        self._keys.caller(request.headers).needs("admin")

    def enter(self, key: str, session: Session) -> Session:
        """The session of who has this key; `Denied` if it is not an admin's."""
        caller = self._keys.caller({"authorization": f"Bearer {key.strip()}"})
        if not caller.may("admin"):
            raise Denied(401, "the studio needs a key with the role admin, and this has another")
        mark = hashed(key.strip())[:16]
        return replace(session, token=_word(), visit=_word(), key=caller.name, mark=mark)

    def sent_here(self, session: Session, token: str) -> None:
        """`Denied` unless a form has the token of the browser that sends it."""
        if not compare_digest(token.encode("utf-8", "replace"), session.token.encode()):
            raise Denied(
                403,
                "this form is not of a page that this browser was given, or is too old: go back, "
                "load the page again, and send it from there",
            )
