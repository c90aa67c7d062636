"""Arrays of a safetensors file that stay in it: read when they are looked at, never written to, and
in memory once for all processes that have them."""

from __future__ import annotations

import json
import mmap
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

__all__ = ["arrays_in"]

TYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
}
LENGTH = 8  # bytes: of the header, at the beginning


def arrays_in(path: Path, *, mapped: bool) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of the file at ``path`` and what else it says, its metadata.

    ``mapped`` leaves them in the file, which must be replaced, never changed, while they are in
    use; else they are copies. `SafetensorError` if it is not whole.
    """
    with safe_open(path, framework="numpy") as file:  # which checks the header
        said = file.metadata() or {}
        if not mapped:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, said
    with path.open("rb") as raw:
        whole = mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)
    size = int.from_bytes(whole[:LENGTH], "little")
    header = json.loads(whole[LENGTH : LENGTH + size])
    found = {}
    for name, about in header.items():
        if name == "__metadata__":
            continue
        if about["dtype"] not in TYPES:
            raise SafetensorError(f"{name} is of type {about['dtype']}, which numpy does not have")
        begin = LENGTH + size + about["data_offsets"][0]
        kind = np.dtype(TYPES[about["dtype"]]).newbyteorder("<")
        found[name] = np.ndarray(about["shape"], kind, whole, begin)
    return found, said
