"""Sentiment: how good or bad the tone of a text is, from -1 to 1.

    lexicon   the mean of the polarities of its words, turned by negations and grown by intensifiers
    a model   sum_c p(c | text) value(c),    values by the names of its classes: negative -1,
              neutral 0, positive 1; of n stars the s-th 2 (s - 1) / (n - 1) - 1

Without a model it is the lexicon of the package TextBlob, which is English. With one it is any
sequence classifier of the Hugging Face hub, or a folder that holds one, in whatever language it has
learned; a text is cut where the model stops reading.

Source:  De Smedt, Daelemans, "Pattern for Python", JMLR 2012, whose lexicon TextBlob has; models by
         the package transformers
Checked: sentences of words with known polarities, and a small classifier computed by hand,
         tests/enrich/test_sentiment.py; no model was fetched from a hub
Differs: a text without a word, or by the lexicon one in other letters than Latin, has no sentiment
         (NaN), where the package says 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

from ..errors import BadParameter
from ..extras import needs, version_of
from ..model import at_least
from ._annotator import Annotator
from ._text import latin, words

__all__ = ["Sentiment"]

WHO = "enrich.sentiment"
VALUES = {
    "negative": -1.0,
    "neg": -1.0,
    "neutral": 0.0,
    "neu": 0.0,
    "mixed": 0.0,
    "positive": 1.0,
    "pos": 1.0,
}
STARS = re.compile(r"(\d+) ?stars?")


@dataclass(kw_only=True, eq=False)
class Sentiment(Annotator):
    edition: ClassVar[int] = 2
    without: ClassVar[tuple[str, ...]] = ("batch_size", "device")

    language: str = "en"  # of the texts; the lexicon knows "en" alone
    model: str | None = None  # a classifier's name on the hub, or its folder; None: the lexicon
    revision: str | None = None  # branch, tag or commit of the model; None is the newest
    values: dict[str, float] = field(default_factory=dict)  # of classes with names of their own
    batch_size: int = 32  # how many texts the model reads at once
    device: str = "cpu"  # "cpu", "cuda", "mps" or "auto"

    def __post_init__(self) -> None:
        at_least(self, "batch_size", self.batch_size, 1)
        if self.model is None and self.language != "en":
            raise BadParameter(
                f"Sentiment: the lexicon is English, and the language is {self.language!r}; name a "
                "model that has learned it: model='...'"
            )
        for name, value in self.values.items():
            if not -1 <= value <= 1:
                raise BadParameter(f"Sentiment: values[{name!r}] is from -1 to 1; got {value!r}")

    def identity(self) -> dict[str, Any]:
        if self.model is None:
            return {**super().identity(), "package": version_of(WHO, "textblob", "news")}
        from ..frozen import digest

        net = self._loaded()[1]
        return {
            **super().identity(),
            "package": version_of(WHO, "transformers", "text"),
            "weights": digest(net),
        }

    def found(self, texts: list[str]) -> list[float]:
        """Of each from -1 to 1, NaN where there is no word, or none that the lexicon might know."""
        readable = latin if self.model is None else bool
        asked = [i for i, text in enumerate(texts) if words(text) and readable(text)]
        some = [texts[i] for i in asked]
        values = self._by_lexicon(some) if self.model is None else self._by_model(some)
        out = [float("nan")] * len(texts)
        for i, value in zip(asked, values, strict=True):
            out[i] = min(1.0, max(-1.0, value))
        return out

    def _by_lexicon(self, texts: list[str]) -> list[float]:
        with needs(WHO, "news"):
            from textblob.en import sentiment
        return [float(sentiment(text)[0]) for text in texts]

    def _by_model(self, texts: list[str]) -> list[float]:
        import torch

        tokenizer, net, most = self._loaded()
        worth = torch.tensor(self._worth(net.config.id2label), dtype=torch.float64)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))  # alike lengths together
        out = [0.0] * len(texts)
        for at in range(0, len(order), self.batch_size):
            batch = order[at : at + self.batch_size]
            asked = tokenizer(
                [texts[i] for i in batch],
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=most,
            )
            with torch.inference_mode():
                logits = net(**asked.to(net.device)).logits
            chances = logits.cpu().double().softmax(1)
            for i, value in zip(batch, (chances @ worth).tolist(), strict=True):
                out[i] = value
        return out

    def _worth(self, labels: Mapping[int, str]) -> list[float]:
        """The value of each class, by what the model calls it."""
        names = [labels[i] for i in range(len(labels))]
        if all(name in self.values for name in names):
            return [self.values[name] for name in names]
        plain = [name.strip().lower() for name in names]
        if set(plain) <= set(VALUES):
            return [VALUES[name] for name in plain]
        stars = [STARS.fullmatch(name) for name in plain]
        if len(stars) > 1 and all(stars):
            counted = [int(found[1]) for found in stars if found]
            low, high = min(counted), max(counted)
            return [2 * (n - low) / (high - low) - 1 for n in counted]
        raise BadParameter(
            f"Sentiment: the classes of {self.model} are {', '.join(map(repr, names))}, which are "
            "neither negative, neutral and positive nor stars: say what each is worth, such as "
            f"values={dict.fromkeys(names, 0.0)!r}"
        )

    def _loaded(self) -> tuple[Any, Any, int]:
        with needs(WHO, "text"):
            from ..frozen import device_of
        assert self.model is not None
        return _load(self.model, self.revision, device_of("Sentiment", self.device))


@lru_cache(maxsize=2)
def _load(name: str, revision: str | None, device: str) -> tuple[Any, Any, int]:
    """Tokenizer, net, and how many word pieces it reads."""
    with needs(WHO, "text"):
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        from ..frozen import quiet
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
            net = AutoModelForSequenceClassification.from_pretrained(
                name, revision=revision, use_safetensors=True
            )
    except (OSError, ValueError) as error:
        raise BadParameter(
            f"Sentiment: no classifier {name!r}, neither a folder here nor on the hub as it can be "
            f"reached, with weights in safetensors: {error}"
        ) from None
    most = int(min(tokenizer.model_max_length, _places(net.config)))
    return tokenizer, net.eval().to(device), most


def _places(config: Any) -> int:
    """How many word pieces the net has places for; those like RoBERTa count from the padding on."""
    places = int(getattr(config, "max_position_embeddings", None) or 0)
    if places <= 0:
        return 1 << 20
    pad = int(getattr(config, "pad_token_id", None) or 0)
    after_pad = getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert")
    return places - pad - 1 if after_pad else places
