"""Times in any unit or spelling as unix seconds."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["Clock"]

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
FIRST, LAST = -62_135_596_800, 253_402_300_799  # the years 1 to 9999
SPELLINGS = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%+",  # the same with an offset
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y/%m/%d",
    "%Y%m%d",
    "%Y-%m-%d %H:%M:%S%.f%#z",  # an offset of hours alone, as databases write it
    "%a, %d %b %Y %H:%M:%S %z",  # feeds: RFC 2822
    "%a, %d %b %Y %H:%M:%S GMT",
)


class Clock:
    """Turns a column of times into unix seconds. Its first batch decides on the unit.

    >>> clock = Clock()
    >>> clock.seconds(pl.Series([978300760123, None])).to_list(), clock.unit
    ([978300760, None], 'milliseconds')
    >>> Clock().seconds(pl.Series(["2000-12-31T22:12:40Z", "2001-01-01", "soon"])).to_list()
    [978300760, 978307200, None]
    >>> feeds = ["Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 1 Jan 2001 02:00:00 +0200"]
    >>> Clock().seconds(pl.Series([*feeds, "2001-01-01 02:00:00+02"])).to_list()
    [978307200, 978307200, 978307200]
    """

    unit = ""  # what was decided, for people

    def seconds(self, column: pl.Series) -> pl.Series:  # (n,) Int64
        """Unix seconds, null for what cannot be read. Without a time zone it is UTC."""
        kind = column.dtype
        if isinstance(kind, pl.Datetime | pl.Date):
            self.unit = "dates"
            return column.dt.epoch("s").cast(pl.Int64)
        if kind == pl.String:
            column = column.str.strip_chars()
            column = (
                column.to_frame().select(pl.when(pl.first() != "").then(pl.first())).to_series()
            )
            number = column.cast(pl.Float64, strict=False)
            if not self.unit:
                written = 2 * number.null_count() > len(column) + column.null_count()
                self.unit = "dates" if written or _dates(number) else ""
            if self.unit == "dates":
                return _parsed(column)
            whole = column.cast(pl.Int64, strict=False)
        elif kind.is_numeric():
            number = column.cast(pl.Float64)
            if not self.unit and _dates(number):
                self.unit = "dates"
            if self.unit == "dates":
                return _parsed(column.cast(pl.Int64, strict=False).cast(pl.String))
            whole = column.cast(pl.Int64, strict=False)
        else:
            return pl.repeat(None, len(column), dtype=pl.Int64, eager=True)
        if not self.unit and number.is_finite().any():
            size = np.median(np.abs(number.filter(number.is_finite()).to_numpy()))
            self.unit = list(UNITS)[sum(size > most for most in (1e11, 1e14, 1e17))]
        rounded = number.floor().cast(pl.Int64, strict=False)
        when = pl.coalesce(whole, rounded) // UNITS[self.unit or "seconds"]
        return pl.select(pl.when(when.is_between(FIRST, LAST)).then(when)).to_series()


def _dates(number: pl.Series) -> bool:
    """Whether these are days written 20240131."""
    known = number.drop_nulls()
    return (
        len(known) > 0
        and bool(known.is_between(19_000_101, 21_001_231).all())
        and bool(
            ((known % 10_000) // 100).is_between(1, 12).all()
            and (known % 100).is_between(1, 31).all()
        )
    )


def _parsed(text: pl.Series) -> pl.Series:
    when = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    left = text.is_not_null().arg_true()
    for spelling in SPELLINGS:
        if left.is_empty():
            break
        found = text.gather(left).str.to_datetime(spelling, strict=False, time_unit="us")
        seconds = found.dt.epoch("s")
        when = when.scatter(left, seconds)
        left = left.filter(seconds.is_null())
    return when
