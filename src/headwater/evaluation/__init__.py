"""Ask, compare with what happened, and say how sure the answer is.

    >>> from headwater.data.split import split
    >>> from headwater.data.toy import blocks
    >>> from headwater.registry import build
    >>> found = compare(
    ...     {"ease": build("ease", l2=50), "random": build("random")},
    ...     [split(blocks(), "random_per_user", seed=seed) for seed in range(2)],
    ...     ["NDCG@10", "CatalogCoverage@10"],
    ... )
    >>> found.table()["metric"].to_list()
    ['NDCG@10', 'CatalogCoverage@10', 'NDCG@10', 'CatalogCoverage@10']
    >>> found.tests().select("model_a", "model_b", "metric", "users").row(0)
    ('ease', 'random', 'NDCG@10', 120)

Every item is ranked, always; only `Sampled` asks for less, and says so in every label.
"""

from ._asking import Sampled, judge, measure, ordered
from ._calibration import calibration
from ._cuped import Adjusted, cuped
from ._fitting import Best, EarlyStopping, fit, fit_best
from ._folds import Folds, cross_validated
from ._multilabel import multilabel
from ._off_policy import Decisions, Value, cross_fitted, decisions, off_policy
from ._results import Comparison, Evaluation, Run
from ._running import DEFAULT, compare, evaluate
from ._sample_ratio import sample_ratio
from ._sequential import AT_LEAST, Difference, Looks, boundary, looks, quantile_interval
from ._statistics import holm, interval

__all__ = [
    "AT_LEAST",
    "DEFAULT",
    "Adjusted",
    "Best",
    "Comparison",
    "Decisions",
    "Difference",
    "EarlyStopping",
    "Evaluation",
    "Folds",
    "Looks",
    "Run",
    "Sampled",
    "Value",
    "boundary",
    "calibration",
    "compare",
    "cross_fitted",
    "cross_validated",
    "cuped",
    "decisions",
    "evaluate",
    "fit",
    "fit_best",
    "holm",
    "interval",
    "judge",
    "looks",
    "measure",
    "multilabel",
    "off_policy",
    "ordered",
    "quantile_interval",
    "sample_ratio",
]
