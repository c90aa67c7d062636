"""``headwater monitor``: whether lists keep to a platform's own norms of diversity."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadParameter, DataError, HeadwaterError
from ._arguments import Encoding, Item, Json, Seed, Time, User, Users, column
from ._console import progress, show, spinning

if TYPE_CHECKING:
    from ..norms import Checked, Norms, Shown
else:
    Checked = Norms = Shown = Any  # the parser looks at annotations

__all__ = ["MISSED", "monitor"]

MISSED = 4  # exit status where a norm is missed
COLUMNS = ("request", "user", "item", "time", "position", "click", "history")


def monitor(
    recommendations: Annotated[
        str,
        typer.Argument(
            metavar="RECOMMENDATIONS",
            help="What was recommended, a row an item or a row a list: a table (csv, tsv, jsonl, "
            "parquet, arrow), or a folder with the files of MIND. Or a folder that `fit` saved: "
            "the lists that it has for everybody.",
        ),
    ],
    norms: Annotated[
        str,
        typer.Argument(
            metavar="NORMS",
            help="A YAML file, or liberal, participatory, deliberative or critical.",
        ),
    ],
    items: Annotated[
        str | None, typer.Option(help="The catalogue, as `headwater enrich` makes it.")
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="What people read: a table of users, items and times.")
    ] = None,
    users: Users = None,
    pool: Annotated[
        str,
        typer.Option(
            metavar="catalogue|DAYS",
            help="What lists were chosen from: all items, or those published in so many days.",
        ),
    ] = "catalogue",
    published: Annotated[
        str, typer.Option(help="The catalogue's column of when items came out.")
    ] = "published",
    recommended: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="RECOMMENDATIONS has all candidates of each request, and this column says which "
            "were recommended (above 0).",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="A folder that `fit` saved: RECOMMENDATIONS has candidates, and the lists are its "
            "order of them."
        ),
    ] = None,
    period: Annotated[
        str, typer.Option(help="auto, day, week (from Monday) or none; in UTC.")
    ] = "auto",
    report: Annotated[Path | None, typer.Option(help="Write a page: norms.html.")] = None,
    text: Annotated[
        Path | None, typer.Option(help="Write plain sentences for editors: editors.txt.")
    ] = None,
    request: Annotated[
        str | None, typer.Option(help="Column of request ids; 'none' if there is none.")
    ] = None,
    user: User = None,
    item: Item = None,
    time: Time = None,
    position: Annotated[str | None, typer.Option(help="Column of places in a list.")] = None,
    click: Annotated[str | None, typer.Option(help="Column of clicks; 'none' if none.")] = None,
    history: Annotated[
        str | None, typer.Option(help="Column of lists of what had been read before.")
    ] = None,
    k: Annotated[
        int | None,
        typer.Option("--k", "-k", min=1, help="Items a list of a saved model; 10 if not given."),
    ] = None,
    encoding: Encoding = "utf-8",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Whether lists keep to norms of diversity, for whom, and since when.

    Exit status 4 if a norm is missed, over all or in the last period.
    """
    from ..norms import Norms, known_period, write, write_text
    from ..pages import file_at
    from ..pictures import altair

    if report is not None:
        altair("a report")  # this and what follows not after all the work
        file_at(report, "norms.html")
    if text is not None:
        file_at(text, "editors.txt")
    known_period(period)
    asked = Norms.of(norms)
    days = _days(pool)
    columns = {
        "request": column(request),
        "user": column(user),
        "item": item,
        "time": column(time),
        "position": column(position),
        "click": column(click),
        "history": column(history),
    }
    mind = (Path(recommendations) / "behaviors.tsv").is_file()
    if Path(recommendations).is_dir() and not mind:
        given = [name for name, value in columns.items() if value is not None]
        for name, value in (
            ("items", items),
            ("log", log),
            ("recommended", recommended),
            ("model", model),
        ):
            given += [name] if value is not None else []
        if given or users is not None:
            raise BadParameter(
                f"{recommendations} is a saved model, with its own data: leave out "
                f"{', '.join(f'--{name}' for name in (*given, *(['users'] if users else [])))}"
            )
        found = _of_model(Path(recommendations), 10 if k is None else k, days, published)
    else:
        if k is not None:
            raise BadParameter(
                "--k is how long the lists of a saved model are, and a table has its own: how many "
                "items of a list a norm looks at is k of its target, in the norms file"
            )
        found = _of_tables(
            recommendations,
            asked,
            items=items,
            log=log,
            users=users,
            recommended=recommended,
            model=model,
            pool=days,
            published=published,
            encoding=encoding,
            **columns,
        )
    for note in found.notes:
        typer.secho(note, err=True, dim=True)
    with progress() as told:
        checked = asked.check(
            found.seen, segments=found.columns, period=period, seed=seed, progress=told
        )
    if checked.notes != found.notes:
        from dataclasses import replace

        checked = replace(checked, notes=found.notes)
    files = []
    if report is not None:
        files.append(write(checked, report))
    if text is not None:
        files.append(write_text(checked, text))
    _shown(checked, recommendations, as_json)
    for each in files:
        typer.secho(f"written: {each}", err=True)
    if checked.missed:
        raise typer.Exit(MISSED)


def _shown(checked: Checked, title: str, as_json: bool) -> None:
    from ..norms import in_brief, rows

    if as_json:
        show(checked.as_dict(), True)
        return
    show(rows(checked), False, title=f"{title}: {in_brief(checked)}")
    off = [
        {
            "norm": each.name,
            "segment": f"{part.column} {part.name}",
            "is": part.mean,
            "off_by": part.by,
            "people": part.people,
        }
        for each in checked.findings
        for part in each.worst
    ]
    if off:
        show(off, False, title="Segments that miss a norm, the furthest off first")
    unknown = checked.undefined()
    if len(unknown):
        show(unknown, False, title="Requests without a value")


def _days(pool: str) -> str | float:
    if pool == "catalogue":
        return pool
    try:
        days = float(pool)
    except ValueError:
        days = 0.0
    if not days > 0:
        raise BadParameter(f"--pool is catalogue or a number of days above 0; got {pool!r}")
    return days


def _of_tables(recommendations: str, norms: Norms, **given: Any) -> Shown:
    from ..norms import shown

    segments = dict.fromkeys(name for each in norms.targets for name in each.segments)
    source: Any = recommendations
    if given["model"] is not None:
        given["model"] = _orders(given["model"])
    if Path(recommendations).is_dir():
        from ..data.sources import tables

        made = tables("mind-demo", recommendations)
        source = made.shown
        given["items"] = made.items if given["items"] is None else given["items"]
    with spinning(f"reading {recommendations}"), _options():
        return shown(source, segments=list(segments), **given)


def _orders(folder: Path) -> Any:
    """A saved model as what orders candidates: its first scorer, where it is not one itself."""
    from .. import facade
    from ..model import Scorer, Stage

    fitted = facade.load(folder)
    if isinstance(fitted.model, Scorer | Stage):
        return fitted
    return facade.Fitted(facade.first_scorer(fitted.model) or fitted.model, fitted.data)


def _of_model(folder: Path, k: int, pool: str | float, published: str) -> Shown:
    """What a saved model recommends to everybody of its data after all that they did."""
    from .. import facade
    from ..evidence import Evidence
    from ..norms import Shown, recent
    from ..types import Histories, Slate

    fitted = facade.load(folder)
    queries = fitted.data.queries()
    with progress() as told:
        slates, size = [], 4096
        for at in range(0, max(len(queries), 1), size):
            slates.append(fitted.model.recommend(queries[at : at + size], k))
            told("recommend", min(at + size, len(queries)), len(queries))
    seen = Evidence(
        queries=queries,
        slate=Slate.stack(slates),
        truth=Histories.empty(len(queries), len(fitted.data.items)),
        data=fitted.data,
    )
    notes = [f"lists of {k} for {len(queries):,} people, by {fitted.model!r}"]
    if not isinstance(pool, str):
        seen, said = recent(seen, pool, published)
        notes += said
    return Shown(seen, {}, tuple(notes))


@contextmanager
def _options() -> Iterator[None]:
    """Errors that say ``user='its name'`` name the option in place of the parameter."""
    try:
        yield
    except HeadwaterError as error:
        said = re.sub(rf"\b({'|'.join(COLUMNS)})=(?=')", r"--\1 ", str(error))
        if said == str(error):
            raise
        raise DataError(said) from None
