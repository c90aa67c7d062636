"""Every model of satisfaction against every check; a new file is covered at once."""

import pytest

from headwater.registry import addresses, build
from headwater.testing import satisfaction as checks

QUICK = {"n_chains": 2, "n_draws": 100, "n_warmup": 100}
# What a test takes to be quick, or to be made at all. What is not here is tested with its defaults.
SMALL: dict[str, dict] = {
    "satisfaction.bayesian": QUICK,
    "satisfaction.hierarchical": QUICK,
    "satisfaction.calibrated": {"base": "satisfaction.logistic"},
    "satisfaction.marginal": {
        "base": {"model": "satisfaction.logistic", "intents": True},
        "intent": {"model": "intent.behaviour", "how": {"n_epochs": 3}},
    },
}
MODELS = addresses("satisfaction.")


def names(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", checks.CHECKS, ids=names)
@pytest.mark.parametrize("where", MODELS)
def test_contract(where, check):
    check(build({"model": where, **SMALL.get(where, {})}))


@pytest.mark.parametrize("check", checks.CHECKS, ids=names)
def test_with_intents(check):
    check(build("satisfaction.logistic", intents=True))
