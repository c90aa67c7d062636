"""``headwater satisfaction``: from raw events and a survey to what satisfies whom."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadParameter, DataError, HeadwaterError, UnknownName
from ._arguments import Encoding, Event, Json, Seed, Time, User, assigned, column, pairs
from ._console import progress, show, spinning

if TYPE_CHECKING:
    from ..types import Dataset, Sessions
    from ..visits import Satisfaction
else:
    Dataset = Satisfaction = Sessions = Any  # the parser looks at annotations

satisfaction_app = typer.Typer(
    no_args_is_help=True, help="Learn from a survey of sessions what satisfies whom, and why."
)

MODELS = ("logistic", "logistic:intents=true", "per_intent", "multilevel")
BOOSTED = "boosted:intents=true"
OF_LOG = ("user", "time", "event", "session")
OF_SURVEY = ("session", "user", "satisfaction", "intents", "time", "text", "shown", "separator")
TARGETS = ("overall", "satisfied", "unsatisfied")


@satisfaction_app.command()
def report(
    events: Annotated[
        str,
        typer.Argument(
            metavar="EVENTS",
            help="The raw log, a row an event: a file, or a folder of its parts "
            "(csv, tsv, jsonl, parquet, arrow).",
        ),
    ],
    survey: Annotated[str, typer.Argument(metavar="SURVEY", help="The answers, a row each.")],
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    png: Annotated[Path | None, typer.Option(help="Folder for the pictures alone.")] = None,
    vocabulary: Annotated[
        str, typer.Option(help="What the events mean: video, music or a YAML file.")
    ] = "video",
    questions: Annotated[
        str, typer.Option(help="What was asked: video, music or a YAML file.")
    ] = "video",
    answers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=COLUMN",
            help="Column of the survey, if the guess is wrong: session, user, satisfaction, "
            "intents (repeatable), time, text or shown; separator=; is what stands between "
            "intents.",
        ),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0, help="Seconds that an answer may be before or after its session."),
    ] = 3600,
    asked: Annotated[
        str | None, typer.Option(help="A table of the sessions that were shown the survey.")
    ] = None,
    weighted: Annotated[
        bool, typer.Option("--weighted", help="Weigh answers by who was asked and kept silent.")
    ] = False,
    gap: Annotated[
        float, typer.Option(min=1, help="Seconds without an event that end a session.")
    ] = 1800,
    target: Annotated[
        str, typer.Option(help="What models foretell: overall (4 or 5), satisfied or unsatisfied.")
    ] = "overall",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="Of `methods` in satisfaction, with settings: boosted:trials=20. Repeatable; "
            "'none' judges none.",
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=2, help="Of people, to judge models on.")] = 10,
    bayes: Annotated[
        bool, typer.Option(help="Draw what goes with satisfaction from posteriors.")
    ] = True,
    draws: Annotated[
        int, typer.Option(min=4, help="Kept of each of four chains, after as many of warm-up.")
    ] = 1000,
    bayes_answers: Annotated[
        int, typer.Option(min=100, help="Most answers that posteriors are of, by lot.")
    ] = 3000,
    user: User = None,
    time: Time = None,
    event: Event = None,
    session: Annotated[
        str | None, typer.Option(help="Column of session ids; 'none' makes sessions by the gap.")
    ] = None,
    same: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Events that are alike in these columns are one; else in all. Repeatable.",
        ),
    ] = None,
    encoding: Encoding = "utf-8",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """From raw EVENTS and the answers of a SURVEY to a page of pictures, each with a sentence."""
    from ..data.sessions import read_sessions
    from ..data.surveys import Survey, join, read_answers
    from ..evaluation import cross_validated
    from ..pages import file_at
    from ..pictures import altair
    from ..survey_report import Posterior, charts, write, write_pngs

    altair("a report")  # this and what follows not after all the work
    file_at(out, "report.html")
    if png is not None and png.exists() and not png.is_dir():
        raise BadParameter(f"--png takes a folder; {png} is a file")
    columns = _columns(answers)
    models, missing = _models(model, target, seed)
    drawn = _built("bayesian", target, n_draws=draws, n_warmup=draws, seed=seed) if bayes else None
    asks = Survey.of(questions)
    with spinning(f"reading {survey}"), _options(OF_SURVEY, "--answers {}="):
        said_ = read_answers(survey, asks, encoding=encoding, **columns)
    with spinning(f"reading {events}"), _options(OF_LOG, "--{} "):
        found = read_sessions(
            events,
            vocabulary,
            gap=gap,
            user=user,
            time=time,
            event=event,
            session=column(session),
            same=same,
            encoding=encoding,
        )
    with _options(("asked",), "--{} "):
        found = join(
            found,
            said_,
            asked=asked,
            tolerance=tolerance,
            weighted=weighted,
            encoding=encoding,
        )
    assert found.sessions is not None
    notes = [*found.notes, *missing]
    if not found.sessions.intents.any():
        for name in [] if model else [each for each in models if each != "logistic"]:
            del models[name]
            notes.append(f"{name} was not judged: no answer says why people came")
        if drawn is not None:
            drawn = None
            notes.append("no posteriors were drawn: no answer says why people came")
    charts(found.sessions, asks.groups)  # complains of too few answers before models are learned
    judged = posterior = None
    if models:
        inner = _inner(found.sessions, folds)
        with progress() as told:
            judged = cross_validated(
                models,
                found,
                folds=folds,
                inner=inner,
                seed=seed,
                progress=lambda name, fold: told(name, fold + 1, folds),
            )
    if drawn is not None:
        some, said = _at_most(found, bayes_answers, seed)
        notes += said
        with spinning("drawing from posteriors"):
            posterior = Posterior.of(drawn.fit(some), some.sessions)
    pictures = charts(found.sessions, asks.groups, posterior=posterior, folds=judged)
    for note in notes:
        typer.secho(note, err=True, dim=True)
    where = write(
        pictures, out, sessions=found.sessions, groups=asks.groups, folds=judged, notes=notes
    )
    files = [] if png is None else write_pngs(pictures, png)
    measured = None if judged is None else judged.table()
    if as_json:
        show(
            {
                "report": str(where),
                "pictures": [str(each) for each in files],
                "says": {name: each.says for name, each in pictures.items()},
                "models": [] if measured is None else measured.to_dicts(),
                "notes": notes,
            },
            True,
        )
        return
    shown = [{"picture": each.title, "says": each.says} for each in pictures.values()]
    show(shown, False, title=f"{events}, {survey}", wrap=True)
    if measured is not None:
        wide = measured.pivot("metric", index="model", values="mean")
        show(wide, False, title=f"{target}, means over {folds} folds of people")
    typer.secho(f"written: {where}{f' and {len(files)} files in {png}' if files else ''}", err=True)


@satisfaction_app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    sessions: Annotated[int, typer.Option(min=1, help="How many.")] = 15_000,
    dirt: Annotated[
        float, typer.Option(min=0, max=1, help="Share of rows that must be left out.")
    ] = 0.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """A raw log of events, and answers to a survey, as realistic sessions would leave them."""
    from ..simulate.logs import events

    with spinning(f"writing {folder}"):
        made = events(sessions, folder, seed, dirt=dirt)
    show(
        {
            "events": str(made.log),
            "survey": str(made.survey),
            "sessions": made.sessions,
            "rows": made.events,
            "asked": made.asked,
            "answers": made.answers,
            **({"dirt": dict(made.dirt)} if made.dirt else {}),
        },
        as_json,
    )
    if not as_json:
        typer.secho(f"next: headwater satisfaction report {made.log} {made.survey}", err=True)


def _columns(answers: Sequence[str] | None) -> dict[str, Any]:
    """The columns of the survey, as `read_answers` takes them."""
    found: dict[str, Any] = {}
    for name, given in pairs(answers):
        if name not in OF_SURVEY:
            raise UnknownName("name for --answers", name, OF_SURVEY)
        if name in found and name != "intents":
            raise BadParameter(f"--answers gives {name} twice")
        if name == "intents" and name in found:
            before = found[name]
            found[name] = [*(before if isinstance(before, list) else [before]), given]
        else:
            found[name] = given if name == "separator" else column(given)
    return found


@contextmanager
def _options(names: Sequence[str], written: str) -> Iterator[None]:
    """Errors that say ``user='its name'`` name the option in place of the parameter."""
    try:
        yield
    except HeadwaterError as error:
        parameter = rf"\b({'|'.join(names)})=(?=')"
        said = re.sub(parameter, lambda found: written.format(found[1]), str(error))
        if said == str(error):
            raise
        raise DataError(said) from None


def _inner(sessions: Sessions, folds: int) -> int:
    """Folds within what a fold learns from; `DataError` where too few people answered."""
    import numpy as np

    from ..visits import people

    n, inner = len(np.unique(people(sessions[sessions.answered]))), min(5, folds)
    if n < folds or n - -(-n // folds) < inner:
        raise DataError(
            f"{n:,} people answered, too few for --folds {folds}: give a smaller number, or "
            "-m none to judge no models"
        )
    return inner


def _models(
    asked: Sequence[str] | None, target: str, seed: int
) -> tuple[dict[str, Satisfaction], list[str]]:
    """The models by what they were called, and what there is to say of them."""
    if target not in TARGETS:
        raise BadParameter(f"--target is one of {', '.join(TARGETS)}; got {target!r}")
    if asked is not None and list(asked) == ["none"]:
        return {}, []
    notes = []
    names = list(asked) if asked else list(MODELS)
    if not asked and find_spec("xgboost"):
        names.append(BOOSTED)
    elif not asked:
        notes.append(f"{BOOSTED} was not judged: pip install 'headwater[boost]'")
    if len(set(names)) < len(names):
        raise BadParameter(f"a model is named twice: {', '.join(names)}")
    made = {}
    for name in names:
        method, _, settings = name.partition(":")
        given = assigned([each for each in settings.split(",") if each])
        made[name] = _built(method, target, **{"seed": seed, **given})
    return made, notes


def _built(name: str, target: str, **settings: Any) -> Any:
    """A method of satisfaction; ``seed`` goes to those that have one."""
    from .. import registry

    address = registry.resolve(name, "satisfaction.")
    have = registry.parameters_of(registry.load_class(address))
    settings = {n: v for n, v in settings.items() if n != "seed" or n in have}
    if "target" in have:
        settings = {"target": target, **settings}
    return registry.build(address, **settings)


def _at_most(data: Dataset, most: int, seed: int) -> tuple[Dataset, list[str]]:
    """``data`` with no more answered sessions than ``most``, by lot."""
    import numpy as np

    assert data.sessions is not None
    at = np.flatnonzero(data.sessions.answered)
    if len(at) <= most:
        return data, []
    some = np.sort(np.random.default_rng(seed).choice(at, most, replace=False))
    note = f"posteriors are of {most:,} of {len(at):,} answers, by lot: --bayes-answers takes more"
    return replace(data, sessions=data.sessions[some]), [note]
