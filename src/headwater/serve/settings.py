"""What a server, and the commands beside it, are told: by the environment (``HEADWATER_...``), then
by a file, headwater.toml.

    [keys.site]                       made by `headwater key new site --role ingest`
    hash = "9f86d081..."
    role = "ingest"

Secrets are best given by the environment, and are never shown.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from ..errors import BadParameter
from ..extras import needs
from .events import Consent

with needs("the server", "serve"):
    from limits import parse
    from pydantic_settings import (
        BaseSettings,
        PydanticBaseSettingsSource,
        SettingsConfigDict,
        TomlConfigSettingsSource,
    )

__all__ = ["LOOPBACK", "Key", "Role", "Settings", "Told", "settings_from", "told_from"]

Role = Literal["read", "ingest", "admin"]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FILE = "headwater.toml"


class Key(BaseModel):
    """Who may ask, by the SHA-256 of the key that they were given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    role: Role


class Told(BaseSettings):
    """All that there is to be told. A command beside the server needs no keys to open the store."""

    model_config = SettingsConfigDict(env_prefix="HEADWATER_", extra="forbid", frozen=True)

    store: str = "headwater.db"  # a file for SQLite, or postgresql://...
    models: Path = Path("models")  # the shelf of versions
    redis: str | None = None  # redis://...: what people just did, shared by several servers
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, lt=65_536)] = 8000
    workers: Annotated[int, Field(ge=1)] = 1
    at_once: Annotated[int, Field(ge=1)] = 1  # lists a process makes at a time; others wait
    threads: Annotated[int, Field(ge=1)] = 1  # of a net: more of them get into each other's way

    keys: dict[str, Key] = {}
    secret: SecretStr | None = None  # signs tokens of users and sessions of the studio
    open: bool = False  # no keys: everybody who reaches it may do all; on this machine only
    hosts: tuple[str, ...] = ()  # names that it is asked by; () is any, or loopback where open
    cors: tuple[str, ...] = ()  # origins of pages that may ask from the browser
    rate: str = "6000/minute"  # of requests of one key, or of one address without any
    body: Annotated[int, Field(ge=1_000)] = 2_000_000  # bytes of a request
    batch: Annotated[int, Field(ge=1, le=100_000)] = 5_000  # events of a request

    consent: Consent = "none"  # of people of whom none is known
    trust_consent: bool = True  # believe the consent that an event says it was given under
    kinds: str = "genres"  # the catalogue's column
    explore: Annotated[float, Field(ge=0, lt=1)] = 0.1  # chance of a place for what is new
    budget: Annotated[float, Field(gt=0)] = 0.2  # seconds, after which a page leaves strips out
    shadow: str | None = None  # a version that is asked too, and whose answers nobody sees
    refresh: Annotated[float, Field(gt=0)] = 2.0  # seconds between looks at models and catalogue
    pictures: Path | None = None  # folder of the pictures of items
    norms: Path | None = None  # a norms file, for the studio
    log: Literal["json", "text"] = "json"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = Path(os.environ.get("HEADWATER_CONFIG", FILE))
        toml = (TomlConfigSettingsSource(settings_cls, file),) if file.is_file() else ()
        return (init_settings, env_settings, *toml)


class Settings(Told):
    """Of a server, which has to know who may ask."""

    @model_validator(mode="after")
    def _guarded(self) -> Settings:
        if self.open and self.keys:
            raise ValueError("open: is for a server without keys; there are some")
        if not self.open and not self.keys:
            raise ValueError(
                "keys: there are none, and nobody could ask; `headwater key new NAME --role admin` "
                "makes one, and open = true is for trying it out on this machine"
            )
        if self.open and self.host not in LOOPBACK:
            raise ValueError(f"open: only on {', '.join(LOOPBACK)}, and host is {self.host!r}")
        if self.keys and self.secret is None:
            raise ValueError("secret: is needed with keys; any 32 random characters")
        if self.secret is not None and len(self.secret.get_secret_value()) < 32:
            raise ValueError("secret: at least 32 characters")
        return self

    @model_validator(mode="after")
    def _usable(self) -> Settings:
        try:
            parse(self.rate)
        except ValueError:
            raise ValueError(f"rate: as 6000/minute or 100/second; got {self.rate!r}") from None
        if self.pictures is not None and not self.pictures.is_dir():
            raise ValueError(f"pictures: there is no folder {str(self.pictures)!r}")
        return self


Made = TypeVar("Made", bound=Told)


def settings_from(file: str | Path | None = None, **given: Any) -> Settings:
    """``given`` on top of the environment, on top of the file; `BadParameter` says what is wrong.

    The file is ``file``, or HEADWATER_CONFIG, or headwater.toml where that is.
    """
    return _made(Settings, file, given)


def told_from(file: str | Path | None = None, **given: Any) -> Told:
    """The same for a command beside the server."""
    return _made(Told, file, given)


def _made(what: type[Made], file: str | Path | None, given: dict[str, Any]) -> Made:
    named = file or os.environ.get("HEADWATER_CONFIG")
    if named and not Path(named).is_file():
        raise BadParameter(f"no settings file {named}")
    before = os.environ.get("HEADWATER_CONFIG")
    try:
        if file is not None:
            os.environ["HEADWATER_CONFIG"] = str(file)
        return what(**given)
    except ValidationError as error:
        raise BadParameter(f"settings: {_said(error)}") from None
    except ValueError as error:  # not TOML, or not JSON in the environment
        raise BadParameter(f"settings: {error}") from None
    finally:
        if file is not None:
            if before is None:
                del os.environ["HEADWATER_CONFIG"]
            else:
                os.environ["HEADWATER_CONFIG"] = before


def _said(error: ValidationError) -> str:
    """Without the values: some are secrets."""
    lines = []
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        where = ".".join(str(part) for part in each["loc"])
        told = each["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {told}" if where else told)
    return "; ".join(lines)
