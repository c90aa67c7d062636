"""Charts as pictures: what needs one asks here for Altair, and for a PNG of what it drew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import MissingExtra

__all__ = ["altair", "axis_of_names", "png"]


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


def axis_of_names(names: Mapping[float, str]) -> Any:
    """An axis with ``names`` at places."""
    import json

    import altair as alt

    places = json.dumps({f"{round(place, 2):g}": name for place, name in names.items()})
    return alt.Axis(
        values=[round(place, 2) for place in names],
        labelExpr=f"({places})[datum.value]",
        grid=False,
        ticks=False,
        domain=False,
        title=None,
        labelLimit=170,
    )
