"""``headwater enrich``: what the texts of articles say, in columns beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadParameter, DataError, UnknownName
from ._arguments import Encoding, Json, Set, assigned, listed
from ._console import progress, show, spinning

if TYPE_CHECKING:
    import polars as pl

    from ..types import Dataset

SUFFIXES = (".parquet", ".jsonl", ".ndjson")


def enrich(
    articles: Annotated[
        str,
        typer.Argument(
            metavar="ARTICLES",
            help="A row an article, with item_id, title and abstract: a file (csv, tsv, jsonl, "
            "parquet, arrow), a folder that `data import` made or with the files of MIND, or a "
            "public source.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The same with more columns: .parquet or .jsonl.")],
    steps: Annotated[
        str | None,
        typer.Option(
            help="Some of complexity,sentiment,entities,voices,stories; default: all that can be "
            "done."
        ),
    ] = None,
    language: Annotated[str, typer.Option(help="Of the articles: en, de, es, fr, it, nl.")] = "en",
    people: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A table of people (name, party, gender, ...), or us_house_116.",
        ),
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Ask Wikidata for people that the table has not.")
    ] = False,
    contact: Annotated[
        str, typer.Option(help="An address or page of yours, which Wikidata asks for.")
    ] = "",
    cache: Annotated[
        Path | None,
        typer.Option(help="Keeps what was found: an interrupted run goes on from there."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Column of text; repeatable. Default: title, abstract or text"
        ),
    ] = None,
    id: Annotated[str, typer.Option(help="Column of ids.")] = "item_id",
    category: Annotated[
        str, typer.Option(help="Column within which stories are; 'none' for one of all.")
    ] = "category",
    published: Annotated[
        str | None, typer.Option(help="Column that says when an article came out.")
    ] = None,
    details: Annotated[
        bool, typer.Option("--details", help="All that is named, with places, in a column names.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="STEP.NAME=VALUE",
            help="A parameter of a step: sentiment.model=FOLDER, entities.by=rules.",
        ),
    ] = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
) -> None:
    """Add how hard ARTICLES are to read, their tone, whom they name, and which story they tell."""
    from .. import enrichment
    from ..atomic import atomic_path
    from ..pages import file_at
    from ..registry import build

    if out.suffix not in SUFFIXES:
        raise BadParameter(f"--out must end in {', '.join(SUFFIXES)}, got {out}: lists fit no csv")
    file_at(out, "articles.parquet")  # now and not after all the work
    linker = None
    if online:
        if not contact:
            raise BadParameter(
                "--online: Wikidata asks to know whom to write to: --contact you@..."
            )
        kept = None if cache is None else str(cache)
        linker = build("enrich.wikidata", contact=contact, cache=kept, language=language)
    elif contact:
        raise BadParameter("--contact is for --online, which is not asked for")
    given, said = _read(articles, encoding)
    with progress() as told:
        found = enrichment.enrich(
            given,
            steps=None if steps is None else listed(steps, "--steps"),
            text=text,
            id=id,
            category=None if category == "none" else category,
            published=published,
            language=language,
            people=people,
            linker=linker,
            settings=_settings(set_),
            details=details,
            cache=cache,
            progress=told,
        )
    table = found.table
    if found.data is not None and "item_id" not in table.columns:
        table = table.insert_column(0, found.data.items.values.alias("item_id"))
    with atomic_path(out) as temp, _writing(out):
        if out.suffix == ".parquet":
            table.write_parquet(temp)
        else:
            table.write_ndjson(temp)
    notes = [*said, *found.notes]
    for note in notes:
        typer.secho(note, err=True, dim=True)
    summary = _summary(table, found.n_texts)
    if as_json:
        show({"out": str(out), **summary, "notes": notes}, True)
        return
    show(summary, False, title=articles)
    typer.secho(f"written: {out}", err=True)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """What the writers say of a full disk, or of a column that a format has not."""
    from polars.exceptions import PolarsError

    try:
        yield
    except PolarsError as error:
        raise DataError(f"{out} cannot be written: {error}") from None


def _read(articles: str, encoding: str) -> tuple[pl.DataFrame | Dataset, list[str]]:
    """A table as it is, or the dataset that a source or an imported folder is; notes on it."""
    from ..data import sources
    from ..data.mind import is_mind
    from ..data.store import load_data
    from ..enrichment import read_articles

    path = Path(articles)
    with spinning(f"reading {articles}"):
        if path.is_dir() and (path / "events.safetensors").exists():
            return load_data(path), []
        if is_mind(path):
            return _of_mind(path)
        if path.exists():
            return read_articles(path, encoding=encoding), []
        if articles in sources.names():
            return sources.load(articles), []
    raise UnknownName("file or source", articles, sources.names())


def _of_mind(folder: Path) -> tuple[pl.DataFrame, list[str]]:
    """All articles in MIND's files, which do not say when one came out: when it was first shown."""
    import polars as pl

    from ..data import sources
    from ..data.mind import FILES

    made = sources.tables(FILES, folder)
    assert made.items is not None
    assert made.shown is not None
    slots = made.shown.select("item_id", "timestamp").explode("item_id")
    first = slots.group_by("item_id").agg(published=pl.col("timestamp").min())
    table = made.items.join(first, on="item_id", how="left", maintain_order="left")
    return table, ["published is when an article was first shown"]


def _settings(asked: Set) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in assigned(asked).items():
        step, dot, parameter = name.partition(".")
        if not dot or not parameter:
            raise BadParameter(
                f"--set takes STEP.NAME=VALUE, such as entities.by=rules; got {name!r}"
            )
        found.setdefault(step, {})[parameter] = value
    return found


def _summary(table: pl.DataFrame, n: int) -> dict[str, Any]:
    """What is in the new columns, in numbers; shares are of the ``n`` articles with a text."""
    said: dict[str, Any] = {"articles": table.height, "with a text": n}
    have = set(table.columns)
    for name, what in (("complexity", "reading ease"), ("grade", "grade"), ("sentiment", "tone")):
        if name in have:
            low, middle, high = (table[name].quantile(q) for q in (0.05, 0.5, 0.95))
            said[f"{what}: median, 5 % and 95 %"] = [middle, low, high]
    for name, what in (("people", "people"), ("parties", "a party"), ("genders", "a gender")):
        if name in have and n:
            some = int((table[name].list.len() > 0).sum())
            said[f"share of texts with {what}"] = some / n
            said[f"mentions of {what}"] = int(table[name].list.len().sum())
    if "voices" in have:
        each = table["voices"].explode().drop_nulls()
        said["share of mentions that are majority"] = (each == "majority").mean()
    if "story" in have and n:
        size = table["story"].value_counts()["count"]
        said |= {
            "stories": len(size),
            "of more than one article": int((size > 1).sum()),
            "articles in these": int(size.filter(size > 1).sum()),
            "most articles of a story": size.max(),
        }
    return said
