"""Numbers and names as people say them."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["joined", "percent", "plural"]


def percent(share: float) -> str:
    """Whole percents; what is not none or all is never said to be.

    >>> percent(0.004), percent(0.126), percent(1.0)
    ('under 1 %', '13 %', '100 %')
    """
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 <= share < 1:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def plural(n: int, what: str) -> str:
    """
    >>> plural(1, "list"), plural(1200, "list")
    ('1 list', '1,200 lists')
    """
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def joined(names: Sequence[str]) -> str:
    """
    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
