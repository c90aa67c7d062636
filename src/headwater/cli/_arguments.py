"""What commands are given: the options that they share, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadParameter, UnknownName
from ._console import spinning

if TYPE_CHECKING:
    from ..types import Dataset
else:
    Dataset = Any  # the parser looks at annotations, and must not import the rest to do so

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A table of events (csv, tsv, jsonl, parquet, arrow), a folder that `data import` "
        "made, or the name of a public source (`data list`).",
    ),
]
Method = Annotated[
    str, typer.Argument(metavar="METHOD", help="A name from `methods`, or a flow file (.yaml).")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter: l2=300, first.k=50."),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is left to chance.")]
K = Annotated[int, typer.Option("--k", "-k", min=1, help="Items a list.")]
SplitBy = Annotated[
    str | None,
    typer.Option(
        metavar="PROTOCOL",
        help="temporal, random_per_user, strong_generalization, leave_one_out, last_n, user_folds, "
        "cold_items; with settings: last_n:n=3. Default: temporal where events have times.",
    ),
]
Splits = Annotated[int, typer.Option(min=1, help="How many splits, seeds seed, seed+1, ...")]
Stopping = Annotated[
    str | None,
    typer.Option(
        "--early-stopping",
        metavar="METRIC",
        help="Keep the best epoch by this metric on validation data: NDCG@100; patience: "
        "NDCG@100:patience=20.",
    ),
]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", "-m", help="NDCG@10, recall@20, auc; repeatable.")
]
User = Annotated[str | None, typer.Option(help="Column of user ids, if the guess is wrong.")]
Item = Annotated[str | None, typer.Option(help="Column of item ids.")]
Rating = Annotated[str | None, typer.Option(help="Column of ratings; 'none' if there is none.")]
Time = Annotated[str | None, typer.Option(help="Column of times; 'none' if there is none.")]
Event = Annotated[str | None, typer.Option(help="Column of event types; 'none' if none.")]
Items = Annotated[str | None, typer.Option(help="Table of items: titles, genres, text.")]
Users = Annotated[str | None, typer.Option(help="Table of users.")]
Like = Annotated[float | None, typer.Option(help="Keep ratings of at least this, as likes.")]
Duplicates = Annotated[str, typer.Option(help="last, first, max, sum, keep or error.")]
MinItems = Annotated[int, typer.Option("--min-items-per-user", min=0, help="Drop users below.")]
MinUsers = Annotated[int, typer.Option("--min-users-per-item", min=0, help="Drop items below.")]
Stable = Annotated[bool, typer.Option("--until-stable", help="Repeat both filters (k-core).")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first bad row.")]
Rejects = Annotated[str | None, typer.Option(help="File for the rows left out, with reasons.")]
Read = Callable[[], Dataset]  # what `reads_data` gives a command
Encoding = Annotated[str, typer.Option(help="Encoding of text files.")]


def open_data(
    data: Data,
    *,
    user: User = None,
    item: Item = None,
    rating: Rating = None,
    time: Time = None,
    event: Event = None,
    items: Items = None,
    users: Users = None,
    like: Like = None,
    duplicates: Duplicates = "last",
    min_items_per_user: MinItems = 0,
    min_users_per_item: MinUsers = 0,
    until_stable: Stable = False,
    strict: Strict = False,
    rejects: Rejects = None,
    encoding: Encoding = "utf-8",
) -> Dataset:
    """The dataset that a file, an imported folder, one of MIND or a source's name stands for."""
    from ..data import frame, sources
    from ..data.mind import is_mind, read_mind
    from ..data.store import load_data

    filters: dict[str, Any] = {
        "like": like,
        "duplicates": duplicates,
        "min_items_per_user": min_items_per_user,
        "min_users_per_item": min_users_per_item,
        "until_stable": until_stable,
        "strict": strict,
    }
    where, path = data, Path(data)
    if path.is_dir() and (path / "events.safetensors").exists():
        if like is not None or min_items_per_user or min_users_per_item:
            raise BadParameter(f"{where} is imported already: filter when importing it")
        found = load_data(path)
    elif is_mind(path):
        given = [like, min_items_per_user or None, min_users_per_item or None, users]
        if any(each is not None for each in given):
            raise BadParameter(
                f"{where} has the files of MIND, which are read whole: without --like, --users, "
                "--min-items-per-user and --min-users-per-item"
            )
        with spinning(f"reading {where}"):
            found = read_mind(path, items=items)
    elif path.exists():
        with spinning(f"reading {where}"):
            found = frame.read(
                path,
                user=user,
                item=item,
                items=items,
                users=users,
                rejects=rejects,
                encoding=encoding,
                rating=column(rating),
                time=column(time),
                event=column(event),
                **filters,
            )
    elif where in sources.names():
        with spinning(f"reading {where}"):
            found = sources.load(where, **filters)
    else:
        raise UnknownName("file or source", where, sources.names())
    for note in found.notes:
        typer.secho(note, err=True, dim=True)
    return found


def column(name: str | None) -> Any:
    """A column's name, False for ``none``, None for a guess."""
    return False if name == "none" else name


def reads_data(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that takes a `Dataset` the argument DATA and every option of `open_data`.

    The data is read after the command's own arguments were looked at by the parser.
    """
    reading = signature(open_data, eval_str=True).parameters
    own = signature(command, eval_str=True).parameters

    def run(**given: Any) -> None:
        options = {name: given.pop(name) for name in reading}
        command(data=lambda: open_data(**options), **given)

    first = [each for each in own.values() if each.default is each.empty and each.name != "data"]
    rest = [each for each in own.values() if each.default is not each.empty]
    chosen = [reading["data"], *first, *rest, *list(reading.values())[1:]]
    keyword = [each.replace(kind=each.KEYWORD_ONLY) for each in chosen]
    run.__signature__ = Signature(keyword)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in keyword}
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def pairs(settings: Sequence[str] | None) -> Iterator[tuple[str, str]]:
    for each in settings or ():
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise BadParameter(f"a setting is written name=value, got {each!r}")
        yield name, value


def listed(text: str, option: str) -> list[str]:
    """``1, 2,3`` as a list."""
    ids = [each.strip() for each in text.split(",")]
    if not all(ids):
        raise BadParameter(f"{option} is a list, such as 1,2,3; got {text!r}")
    return ids


def assigned(settings: Sequence[str] | None) -> dict[str, Any]:
    """``["l2=3", "by=rank"]`` as parameters: JSON where it is JSON, text where it is not."""
    found: dict[str, Any] = {}
    for name, value in pairs(settings):
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def method_called(text: str) -> Any:
    """``ease``, ``flow.yaml`` or, with settings, ``ease:l2=100,...``."""
    from .. import facade

    name, _, settings = text.partition(":")
    return facade.method(name, **assigned([each for each in settings.split(",") if each]))


def parsed_split(text: str | None) -> Any:
    """``last_n:n=3,seed=1`` as the tree that `data.split.protocol` takes."""
    if text is None:
        return None
    name, _, settings = text.partition(":")
    return {"protocol": name, **assigned([s for s in settings.split(",") if s])}


def parsed_stopping(text: str | None) -> Any:
    """``NDCG@100:patience=20`` as the rule."""
    if text is None:
        return None
    from ..evaluation import EarlyStopping

    name, _, settings = text.partition(":")
    given = assigned([each for each in settings.split(",") if each])
    have = [f.name for f in fields(EarlyStopping) if f.name != "metric"]
    for each in given:
        if each not in have:
            raise UnknownName("setting of early stopping", each, have)
    return EarlyStopping(metric=name, **given)


def seeded(model: Any, seed: int) -> Any:
    """``model`` with ``seed`` wherever it, or a part of it, has a seed left at its default."""
    from ..registry import build, describe

    def walk(tree: Any) -> Any:
        if isinstance(tree, list):
            return [walk(each) for each in tree]
        if isinstance(tree, dict):
            return {n: seed if n == "seed" and v == 0 else walk(v) for n, v in tree.items()}
        return tree

    return build(walk(describe(model))) if seed else model
