"""How the pages say numbers and times."""

from __future__ import annotations

from datetime import datetime

__all__ = ["FILTERS", "milliseconds", "number", "percent", "when"]

NONE = "\N{EN DASH}"


def number(value: float | int | str | None) -> str:
    """
    >>> number(12345), number(0.12345), number(12345.6), number(None)
    ('12,345', '0.1235', '12,346', '–')
    """
    if value is None:
        return NONE
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or value == 0:
        return f"{value:,.0f}"
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 100:
        return f"{value:.1f}"
    if size >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if size >= 1e-3 else f"{value:.1e}"


def percent(share: float | None) -> str:
    """
    >>> percent(0.123), percent(1), percent(0.0004)
    ('12.3 %', '100 %', '0.04 %')
    """
    if share is None:
        return NONE
    value = 100 * share
    if value == round(value):
        return f"{value:.0f} %"
    return f"{value:.1f} %" if abs(value) >= 0.1 else f"{value:.2g} %"


def milliseconds(seconds: float | None) -> str:
    """
    >>> milliseconds(0.01234), milliseconds(2.5)
    ('12.3 ms', '2,500 ms')
    """
    if seconds is None:
        return NONE
    value = 1_000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"


def when(time: str | None) -> str:
    """Of ISO 8601, to the minute.

    >>> when("2026-05-01T10:00:59.123+00:00")
    '2026-05-01 10:00 UTC'
    """
    if not time:
        return NONE
    try:
        read = datetime.fromisoformat(time)
    except ValueError:
        return time
    return f"{read:%Y-%m-%d %H:%M} {read.tzname() or ''}".strip()


FILTERS = {"number": number, "percent": percent, "milliseconds": milliseconds, "when": when}
