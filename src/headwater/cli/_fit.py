"""``headwater fit``, and what a model is asked: ``recommend``, ``similar``, ``thumbnail``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadParameter
from ._arguments import (
    Json,
    K,
    Method,
    Read,
    Seed,
    Set,
    SplitBy,
    Stopping,
    assigned,
    listed,
    pairs,
    parsed_split,
    parsed_stopping,
    reads_data,
    seeded,
)
from ._console import progress, show, write_table

__all__ = ["fit", "recommend", "similar", "thumbnail"]


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


def similar(
    model: Annotated[Path, typer.Argument(help="A folder that `fit` saved.")],
    item: Annotated[list[str], typer.Option("--item", "-i", help="Repeatable.")],
    k: K = 10,
    as_json: Json = False,
) -> None:
    """The items most like an item."""
    from .. import facade

    show(facade.similar_items(facade.load(model), item, k=k), as_json, title=f"{model}")
