"""Any text model of the package sentence-transformers, by its name on a hub or its folder.

    x = pool(transformer(text)),   then x / ||x|| if ``normalize``

What the transformer and the pooling are is the model's; how many word pieces it reads as well.

Source:  Reimers, Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP
         2019. arXiv:1908.10084; computed by the package sentence-transformers
Checked: from the folder of one model, against encode.minilm, which computes the same model without
         the package, tests/encode/test_sentence_transformers.py; no model was fetched from a hub
Differs: in nothing. Of a model that carries code of its own, that code is not run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ..errors import BadParameter
from ..extras import needs, version_of
from ..frozen import device_of, digest, quiet
from ..types import Floats
from ._encoder import TextEncoder

__all__ = ["SentenceTransformers"]

WHO = "encode.sentence_transformers"


@dataclass(kw_only=True, eq=False)
class SentenceTransformers(TextEncoder):
    name: str  # "sentence-transformers/all-mpnet-base-v2", or a folder
    revision: str | None = None  # branch, tag or commit; None is the newest
    normalize: bool = True  # whether vectors are of length one
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"

    @property
    def dimensions(self) -> int:
        size: int = self._loaded()[1]
        return size

    def identity(self) -> dict[str, Any]:
        net, _ = self._loaded()
        pieces = getattr(net.tokenizer, "backend_tokenizer", net.tokenizer)
        pieces = pieces.to_str() if hasattr(pieces, "to_str") else repr(type(pieces))
        return {
            "net": repr(net),
            "weights": digest(net),
            "tokenizer": hashlib.sha256(pieces.encode()).hexdigest(),
            "most_pieces": net.max_seq_length,
            "prompts": dict(net.prompts),
            "prompt": net.default_prompt_name,
            "package": version_of(WHO, "sentence-transformers", "sentence"),
            "normalize": self.normalize,
        }

    def vectors(self, batch: Sequence[str]) -> Floats:
        found: Floats = self._loaded()[0].encode(
            list(batch),
            batch_size=len(batch),
            show_progress_bar=False,
            normalize_embeddings=self.normalize,
        )
        return found.astype(np.float32)

    def _loaded(self) -> tuple[Any, int]:
        who = type(self).__name__
        return _load(self.name, self.revision, device_of(who, self.device))


@lru_cache(maxsize=2)
def _load(name: str, revision: str | None, device: str) -> tuple[Any, int]:
    """The net, and D."""
    with needs(WHO, "sentence"):
        from sentence_transformers import SentenceTransformer
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            net = SentenceTransformer(name, revision=revision, device=device).eval()
    except (OSError, ValueError) as error:
        raise BadParameter(
            f"SentenceTransformers: no model {name!r}, neither a folder here nor on the hub as it "
            f"can be reached: {error}"
        ) from None
    return net, len(net.encode("", show_progress_bar=False))
