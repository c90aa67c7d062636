"""Small YAML files that say what things are called: one that comes along, by name, or a path."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

import yaml

from ..errors import DataError, UnknownName

__all__ = ["called", "listed", "mapping", "only", "presets", "tree"]


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML itself forgets the first."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen = []
        for each, _ in node.value:
            key = self.construct_object(each, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} stands twice", each.start_mark
                )
            seen.append(key)
        return super().construct_mapping(node, deep)


def presets(folder: str, package: str = __package__) -> list[str]:
    """The names of those that come along, in ``folder`` of the ``package``, that of this file."""
    found = files(package).joinpath(folder).iterdir()
    return sorted(each.name.removesuffix(".yaml") for each in found if each.name.endswith(".yaml"))


def tree(
    source: str | PathLike[str] | Mapping[str, Any],
    folder: str,
    what: str,
    package: str = __package__,
) -> tuple[Any, str]:
    """What the file says, and what to call it in messages; ``what`` is the noun for messages.

    >>> tree("video", "vocabularies", "vocabulary")[1]
    'the vocabulary video'
    """
    if isinstance(source, Mapping):
        return source, f"the {what}"
    have = presets(folder, package)
    if str(source) in have:
        text = files(package).joinpath(folder, f"{source}.yaml").read_text(encoding="utf-8")
        return _Loader(text).get_single_data(), f"the {what} {source}"
    path = Path(source).expanduser()
    if not path.is_file():
        raise UnknownName(what, str(source), have, "Or give the path of a YAML file.")
    try:
        return _Loader(path.read_text(encoding="utf-8")).get_single_data(), str(path)
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DataError(f"{path}, line {line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise DataError(f"{path}: not YAML: {error}") from None


def mapping(found: Any, where: str) -> Mapping[str, Any]:
    """``found``, if it is a mapping whose keys are text, or `DataError`."""
    if not isinstance(found, Mapping):
        raise DataError(f"{where} is not a mapping (key: value): {found!r}")
    for key in found:
        called(key, where)
    return found


def only(found: Mapping[str, Any], keys: Iterable[str], where: str) -> None:
    """`UnknownName` if there is any other key than ``keys``."""
    have = list(keys)
    for key in found:
        if key not in have:
            raise UnknownName("key", key, have, f"It is in {where}.")


def called(found: Any, where: str) -> str:
    """``found``, if it is text that is not empty, or `DataError`."""
    if not isinstance(found, str) or not found.strip():
        raise DataError(
            f"{where} has {found!r} where a name must be: put names that YAML takes for something "
            "else (yes, no, on, 12) in quotes"
        )
    return found


def listed(found: Any, where: str) -> tuple[str, ...]:
    """One name or a list of names, at least one."""
    if isinstance(found, list) and not found:
        raise DataError(f"{where} is an empty list: it takes at least one name")
    return tuple(called(each, where) for each in (found if isinstance(found, list) else [found]))
