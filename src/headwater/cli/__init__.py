"""The command line: ``headwater --help``. Tables for people, `--json` for programs.

What is asked for goes to standard output, everything else (progress, notes, errors) to standard
error. Exit status: 0 done, 1 an error of Headwater's own, 2 a wrong call, 4 a norm that is missed
(`headwater monitor`), 5 a model that is not good enough (`headwater retrain`), 130 interrupted.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadParameter, DataError, HeadwaterError
from ._arguments import (
    Data,
    Encoding,
    Event,
    Item,
    Items,
    Json,
    K,
    Method,
    Metrics,
    Rating,
    Read,
    Seed,
    Set,
    SplitBy,
    Splits,
    Stopping,
    Time,
    User,
    Users,
    assigned,
    column,
    listed,
    method_called,
    open_data,
    pairs,
    parsed_split,
    parsed_stopping,
    reads_data,
    seeded,
)
from ._console import fail, progress, reported, show, write_table
from ._demo import demo
from ._enrich import enrich
from ._experiment import experiment_app
from ._monitor import monitor
from ._news import news_app
from ._retrain import models_app, retrain
from ._satisfaction import satisfaction_app
from ._serve import key_app, serve
from ._simulate import simulate_app
from ._store import store_app

if TYPE_CHECKING:
    from ..types import Dataset
else:
    Dataset = Any  # the parser looks at annotations, and must not import the rest to do so

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(no_args_is_help=True, help="Get, read, describe and check data.")
app.add_typer(data_app, name="data")
app.add_typer(satisfaction_app, name="satisfaction")
app.command()(enrich)
app.add_typer(news_app, name="news")
app.command()(serve)
app.add_typer(key_app, name="key")
app.add_typer(store_app, name="store")
app.add_typer(experiment_app, name="experiment")
app.add_typer(simulate_app, name="simulate")
app.command()(retrain)
app.add_typer(models_app, name="models")


class Interrupted(BaseException):
    """Ctrl-C, under a name that the argument parser does not swallow."""


def interrupt(*_: Any) -> None:
    raise Interrupted


def main() -> None:
    """Run the command line; errors of Headwater's own are one line and exit status 1."""
    signal.signal(signal.SIGINT, interrupt)
    try:
        app(standalone_mode=True)
    except HeadwaterError as error:
        fail(str(error))
    except Interrupted:
        fail("interrupted; nothing half-written was left", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        fail(f"{error.filename or 'file'}: {error.strerror or error}")
    except MemoryError:
        fail("out of memory: fewer items (--min-users-per-item), or another method")


# Data -------------------------------------------------------------------------------------------


@data_app.command("list")
def data_list(as_json: Json = False) -> None:
    """The public sources, where they are, and on what terms."""
    import polars as pl

    from ..data import sources

    rows = []
    for name in sources.names():
        source = sources.source(name)
        found = sources.find(name)
        rows.append(
            {
                "name": name,
                "title": source.title,
                **{what: source.sizes.get(what) for what in ("users", "items", "events")},
                "here": str(found[1]) if found else None,
                "terms": source.terms,
            }
        )
    table = pl.DataFrame(rows, infer_schema_length=None)
    show(table if as_json else table.drop("terms"), as_json, title="Public sources")
    if not as_json:
        typer.secho("`headwater data fetch NAME` shows the terms and downloads.", err=True)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str, typer.Argument(help="A name from `data list`.")],
    accept: Annotated[bool, typer.Option("--accept", help="Accept the terms.")] = False,
    folder: Annotated[Path | None, typer.Option(help="Where to; default: the data folder.")] = None,
    as_json: Json = False,
) -> None:
    """Download a public source: its terms first; resumed if interrupted; checksum checked."""
    from ..data import sources
    from ..data.fetch import fetch

    source = sources.source(name)
    if not accept and sys.stdin.isatty() and not as_json:
        typer.echo(f"{source.title}\n{source.terms}\n{source.terms_url}")
        accept = typer.confirm("Accept these terms?")
    with progress() as told:
        got = fetch(name, accept=accept, folder=folder, progress=told)
    found = {"name": name, "folder": str(got.folder), "files": [str(f) for f in got.files]}
    show({**found, "unverified": [str(f) for f in got.unverified]}, as_json)


@data_app.command("import")
@reads_data
def data_import(
    data: Read,
    to: Annotated[Path, typer.Argument(help="Folder to make.")],
    as_json: Json = False,
) -> None:
    """Read a table once, with all its options, into a folder that every command takes as DATA."""
    from ..atomic import atomic_path
    from ..data.store import save_data

    found = data()
    if to.exists() and not (to / "events.safetensors").exists():
        raise DataError(f"{to} exists and is not imported data: choose another name")
    with atomic_path(to) as temp:
        temp.mkdir()
        save_data(found, temp)
    show({"folder": str(to), **facts(found)}, as_json)


@data_app.command("describe")
@reads_data
def data_describe(
    data: Read,
    as_json: Json = False,
) -> None:
    """What is in the data: counts, density, activity, popularity, times, catalogue."""
    found = data()
    show(facts(found), as_json, title=repr(found))


@data_app.command("validate")
def data_validate(
    data: Data,
    user: User = None,
    item: Item = None,
    rating: Rating = None,
    time: Time = None,
    event: Event = None,
    items: Items = None,
    users: Users = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
) -> None:
    """PASS or FAIL for every rule, with examples and the fix. Exit status 1 if one fails."""
    import polars as pl

    from ..data import sources, validate

    known = not Path(data).is_file() and (Path(data).is_dir() or data in sources.names())
    checks = validate.validate(
        open_data(data) if known else data,
        user=user,
        item=item,
        items=items,
        users=users,
        encoding=encoding,
        rating=column(rating),
        time=column(time),
        event=column(event),
    )
    rows = [
        {
            "": "PASS" if check.passed else "FAIL",
            "rule": check.rule,
            "found": check.found,
            "examples": "; ".join(str(each) for each in check.examples),
            "fix": "" if check.passed else check.fix,
        }
        for check in checks
    ]
    table = pl.DataFrame(rows, infer_schema_length=None)
    show(table.rename({"": "verdict"}) if as_json else table, as_json, title=str(data), wrap=True)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def facts(data: Dataset) -> dict[str, Any]:
    from ..data.frame import describe

    return describe(data)


# Models -----------------------------------------------------------------------------------------


@app.command()
@reads_data
def fit(
    data: Read,
    model: Method,
    save: Annotated[Path, typer.Option(help="Folder to save the model in.")],
    settings: Set = None,
    fallback: Annotated[bool, typer.Option(help="Popularity for whom it knows nothing of.")] = True,
    early_stopping: Stopping = None,
    split: SplitBy = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit METHOD on DATA and save it."""
    from .. import artifact, facade

    artifact.check_free(save)  # not after hours of fitting
    made = facade.method(model, fallback=fallback, **assigned(settings))
    found = data()
    with progress() as told:
        fitted = facade.fit(
            seeded(made, seed),
            found,
            fallback=fallback,
            early_stopping=parsed_stopping(early_stopping),
            split=parsed_split(split),
            seed=seed,
            progress=told,
        )
    where = facade.save(fitted, save)
    show({"model": repr(fitted.model), "data": repr(found), "saved": str(where)}, as_json)
    if not as_json and len(found.users):
        one = found.users.values[0]
        typer.secho(f"next: headwater recommend {where} --user {one}", err=True)


@app.command()
def recommend(
    model: Annotated[Path, typer.Argument(help="A folder that `fit` saved.")],
    user: Annotated[list[str] | None, typer.Option("--user", "-u", help="Repeatable.")] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help="For somebody new: item ids, oldest first: 1,2,3. Repeatable."),
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every user of the data.")] = False,
    within: Annotated[str | None, typer.Option(help="Only these item ids: 1,2,3.")] = None,
    guide: Annotated[
        str | None, typer.Option(help="Lean to kinds: genres=Horror,Comedy (recfusion_guided).")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(help="How far to lean: 0 not at all, 1 as it was learned.")
    ] = None,
    declined: Annotated[
        str | None, typer.Option(help="Items known not to be chosen, for a single request: 1,2.")
    ] = None,
    k: K = 10,
    repeat: Annotated[bool, typer.Option("--repeat", help="What was chosen before, too.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Say how a flow came to each item.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write .csv or .parquet instead.")] = None,
    as_json: Json = False,
) -> None:
    """Lists for users by id, or for somebody new by what they chose."""
    from .. import facade

    if bool(user) + bool(history) + everyone != 1:
        raise BadParameter("say for whom: --user ID, --history ID,ID,ID or --all")
    fitted = facade.load(model)
    with progress() as told:
        table = facade.recommend(
            fitted,
            users=None if everyone or history else user,
            history=[listed(each, "--history") for each in history] if history else None,
            within=None if within is None else listed(within, "--within"),
            guide=None if guide is None else {n: listed(v, "--guide") for n, v in pairs([guide])},
            strength=strength,
            declined=None if declined is None else [listed(declined, "--declined")],
            k=k,
            filter_seen=not repeat,
            trace=why,
            progress=told,
        )
    if out is None:
        show(table, as_json, title=f"{model}")
    else:
        write_table(table, out)
        show({"rows": len(table), "file": str(out)}, as_json)


@app.command()
def thumbnail(
    model: Annotated[Path, typer.Argument(help="A folder that `fit` or `demo` saved.")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Pictures of its items: ID.jpg, ID-2.jpg or ID/2.jpg. Left out: parts of the "
            "pictures that its catalogue has."
        ),
    ] = None,
    user: Annotated[list[str] | None, typer.Option("--user", "-u", help="Repeatable.")] = None,
    tastes: Annotated[
        str | None,
        typer.Option(help="And for who likes nothing else: Comedy,Horror; or how many kinds: 5."),
    ] = None,
    by: Annotated[str, typer.Option(help="The catalogue's column of kinds.")] = "genres",
    picker: Annotated[str, typer.Option(help="match or thompson.")] = "match",
    settings: Set = None,
    draw: Annotated[
        int | None,
        typer.Option(min=1, help="Draw pictures of this many items into FOLDER first."),
    ] = None,
    sheet: Annotated[Path | None, typer.Option(help="A contact sheet, .html or .png.")] = None,
    cache: Annotated[
        Path | None, typer.Option(help="File that keeps what the encoder made of each picture.")
    ] = None,
    k: K = 8,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Which picture of each title somebody sees, and why."""
    from .. import facade, stills
    from ..contact_sheet import check, sheet_of, write

    if not user:
        raise BadParameter("say for whom: --user ID")
    if sheet is not None:
        check(sheet)  # not after all the work
    fitted = facade.load(model)
    if draw is not None:
        if folder is None:
            raise BadParameter("--draw needs a FOLDER for the pictures")
        from ..simulate.pictures import draw as draw_pictures

        draw_pictures(
            fitted.data, folder, items=stills.popular(fitted.data, draw), by=by, seed=seed
        )
    pictures = (
        stills.from_catalogue(fitted.data, "jpeg")
        if folder is None
        else stills.from_folder(folder, fitted.data)
    )
    with progress() as told:
        table = facade.thumbnails(
            fitted,
            pictures,
            user,
            tastes=stills.tastes_of(fitted.data, by, tastes),
            k=k,
            by=by,
            picker={
                "model": picker,
                **({"epsilon": 0.0} if picker == "match" else {}),
                **assigned(settings),
            },
            seed=seed,
            cache=cache,
            progress=told,
        )
    if sheet is not None:
        where = write(sheet_of(table, pictures), sheet, f"Pictures of {model}")
        typer.secho(f"written: {where}", err=True)
    show(table, as_json, title=f"{model}: {len(pictures):,} pictures")


@app.command()
def similar(
    model: Annotated[Path, typer.Argument(help="A folder that `fit` saved.")],
    item: Annotated[list[str], typer.Option("--item", "-i", help="Repeatable.")],
    k: K = 10,
    as_json: Json = False,
) -> None:
    """The items most like an item."""
    from .. import facade

    show(facade.similar_items(facade.load(model), item, k=k), as_json, title=f"{model}")


@app.command()
@reads_data
def evaluate(
    data: Read,
    model: Method,
    split: SplitBy = None,
    splits: Splits = 1,
    metrics: Metrics = None,
    k: K = 10,
    settings: Set = None,
    early_stopping: Stopping = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots: out.html.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Fit METHOD on the training part of DATA and measure it on what was held out."""
    from .. import facade

    made = seeded(facade.method(model, **assigned(settings)), seed)
    found = data()
    with progress() as told:
        result = facade.evaluate(
            made,
            found,
            split=parsed_split(split),
            splits=splits,
            metrics=metrics,
            k=k,
            seed=seed,
            early_stopping=parsed_stopping(early_stopping),
            progress=told,
        )
    reported(result, report, as_json, f"{result.model} on {found!r}")


@app.command()
@reads_data
def compare(
    data: Read,
    models: Annotated[
        list[str],
        typer.Argument(metavar="METHOD...", help="One or more; with settings: ease:l2=100."),
    ],
    split: SplitBy = None,
    splits: Splits = 1,
    metrics: Metrics = None,
    k: K = 10,
    baseline: Annotated[str | None, typer.Option(help="Test all against this one only.")] = None,
    early_stopping: Stopping = None,
    report: Annotated[Path | None, typer.Option(help="Write a page with plots: out.html.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Several methods on the same splits: intervals, and paired tests with Holm's correction."""
    from .. import facade

    if len(set(models)) < len(models):
        raise BadParameter(f"a method is named twice: {', '.join(models)}; settings: ease:l2=100")
    made = {name: seeded(method_called(name), seed) for name in models}
    found = data()
    with progress() as told:
        result = facade.compare(
            made,
            found,
            split=parsed_split(split),
            splits=splits,
            metrics=metrics,
            k=k,
            seed=seed,
            baseline=baseline,
            early_stopping=parsed_stopping(early_stopping),
            progress=told,
        )
    reported(result, report, as_json, f"{', '.join(made)} on {found!r}")


app.command()(monitor)


@app.command()
def reproduce(
    table: Annotated[str | None, typer.Argument(help="thesis-2.5; none lists them.")] = None,
    methods: Annotated[str | None, typer.Option(help="Only these: ease,slim.")] = None,
    splits: Annotated[
        int | None,
        typer.Option(min=1, help="How many splits; if left out, as committed."),
    ] = None,
    seed: Seed = 0,
    write: Annotated[
        Path | None, typer.Option(help="Folder to write the result to, as JSON.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder that keeps long runs, to go on after a stop.")
    ] = None,
    as_json: Json = False,
) -> None:
    """A published table made again: the paper's figures and ours side by side."""
    from .. import papers

    if table is None:
        show(papers.listed(), as_json, title="Tables that can be made again")
        return
    chosen = [each.strip() for each in methods.split(",")] if methods else None
    with progress() as told:
        found = papers.reproduce(
            table, methods=chosen, splits=splits, seed=seed, checkpoint=checkpoint, progress=told
        )
    if write is not None:
        typer.secho(f"written: {papers.write(found, write)}", err=True)
    if as_json:
        show(found.as_dict(), True)
        return
    show(found.table, False, title=found.title)
    for note in found.notes:
        typer.echo(f"- {note}")


@app.command()
@reads_data
def tune(
    data: Read,
    model: Method,
    metric: Annotated[str, typer.Option("--metric", "-m", help="What to make best.")] = "NDCG@10",
    trials: Annotated[int, typer.Option(min=1, help="How many to try.")] = 20,
    search: Annotated[
        list[str] | None,
        typer.Option(help="Where to look: l2='1..1000 log', similarity_by=cosine,jaccard."),
    ] = None,
    early_stopping: Stopping = None,
    study: Annotated[
        Path | None, typer.Option(help="File that keeps the trials, to go on from.")
    ] = None,
    split: SplitBy = None,
    settings: Set = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Look for better parameters on validation data; the test data is measured once, at the end."""
    from .. import facade, registry
    from .. import tune as tuning
    from ..data.split import split as make_split

    made = seeded(facade.method(model, **assigned(settings)), seed)
    space = {name: tuning.Search.parse(value) for name, value in pairs(search)}
    found = data()
    part = make_split(found, parsed_split(split), seed=seed)
    measured = registry.metric(metric, k=10)
    with progress() as told:
        best = tuning.tune(
            made,
            part,
            measured,
            space=space or None,
            trials=trials,
            seed=seed,
            early_stopping=parsed_stopping(early_stopping),
            study=study,
            progress=told,
        )
    if not as_json:
        show(best.trials, False, title=f"{len(best.trials)} trials on validation data")
    show(
        {
            "parameters": best.parameters,
            "metric": best.metric,
            "validation": best.validation,
            "test": best.test,
            "test_as_given": best.untuned,
            "seconds": round(best.seconds, 1),
            **({"trials": best.trials.to_dicts()} if as_json else {}),
        },
        as_json,
    )
    sign = 1 if getattr(measured, "best", "high") == "high" else -1
    if sign * best.test < sign * best.untuned:
        typer.secho("what was found is worse than what was given, on the test part", err=True)


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="One of them, in full.")] = None,
    schema: Annotated[bool, typer.Option("--schema", help="JSON schema of a flow file.")] = False,
    as_json: Json = False,
) -> None:
    """The methods and metrics, with their parameters and sources."""
    from .. import catalogue, registry

    if schema:
        typer.echo(json.dumps(registry.schema(), indent=2))
        return
    if name is None:
        rows = catalogue.entries()
        brief = [{key: row[key] for key in ("name", "address", "what")} for row in rows]
        show(rows if as_json else brief, as_json, title="Methods and metrics")
        return
    if as_json:
        show(catalogue.entry(registry.resolve(name)), True)
        return
    typer.echo(catalogue.text(registry.resolve(name)))


@app.command()
def doctor(as_json: Json = False) -> None:
    """What is installed, what is missing and how to get it, and whether Headwater works here."""
    from .. import doctor as health

    checks = health.examine()
    import polars as pl

    show(pl.DataFrame(checks), as_json, title="Headwater on this machine")
    if any(check["verdict"] == "FAIL" for check in checks):
        raise typer.Exit(1)


app.command()(demo)


@app.callback(invoke_without_command=True)
def version(
    asked: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """[bold]Headwater[/]: any table of events in, measured recommendations out.

    Start with [cyan]headwater demo[/]; with your own table:
    [cyan]headwater fit events.csv ease --save model.hw[/]
    """
    if asked:
        from importlib.metadata import version as installed

        typer.echo(f"headwater {installed('headwater')}")
        raise typer.Exit
