"""Where a net computes, what tells one net from another, and how one is loaded in silence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from .errors import BadParameter

__all__ = ["device_of", "digest", "quiet"]


def device_of(who: str, device: str) -> str:
    """``device``, or what "auto" stands for; `BadParameter` if torch does not see it here."""
    have = [
        *(["cuda"] if torch.cuda.is_available() else []),
        *(["mps"] if torch.backends.mps.is_available() else []),
        "cpu",
    ]
    if device == "auto":
        return have[0]
    if device.split(":")[0] not in have:
        raise BadParameter(
            f"{who}: device {device!r} is not here; torch sees {', '.join(have)}. "
            "'auto' takes the first"
        )
    return device


def digest(net: nn.Module) -> str:
    """The same for two nets only if their weights are."""
    sha = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return sha.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Without the bar that transformers shows for the tenth of a second of its loading."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
