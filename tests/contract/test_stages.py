"""Every stage of the registry against every check; a new file is covered at once."""

import warnings

import pytest

from headwater.registry import addresses, build
from headwater.testing import stages as checks

# Parameters for worlds of a dozen items. A stage that is not here is tested with its defaults.
SMALL: dict[str, dict] = {
    "rank.dcn": {"embedding_size": 4, "hidden_sizes": [8], "how": {"n_epochs": 3}},
    "rank.ipw": {"embedding_size": 4, "hidden_sizes": [8], "how": {"n_epochs": 3}},
    "rank.lambdamart": {"n_trees": 5, "size": 4},
    "rerank.cdm": {
        "ranker": {"model": "dcn", "embedding_size": 4, "hidden_sizes": [8]},
        "teacher": {"model": "mmr", "size": 4},
        "how": {"n_epochs": 3},
    },
    "rank.logistic": {"how": {"n_epochs": 3}},
    "rank.norm_aware": {
        "by": "topic",
        "embedding_size": 4,
        "hidden_sizes": [8],
        "how": {"n_epochs": 3},
    },
    "rerank.radio": {"by": "topic"},
}
STAGES = [w for w in addresses() if w.startswith(("rank.", "rerank.", "thumbnail."))]


def names(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", checks.CHECKS, ids=names)
@pytest.mark.parametrize("where", STAGES)
def test_contract(where, check):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(build({"model": where, **SMALL.get(where, {})}))
