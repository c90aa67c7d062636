"""TF-IDF: a text as how often it says each word, rare words counting more; and LSA, a few topics.

    w_t = f_t (ln((1 + n) / (1 + n_t)) + 1),   x = w / ||w||
    x V / ||x V||   where ``size`` is given: V (T, size) are the first right singular vectors of
                    the rows x of the texts that were learned from

f_t is how often the text has term t (a word of two letters or more, in lower case, or up to
``ngrams`` of them in a row), n_t how many of the n texts learned from have it. A text of which no
term is known is a row of zeros.

Source:  Salton, Buckley, "Term-weighting approaches in automatic text retrieval", Information
         Processing & Management 1988; Deerwester, Dumais, Furnas, Landauer, Harshman, "Indexing by
         Latent Semantic Analysis", JASIS 1990. Computed by scikit-learn (TfidfVectorizer,
         TruncatedSVD).
Checked: word by word, and against a full SVD in numpy, tests/encode/test_tfidf.py
Differs: the idf is scikit-learn's, each count and n one up, and one up itself; V is by a randomised
         method, and the rows behind it are set to length one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np

from ..errors import BadParameter, DataError
from ..extras import needs
from ..model import at_least, learned
from ..types import Dataset, Floats
from ._encoder import TextEncoder

__all__ = ["TfIdf"]


@dataclass(kw_only=True, eq=False)
class TfIdf(TextEncoder):
    """
    >>> texts = ["the red sun", "the red moon", "a cold sea"]
    >>> model = TfIdf(size=None).fit_texts(texts)
    >>> model.terms
    ('cold', 'moon', 'red', 'sea', 'sun', 'the')
    >>> model.encode(["Cold, cold sea!"]).round(3)
    array([[0.894, 0.   , 0.   , 0.447, 0.   , 0.   ]], dtype=float32)
    """

    teach: ClassVar[str] = "fit_texts(texts)"

    batch_size: int = 1024  # how many are computed at once
    size: int | None = 128  # topics, D; None: one column a term, dense
    ngrams: int = 1  # most words in a row that are a term
    min_texts: int = 1  # that a term must be in
    max_terms: int | None = None  # only so many, those said most often; None: all
    stop_words: Literal["english"] | None = None  # words that are no terms
    seed: int = 0

    vocabulary_: str = learned()  # JSON, the T terms in the order of their columns
    idf_: np.ndarray = learned()  # (T,) float64
    components_: np.ndarray = learned()  # (size, T) float32; without rows where size is None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("size", "ngrams", "min_texts", "max_terms"):
            if getattr(self, name) is not None:
                at_least(self, name, getattr(self, name), 1)
        at_least(self, "seed", self.seed, 0)
        if self.stop_words not in ("english", None):
            raise BadParameter(f"TfIdf: stop_words is english or None; got {self.stop_words!r}")

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(json.loads(self.vocabulary_))

    @property
    def dimensions(self) -> int:
        return self.size or len(self.idf_)

    def identity(self) -> dict[str, Any]:
        sha = hashlib.sha256(self.vocabulary_.encode())
        for array in (self.idf_, self.components_):
            sha.update(np.ascontiguousarray(array).data)
        settings = {"size": self.size, "ngrams": self.ngrams, "stop_words": self.stop_words}
        return {**settings, "learned": sha.hexdigest()}

    def fit(self, data: Dataset) -> Self:  # noqa: ARG002
        raise BadParameter("TfIdf learns from texts, not from events: call fit_texts(texts)")

    def fit_texts(self, texts: Iterable[str]) -> Self:
        """Learn the terms, their idf and the topics; forgets whatever was learned before.

        `DataError` if the texts have no term, or fewer terms or texts than ``size``.
        """
        listed = self.listed(texts)
        vectorizer = self._vectorizer()
        try:
            x = vectorizer.fit_transform(listed)
        except ValueError as error:  # scikit-learn's word for no term at all, or none left
            raise DataError(
                f"TfIdf: {len(listed)} texts have no term that is in min_texts={self.min_texts} of "
                f"them ({error})"
            ) from None
        components = np.zeros((0, x.shape[1]), np.float32)
        if self.size is not None:
            if self.size > min(x.shape):
                raise DataError(
                    f"TfIdf: size={self.size} topics out of {x.shape[0]} texts with {x.shape[1]} "
                    "terms; choose at most the smaller of both, or None"
                )
            with needs("encode.tfidf", "labels"):
                from sklearn.decomposition import TruncatedSVD
            components = TruncatedSVD(self.size, random_state=self.seed).fit(x).components_
        self.vocabulary_ = json.dumps(vectorizer.get_feature_names_out().tolist())
        self.idf_ = vectorizer.idf_
        self.components_ = components.astype(np.float32)
        return self

    def vectors(self, batch: Sequence[str]) -> Floats:
        vectorizer = self._vectorizer(self.terms)
        vectorizer.idf_ = self.idf_
        x = vectorizer.transform(batch)
        if self.size is None:
            dense: Floats = x.toarray().astype(np.float32)
            return dense
        topics = x @ self.components_.T.astype(np.float64)
        length = np.linalg.norm(topics, axis=1, keepdims=True)
        unit = np.divide(topics, length, out=np.zeros_like(topics), where=length > 0)
        short: Floats = unit.astype(np.float32)
        return short

    def _vectorizer(self, terms: Sequence[str] | None = None) -> Any:
        with needs("encode.tfidf", "labels"):
            from sklearn.feature_extraction.text import TfidfVectorizer
        return TfidfVectorizer(
            ngram_range=(1, self.ngrams),
            min_df=self.min_texts,
            max_features=self.max_terms,
            stop_words=self.stop_words,
            vocabulary=terms,
        )
