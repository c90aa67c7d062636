"""What methods that look at one text at a time share: the checks, and what results depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

from ..errors import BadParameter, DataError
from ..model import Model
from ..types import Dataset

__all__ = ["Annotator", "one_of"]


@dataclass(kw_only=True, eq=False)
class Annotator(Model):
    """Texts in, plain values out; a method gives `found`."""

    edition: ClassVar[int] = 1  # one more each time that the file finds something else
    without: ClassVar[tuple[str, ...]] = ()  # fields that what is found does not depend on

    def fit(self, data: Dataset) -> Self:  # noqa: ARG002
        """Nothing: it has learned before, or goes by rules."""
        return self

    def identity(self) -> dict[str, Any]:
        """Plain values: all that the results depend on, besides the text."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in self.without}
        return {"method": self.address, "edition": self.edition, **own}

    def annotate(self, texts: Sequence[str]) -> list[Any]:
        """Of each of ``texts`` what is found in it, as values that JSON knows.

        A text alone, or something that is none, is a `DataError`.
        """
        if isinstance(texts, str):
            raise DataError(f"{type(self).__name__} takes a list of texts, and got a single one")
        listed = list(texts)
        for i, text in enumerate(listed):
            if not isinstance(text, str):
                raise DataError(
                    f"{type(self).__name__}: number {i} is a {type(text).__name__}, not text"
                )
        return self.found(listed)

    def found(self, texts: list[str]) -> list[Any]:
        raise NotImplementedError


def one_of(model: object, name: str, value: object, have: Sequence[object]) -> None:
    """Raise `BadParameter` unless ``value`` is one of ``have``."""
    if value not in have:
        said = ", ".join(str(each) for each in have)
        raise BadParameter(f"{type(model).__name__}: {name} is one of {said}; got {value!r}")
