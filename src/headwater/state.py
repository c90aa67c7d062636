"""What a model has learned, as named arrays and plain values, and back.

A learned field may be an array, a sparse matrix, a number, a text, or a torch net that the model's
`build` makes again out of its parameters and its other learned fields. Torch is not imported for
models that have no net.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from .model import Model

__all__ = ["pack", "unpack"]


def pack(model: Model) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays by name, and of each learned field what it is."""
    arrays: dict[str, np.ndarray] = {}
    plain: dict[str, Any] = {}
    for name, value in _learned(model, ""):
        if isinstance(value, csr_array):
            for part in ("data", "indices", "indptr"):
                arrays[f"{name}.{part}"] = np.ascontiguousarray(getattr(value, part))
            plain[name] = {"sparse": [int(side) for side in value.shape]}
        elif isinstance(value, np.ndarray):
            arrays[name] = np.ascontiguousarray(value)
            plain[name] = "array"
        elif isinstance(value, int | float | str | None):
            plain[name] = {"value": value}
        elif hasattr(value, "state_dict"):
            for key, tensor in value.state_dict().items():
                arrays[f"{name}.{key}"] = np.ascontiguousarray(tensor.detach().cpu().numpy())
            plain[name] = {"net": list(value.state_dict())}
        else:
            raise TypeError(f"{name}: a learned {type(value).__name__} cannot be saved")
    return arrays, plain


def unpack(model: Model, arrays: dict[str, np.ndarray], plain: dict[str, Any]) -> None:
    """Give ``model`` what `pack` took from one like it; nets come last, they need the rest."""
    _unpack(model, "", arrays, plain)


def _learned(model: Model, prefix: str) -> Iterator[tuple[str, Any]]:
    for f in fields(model):
        if f.metadata.get("learned"):
            yield prefix + f.name, getattr(model, f.name)
    for i, part in enumerate(model.parts()):
        yield from _learned(part, f"{prefix}{i}/")


def _unpack(
    model: Model, prefix: str, arrays: dict[str, np.ndarray], plain: dict[str, Any]
) -> None:
    nets = {}
    for f in fields(model):
        if not f.metadata.get("learned"):
            continue
        name = prefix + f.name
        how = plain[name]
        if how == "array":
            value: Any = arrays[name]
        elif "sparse" in how:
            parts = tuple(arrays[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
            value = csr_array(parts, shape=tuple(how["sparse"]))
        elif "net" in how:
            nets[f.name] = {key: arrays[f"{name}.{key}"] for key in how["net"]}
            continue
        else:
            value = how["value"]
        setattr(model, f.name, value)
    for i, part in enumerate(model.parts()):  # a net may be made of those of the parts
        _unpack(part, f"{prefix}{i}/", arrays, plain)
    for field, weights in nets.items():
        setattr(model, field, _rebuilt(model, weights))


def _rebuilt(model: Any, weights: dict[str, np.ndarray]) -> Any:
    import torch

    with torch.random.fork_rng(devices=[]):  # nets are made on the cpu
        net = model.build()
    try:
        net.load_state_dict({key: torch.tensor(array) for key, array in weights.items()})
    except RuntimeError as error:
        raise ValueError(f"its weights do not fit its parameters: {error}") from None
    return net.eval()
