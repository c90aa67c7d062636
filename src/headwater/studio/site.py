"""All pages, and the way to them."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..errors import HeadwaterError, MissingExtra
from ..extras import needs
from ..serve.app import create_app, status_of
from ..serve.keys import Denied
from ..serve.service import Service
from ..serve.settings import settings_from
from .door import TOKEN, Door, Session
from .drawing import svg
from .page import Asked, Page, Values, Went, plain
from .pages import PAGES
from .wording import FILTERS

with needs("the studio", "serve"):
    from fastapi import APIRouter, Depends, FastAPI, Request
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup
    from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
    from starlette.staticfiles import StaticFiles

__all__ = ["from_environment", "mount"]

STATIC = Path(str(files(__package__) / "static"))
SAID = 400  # letters of what an action says: they travel in a cookie
FIRST = f"/studio/{PAGES[0].name}"

log = logging.getLogger("headwater")


def mount(app: FastAPI) -> FastAPI:
    """The studio under /studio of an app that `create_app` made, and / leads to it."""
    service: Service = app.state.service
    site = Site(service, Door(service.settings, app.state.keys))
    _drawn({"mark": "point"})  # the first takes half a second, in which no request is answered
    router = APIRouter(prefix="/studio", include_in_schema=False)
    for page in PAGES:
        site.add(router, page)
    router.add_api_route("", site.first, methods=["GET"])
    router.add_api_route("/", site.first, methods=["GET"])
    router.add_api_route("/login", site.login, methods=["GET"])
    router.add_api_route("/login", site.enter, methods=["POST"])
    router.add_api_route("/logout", site.leave, methods=["POST"])
    app.mount("/studio/static", _Static(directory=STATIC), name="studio")
    router.add_api_route("/{rest:path}", site.nowhere, methods=["GET"])
    app.include_router(router)
    app.add_api_route("/", site.first, methods=["GET"], include_in_schema=False)
    return app


def from_environment() -> FastAPI:
    """The server with the studio: ``uvicorn --factory headwater.studio:from_environment``."""
    return mount(create_app(settings_from()))


class _Static(StaticFiles):
    """Addresses have the version in them, so that browsers may keep what they got."""

    def file_response(self, *args: Any, **more: Any) -> Response:
        response = super().file_response(*args, **more)
        response.headers["cache-control"] = "public, max-age=86400"
        return response


async def _form(request: Request) -> Values:
    form = await request.form()
    return Values([(k, v) for k, v in form.multi_items() if isinstance(v, str)])


Sent = Depends(_form)


class Site:
    def __init__(self, service: Service, door: Door):
        self._service, self._door = service, door
        loader = PackageLoader(__package__)
        # A plain ``{{ }}`` never lets HTML through, and a name that a page lacks is an error.
        self._env = Environment(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters.update(FILTERS)
        self._env.globals["draw"] = _drawn
        content = b"".join(each.read_bytes() for each in sorted(STATIC.iterdir()))
        self._env.globals["version"] = sha256(content).hexdigest()[:12]

    def add(self, router: APIRouter, page: Page) -> None:
        def show(request: Request) -> Response:
            return self._shown(request, page)

        router.add_api_route(f"/{page.name}", show, methods=["GET"])
        router.add_api_route(f"/{page.name}.json", show, methods=["GET"])
        for name in page.actions:
            self._add(router, page, name)

    def _add(self, router: APIRouter, page: Page, name: str) -> None:
        action = page.actions[name]

        def act(request: Request, form: Values = Sent) -> Response:
            session = self._door.session(request)
            if not self._door.admits(session):
                return self._to_login(request, f"/studio/{page.name}")
            try:
                self._door.sent_here(session, form.one(TOKEN))
                went: Went = action(self._asked(request, session, form))
            except (HeadwaterError, Denied) as error:
                return self._failed(request, session, error)
            response = RedirectResponse(went.to, status_code=303)
            self._door.keep(
                request, response, replace(session, said=went.said[:SAID], kept=went.kept)
            )
            return response

        router.add_api_route(f"/{page.name}/{name}", act, methods=["POST"])

    def _asked(self, request: Request, session: Session, form: Values | None = None) -> Asked:
        query = Values(request.query_params.multi_items())
        return Asked(self._service, query, form or Values(), session.kept, session.visit)

    def _shown(self, request: Request, page: Page) -> Response:
        session = self._door.session(request)
        if request.url.path.endswith(".json") or _wants_json(request):
            self._door.admit(request, session)
            made = plain(page.made(self._asked(request, session)))
            return Response(_as_json(made), media_type="application/json")
        if not self._door.admits(session):
            return self._to_login(request, _here(request))
        try:
            made = plain(page.made(self._asked(request, session)))
        except HeadwaterError as error:
            return self._failed(request, session, error)
        twin = f"/studio/{page.name}.json"
        twin += f"?{request.url.query}" if request.url.query else ""
        more = {"page": made, "title": page.title, "here": page.name, "twin": twin}
        return self._page(request, session, page.template, more)

    def _page(
        self,
        request: Request,
        session: Session,
        template: str,
        more: dict[str, Any],
        status: int = 200,
    ) -> HTMLResponse:
        inside = self._door.admits(session)
        names = {
            "token": session.token,
            "said": session.said,
            "nav": PAGES if inside else (),
            "leaving": inside and not self._door.open,
            "twin": "",
            "here": "",
            **more,
        }
        response = HTMLResponse(self._env.get_template(template).render(names), status)
        self._door.keep(request, response, replace(session, said="", kept={}))
        return response

    def _failed(
        self, request: Request, session: Session, error: HeadwaterError | Denied
    ) -> Response:
        if isinstance(error, Denied):
            status, said = int(error.status), error.reason
        else:
            status, said = status_of(error)[0], str(error)
        if status == 500:
            log.error("%s: %s", type(error).__name__, error)
            said = "the server failed; its log says how"
        more = {"title": "That did not work", "message": said}
        return self._page(request, session, "error.html", more, status)

    # In and out

    def first(self) -> Response:
        return RedirectResponse(FIRST, status_code=303)

    def nowhere(self, request: Request) -> Response:
        session = self._door.session(request)
        more = {"title": "No such page", "message": "The studio has no page at this address."}
        return self._page(request, session, "error.html", more, 404)

    def login(self, request: Request) -> Response:
        session = self._door.session(request)
        to = _inside(Values(request.query_params.multi_items()).one("to"))
        if self._door.admits(session):
            return RedirectResponse(to, status_code=303)
        return self._page(request, session, "login.html", {"title": "Sign in", "to": to})

    def enter(self, request: Request, form: Values = Sent) -> Response:
        session, to = self._door.session(request), _inside(form.one("to"))
        try:
            self._door.sent_here(session, form.one(TOKEN))
            inside = self._door.enter(form.one("key"), session)
        except Denied as error:
            more = {"title": "Sign in", "to": to, "said": error.reason}
            return self._page(request, session, "login.html", more, int(error.status))
        response = RedirectResponse(to, status_code=303)
        self._door.keep(request, response, inside)
        return response

    def leave(self, request: Request, form: Values = Sent) -> Response:
        session = self._door.session(request)
        try:
            self._door.sent_here(session, form.one(TOKEN))
        except Denied as error:
            return self._failed(request, session, error)
        response = RedirectResponse("/studio/login", status_code=303)
        self._door.leave(response)
        return response

    def _to_login(self, request: Request, to: str) -> Response:
        if _wants_json(request):
            return JSONResponse({"error": {"code": "denied", "message": "sign in first"}}, 401)
        return RedirectResponse(f"/studio/login?to={quote(to, safe='')}", status_code=303)


def _drawn(spec: dict[str, Any]) -> Markup:
    """A chart, or what it lacks: the numbers are below it in any case."""
    try:
        return Markup(svg(spec))
    except MissingExtra as error:
        return Markup('<p class="wrong">{}</p>').format(str(error))


def _wants_json(request: Request) -> bool:
    """A browser says text/html first, a program that wants JSON says only that."""
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _here(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _inside(to: str) -> str:
    """An address of the studio, whatever was asked: nobody is sent elsewhere by a link to it."""
    try:
        parts = urlsplit(to)
    except ValueError:
        return FIRST
    safe = not parts.scheme and not parts.netloc and parts.path.startswith("/studio/")
    return to if safe and "\\" not in to else FIRST


def _as_json(made: Any) -> str:
    return json.dumps(made, ensure_ascii=False, allow_nan=False)
