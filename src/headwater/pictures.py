"""Charts as pictures: what needs one asks here for Altair, and for a PNG of what it drew."""

from __future__ import annotations

from typing import Any

from .errors import MissingExtra

__all__ = ["altair", "png"]


def altair(who: str) -> Any:
    """The module altair; `MissingExtra` says what ``who`` lacks."""
    try:
        import altair
        import vl_convert  # noqa: F401
    except ModuleNotFoundError as missing:
        raise MissingExtra(who, missing.name or "altair", "report") from None
    return altair


def png(chart: Any, *, scale: float = 1) -> bytes:
    """An Altair chart as a PNG."""
    import vl_convert

    image: bytes = vl_convert.vegalite_to_png(chart.to_dict(), scale=scale)
    return image
