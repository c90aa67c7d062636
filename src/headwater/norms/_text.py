"""Verdicts in plain sentences."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import fill

import polars as pl

from ..atomic import atomic_path
from ..pages import file_at
from ..wording import joined, percent, plural
from ._result import Checked, Finding, Part

__all__ = [
    "asked",
    "asked_of",
    "in_brief",
    "measures",
    "said_day",
    "share",
    "spread",
    "told",
    "wanted",
    "write_text",
]

WIDTH = 78
SEGMENTS = 3  # that are named
MEASURES = {  # what a metric says, of a column
    "calibration": "how far lists are from what each person had read, by {by}",
    "fragmentation": "how far people's lists are from each other's, by {by}",
    "activation": "how far lists are from what could be shown in how strong feelings are ({by})",
    "representation": "how far lists are from what could be shown, by {by}",
    "alternative_voices": "how far lists are from what could be shown in who speaks ({by})",
    "platform_distance": "how far a person's lists are from all lists together, by {by}",
}
MAY = {  # what one may do where it is above what is wanted, and below
    "calibration": (
        "Let lists follow more of what each person reads",
        "Bring in more of what people do not read by themselves, by rules or in fixed places",
        "history",
    ),
    "fragmentation": (
        "Give all some of the same {by}: fixed places, or more weight on what many read",
        "Let lists differ more: fewer fixed places, more weight on each person's own history",
        "platform",
    ),
    "platform_distance": (
        "Give those furthest off more of what all see",
        "Let lists differ more by what each person reads",
        "platform",
    ),
    "pool": (
        "Bring lists nearer to what could be shown: look first for what has more room than there",
        "Give other room than what could be shown has, and say to whom: a norm of this kind says "
        "how much, not for which",
        "pool",
    ),
}


def write_text(checked: Checked, path: str | Path) -> Path:
    """`told` in a file, in place of what is there."""
    path = file_at(path, "editors.txt")
    with atomic_path(path) as temp:
        temp.write_text(told(checked), encoding="utf-8")
    return path


def told(checked: Checked) -> str:
    """For editors, on about a page: what was asked, what is, since when, for whom, and what one
    may do."""
    off = checked.missed
    n = len(checked.findings)
    parts = [checked.norms.upper() if len(checked.norms) < 40 else checked.norms, ""]
    parts.append(_filled(f"{_of_what(checked)} {in_brief(checked)}"))
    order = [*off, *(each for each in checked.findings if each not in off)]
    for number, each in enumerate(order, 1):
        parts += ["", _filled(f"{number}. {each.name}: {_headline(each)}")]
        lines = [
            f"Asked: {asked(each)}",
            _is(each),
            _since(each, checked),
            _whom(each),
            _without(each),
        ]
        if each.missed or each.worst:
            lines.append(_may(each))
        parts += [_filled(line, "   ") for line in lines if line]
    if any(each.wanted != "range" for each in checked.findings):
        parts += ["", _filled(_words(checked))]
    parts += ["", _filled(HOW)] if n else []
    return "\n".join(parts) + "\n"


def rows(checked: Checked) -> pl.DataFrame:
    """A row a norm, as people read it."""
    return pl.DataFrame(
        [
            {
                "norm": each.name,
                "verdict": each.verdict,
                "asked": asked_of(each, each.whole),
                "is (95 % interval)": spread(each.whole),
                "off by": f"{each.whole.by:+.2f}" if abs(each.whole.by) >= 0.005 else "",
                "last period": each.periods[-1].verdict if each.periods else "",
                "missed since": "" if each.since is None else said_day(each.since),
                "people in range": share(each.whole),
            }
            for each in checked.findings
        ]
    )


def asked_of(finding: Finding, part: Part) -> str:
    said = wanted(finding, part)
    return said if finding.wanted == "range" else f"{finding.wanted}: {said}"


def share(part: Part) -> str:
    return "" if part.in_range is None else percent(part.in_range)


def in_brief(checked: Checked) -> str:
    off, n = checked.missed, len(checked.findings)
    met = sum(each.verdict == "met" and not each.missed for each in checked.findings)
    said = f"Of {n} norm{'s' if n > 1 else ''} {len(off)} {_are(len(off))} missed, {met} "
    said += f"{_are(met)} met"
    rest = n - len(off) - met
    return said + (f", and of {rest} it cannot be told." if rest else ".")


def measures(finding: Finding) -> str:
    """What its metric says."""
    name = finding.address.rsplit(".", 1)[-1]
    known = MEASURES.get(name)
    return finding.metric if known is None else known.format(by=finding.by)


def wanted(finding: Finding, part: Part) -> str:
    """The range, as people say it."""
    low, high = real_ends(finding, part)
    if low is None and high is None:
        return "anything" if part.mean is not None else "not known"
    if low is None:
        return f"at most {high:.2f}"
    return f"at least {low:.2f}" if high is None else f"{low:.2f} to {high:.2f}"


def real_ends(finding: Finding, part: Part) -> tuple[float | None, float | None]:
    """The ends of the range beyond which the metric can be."""
    low, high = part.range_low, part.range_high
    least, most = finding.bounds
    return (
        None if low is None or low <= least else low,
        None if high is None or high >= most else high,
    )


def spread(part: Part) -> str:
    if part.mean is None:
        return "not shown"
    return f"{part.mean:.2f} ({part.low:.2f} to {part.high:.2f})"


def asked(finding: Finding) -> str:
    """What a norm wants, and why."""
    said = wanted(finding, finding.whole)
    if finding.wanted != "range":
        here = "" if finding.whole.mean is None else f", here {said}"
        said = f"{finding.wanted}{here}"
    said = f"{measures(finding)}, {said}."
    return f"{said} {finding.why}" if finding.why else said


def said_day(day: str) -> str:
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B %Y}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _of_what(checked: Checked) -> str:
    said = f"{plural(checked.requests, 'list')} of {checked.people:,} "
    said += "person" if checked.people == 1 else "people"
    if checked.first is None or checked.last is None:
        return f"{said}."
    if checked.first == checked.last:
        return f"{said}, of {said_day(checked.first)}."
    return f"{said}, from {said_day(checked.first)} to {said_day(checked.last)}."


def _headline(finding: Finding) -> str:
    if finding.verdict == "missed":
        return "MISSED"
    if finding.now_missed:
        return "MISSED IN THE LAST PERIOD"
    return {"met": "met", "undecided": "cannot be told"}[finding.verdict]


def _is(finding: Finding) -> str:
    part = finding.whole
    if part.mean is None:
        return f"Is: not known, {part.why}."
    said = (
        f"Is: {part.mean:.2f}, and with 95 % certainty between {part.low:.2f} and {part.high:.2f}"
    )
    if abs(part.by) >= 0.005:
        said += f": {abs(part.by):.2f} too {'high' if part.by > 0 else 'low'}"
    return f"{said}. {part.why[:1].upper()}{part.why[1:]}." if part.why else f"{said}."


def _since(finding: Finding, checked: Checked) -> str:
    if len(finding.periods) < 2:
        return ""
    off = sum(part.verdict == "missed" for part in finding.periods)
    what = f"{checked.period}s"
    if finding.since is None:
        return f"When: missed in {off} of {len(finding.periods)} {what}, met since." if off else ""
    first = finding.periods[0].name == finding.since
    many = f"in {off} of {len(finding.periods)} {what}"
    if not finding.now_missed:
        return f"When: missed {many}, first {_from(finding.since, checked)}, and not met since."
    start = "all along" if first else f"since {_from(finding.since, checked)}"
    return f"When: missed {start}; {many}."


def _from(day: str, checked: Checked) -> str:
    return f"the week of {said_day(day)}" if checked.period == "week" else said_day(day)


def _whom(finding: Finding) -> str:
    part = finding.whole
    if part.in_range is None:
        return ""
    said = f"Whom: {percent(part.in_range)} of {part.people:,} people have lists that keep to it"
    worst = finding.worst[:SEGMENTS]
    if not worst:
        return f"{said}."
    named = ", ".join(f"{part.column} {part.name} ({part.mean:.2f})" for part in worst)
    more = len(finding.worst) - len(worst)
    rest = f", and {more} more group{'s' if more > 1 else ''}" if more else ""
    return f"{said}. Missed for {named}{rest}."


def _without(finding: Finding) -> str:
    part = finding.whole
    if not finding.undefined:
        return ""
    why = ", ".join(f"{many:,} where {why}" for why, many in finding.undefined.items())
    return f"Not known of {part.asked - part.defined:,} of {part.asked:,} lists: {why}."


def _may(finding: Finding) -> str:
    name = finding.address.rsplit(".", 1)[-1]
    if name not in MEASURES:
        return "What one may do: look at the lists of those furthest off."
    by = finding.whole.by
    if not by:  # in the last period, or for a segment
        off = [part.by for part in (*finding.periods[-1:], *finding.worst) if part.by]
        by = off[0] if off else 0.0
    above, below, to = MAY.get(name, MAY["pool"])
    said = (above if by >= 0 else below).format(by=finding.by)
    low, high = finding.whole.range_low, finding.whole.range_high
    dials = [f"by {finding.by}", f"to {to}"]
    if to == "platform":
        dials.append("high 0" if by >= 0 else "low above 0")
    else:
        dials += [f"low {low:.2f}"] if low else []
        dials.append(f"high {finding.bounds[1] if high is None else high:.2f}")
    dials += ["absolute"] if name == "activation" else []
    for what, value in finding.dials.items():
        dials.append(f"{what} {' '.join(map(str, value)) if isinstance(value, tuple) else value}")
    return f"What one may do: {said}. The re-ranker `radio` does so by itself ({', '.join(dials)})."


def _words(checked: Checked) -> str:
    used = dict.fromkeys(each.wanted for each in checked.findings if each.wanted != "range")
    said = []
    for word in used:
        low, high = checked.levels[word]
        if low is None:
            said.append(f"{word} is at most {high:g}")
        elif high is None:
            said.append(f"{word} at least {low:g}")
        else:
            said.append(f"{word} {low:g} to {high:g}")
    return (
        f"Words: {joined(said)} times what as long lists have that are drawn by lot from what "
        "could be shown."
    )


def _filled(text: str, indent: str = "") -> str:
    return fill(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


HOW = (
    "How to read it: 0 is no distance, 1 nearly nothing in common. A norm is missed, or met, only "
    "where chance does not explain it; the last period counts by itself, so that a change is seen "
    "before it moves the whole."
)
