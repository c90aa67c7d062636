"""The page and the PNGs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import polars as pl

from ..atomic import atomic_path
from ..errors import BadParameter
from ..evaluation import Folds
from ..pages import file_at, html_table, listed, plots, section
from ..pages import write as write_page
from ..pictures import altair, png
from ..types import PAD, Sessions
from ..wording import percent, plural
from . import _answers, _behaviours, _chances, _models
from ._models import Posterior
from ._picture import FEWEST, Picture, answers_of, grouped, plain

__all__ = ["charts", "sheet", "write", "write_pngs"]


def charts(
    sessions: Sessions,
    groups: Mapping[str, str],
    *,
    posterior: Posterior | None = None,
    folds: Folds | None = None,
) -> dict[str, Picture]:
    """The pictures by name, those of them that enough people answered for.

    ``groups`` says of each intent which group it is in: ``{"genre": "explorative"}``. Sentences and
    p values take answers as given by different people; each answer counts once. Raises `DataError`
    for fewer than five answers or an intent without a group, `MissingExtra` without the extra
    "report".
    """
    altair("a report")
    answers = answers_of(sessions)
    grouped(answers, groups)
    found: dict[str, Picture | None] = {
        "satisfaction": _answers.satisfaction(answers),
        "intents": _answers.by_intent(answers, groups),
        "behaviours": _behaviours.by_behaviour(answers),
        "correlations": _behaviours.correlations(answers),
    }
    if posterior is not None:
        enough, few = _models.of_enough(posterior, answers)
        found["coefficients"] = _models.coefficients(
            enough, groups, rare=_models.rare(answers, enough.columns), few=few
        )
        found["chains"] = _models.chains(enough, few=few)
    if folds is not None:
        found["roc"] = _chances.roc(folds)
        found["calibration"] = _chances.calibration(folds)
    return {name: each for name, each in found.items() if each is not None and each.charts}


def write(
    pictures: Mapping[str, Picture],
    path: str | Path,
    *,
    sessions: Sessions,
    groups: Mapping[str, str],
    folds: Folds | None = None,
    notes: Sequence[str] = (),
    title: str = "Intent and satisfaction",
) -> Path:
    """Write the page of ``pictures``, as `charts` makes them, to ``path``; the path it is at.

    It needs no network. Below the pictures are the numbers behind them and ``notes``: what was
    left out when the data was read. Those of `read_sessions` and `join` are counts alone there, as
    their examples may be of somebody; other strings are written as they are.
    """
    altair("a report")
    path = file_at(path, "report.html")
    answers = answers_of(sessions)
    sections = [section("Who answered", html_table(_answered(sessions)), _when(sessions))]
    sections += [
        plots(each.title, each.charts, each.note, says=each.says, colours=each.colours)
        for each in pictures.values()
    ]
    sections.append(section("By intent", html_table(_answers.of_intents(answers, groups)), INTENTS))
    if folds is not None:
        sections.append(section("Models", html_table(_measured(folds)), MODELS))
        if len(folds.chances) > 1:
            sections.append(section("Differences of models", html_table(folds.tests()), TESTS))
    told = [getattr(each, "counts", each) for each in notes]
    told = [each for each in (*told, *_told(answers), PRIVACY) if each]
    sections.append(listed("What was left out", told))
    return write_page(path, title, sections)


def write_pngs(pictures: Mapping[str, Picture], folder: str | Path) -> list[Path]:
    """Each picture with its sentence as NAME.png in ``folder``, in place of what is there."""
    altair("pictures of a survey")
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise BadParameter(f"{folder} is a file; pictures are written to a folder")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, picture in pictures.items():
        path = folder / f"{name}.png"
        with atomic_path(path) as temp:
            temp.write_bytes(_png(_whole(picture), scale=2))
        written.append(path)
    return written


def sheet(pictures: Mapping[str, Picture]) -> bytes:
    """All of them, one below the other, as one PNG."""
    alt = altair("pictures of a survey")
    return _png(alt.vconcat(*map(_whole, pictures.values()), spacing=40), scale=1)


def _png(chart: Any, *, scale: float) -> bytes:
    return png(chart.properties(padding=16).configure_view(stroke=None), scale=scale)


def _whole(picture: Picture) -> Any:
    """The charts of a picture in one, below its title and what it says."""
    import altair as alt

    columns = min(picture.columns, len(picture.charts))
    drawn = [chart.properties(width=picture.width) for chart in picture.charts]
    whole = alt.concat(*drawn, columns=columns)
    if picture.colours:
        whole = alt.vconcat(_key(picture.colours), whole, spacing=14)
    says = wrap(picture.says, max(60, int(columns * picture.width / 5.2)))
    title = alt.TitleParams(
        picture.title,
        subtitle=says,
        anchor="start",
        fontSize=17,
        subtitleFontSize=12.5,
        subtitlePadding=6,
        offset=16,
    )
    return whole.properties(title=title)


def _key(colours: Mapping[str, str]) -> Any:
    """A line that says what the colours stand for."""
    import altair as alt

    rows, at = [], 0.0
    for name, colour in colours.items():
        rows.append({"name": name, "at": at, "text": at + 12, "colour": colour})
        at += 34 + 6.5 * len(name)
    x = alt.Scale(domain=[0, max(at, 1.0)], nice=False)
    base = alt.Chart(alt.Data(values=rows))
    square = base.mark_point(shape="square", filled=True, size=110, opacity=1).encode(
        x=alt.X("at:Q", scale=x, axis=None),
        color=alt.Color("colour:N", scale=None),
    )
    text = base.mark_text(align="left", fontSize=12, baseline="middle").encode(
        x=alt.X("text:Q", scale=x, axis=None), text="name:N"
    )
    return alt.layer(square, text).properties(width=at, height=14)


def _answered(sessions: Sessions) -> pl.DataFrame:
    n, answers = len(sessions), int(sessions.answered.sum())
    row = {"sessions": n, "asked": int(sessions.shown.sum()), "answered": answers}
    known = sessions.user[sessions.answered & (sessions.user != PAD)]
    if len(known) == answers:
        row["people"] = len(np.unique(known))
    return pl.DataFrame([row])


def _when(sessions: Sessions) -> str:
    first, last = (
        datetime.fromtimestamp(int(end), UTC).date().isoformat()
        for end in (sessions.start.min(), sessions.start.max())
    )
    said = f"Sessions that began from {first} to {last} (UTC)."
    asked, answered = int(sessions.shown.sum()), int(sessions.answered.sum())
    if asked > answered:
        said += f" {percent(answered / asked)} of those who were asked answered."
    elif asked == answered:
        said += " Nobody is known to have been asked and not to have answered."
    return said


def _told(answers: Sessions) -> list[str]:
    """What is particular about the answers, and what was done about it."""
    told = []
    known = answers.user[answers.user != PAD]
    again = len(known) - len(np.unique(known))
    if again:
        told.append(
            f"{plural(again, 'answer')} of people who had answered before: intervals and p values "
            "take them as of different people."
        )
    without = int((~answers.intents.any(1)).sum())
    if without:
        told.append(
            f"{plural(without, 'answer')} without a reason for coming: in what is shown of all, "
            "not of intents."
        )
    if len(np.unique(answers.weights)) > 1:
        told.append(
            "Answers have weights for those who were asked and did not answer. Models learn with "
            "them, which coefficients show, and their table and the tests between them are "
            "weighted; all other pictures, and the table by intent, count each answer once."
        )
    return told


def _measured(folds: Folds) -> pl.DataFrame:
    """Metrics down, models across: mean and deviation over folds."""
    table = folds.table()
    rows = []
    for (metric,), part in table.group_by("metric", maintain_order=True):
        cells = {row["model"]: _spread(row["mean"], row["sd"]) for row in part.to_dicts()}
        rows.append({"metric": plain(str(metric)), **cells})
    return pl.DataFrame(rows)


def _spread(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return "\u2013"
    return f"{mean:.3f}" if sd is None else f"{mean:.3f} \u00b1 {sd:.3f}"


INTENTS = (
    "Mean of satisfaction, 1 to 5, with its 95 % interval, and the share that chose 4 or 5. Who "
    "came for several intents counts in each."
)
MODELS = (
    "Mean and deviation over folds of people; thresholds were chosen on inner folds of those the "
    "model learned from."
)
TESTS = (
    "Difference is a minus b, with its 95 % interval; p values are two-sided, those marked holm "
    "corrected for all rows of the table. Folds share what they learn from: intervals allow for it."
)
PRIVACY = (
    f"No part of a picture stands for fewer than {FEWEST} answers; texts that people wrote and ids "
    "are nowhere on this page."
)
