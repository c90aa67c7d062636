"""Every recommender of the registry against every check; a new file is covered at once."""

import warnings
from dataclasses import fields

import pytest

from headwater.model import Recommender, Scorer
from headwater.registry import addresses, build, load_class
from headwater.testing import recommenders as checks

# Parameters for worlds of a dozen items. A method that is not here is tested with its defaults.
SMALL = {
    "flow": {"retrieve": {"model": "ease", "l2": 1.0}},
    "retrieve.available": {"first": {"model": "ease", "l2": 1.0}},
    "retrieve.blend": {
        "recommenders": [{"model": "ease", "l2": 1.0}, {"model": "itemknn", "k": 20}],
    },
    "retrieve.fallback": {"first": {"model": "ease", "l2": 1.0}, "then": "popularity"},
    "retrieve.matrix.ease": {"l2": 1.0},
    "retrieve.matrix.multvae": {
        "hidden_size": 24,
        "embedding_size": 12,
        "how": {"n_epochs": 120, "learning_rate": 0.01},
    },
    "retrieve.matrix.multdae": {
        "hidden_size": 24,
        "embedding_size": 12,
        "how": {"n_epochs": 120, "learning_rate": 0.01},
    },
    "retrieve.matrix.codigem": {
        "hidden_size": 8,
        "depth": 1,
        "how": {"n_epochs": 100, "learning_rate": 0.02},
    },
    "retrieve.matrix.recfusion_unet1d": {
        "width": 2,
        "how": {"n_epochs": 25, "learning_rate": 0.03},
    },
    "retrieve.matrix.recfusion_unet2d": {
        "width": 2,
        "how": {"n_epochs": 25, "learning_rate": 0.03},
    },
    "retrieve.matrix.recvae": {
        "hidden_size": 24,
        "embedding_size": 12,
        "how": {"n_epochs": 60, "learning_rate": 0.01},
    },
    "retrieve.matrix.recfusion": {
        "hidden_size": 4,
        "how": {"n_epochs": 100, "learning_rate": 0.01},
    },
    "retrieve.matrix.recfusion_t": {
        "hidden_size": 4,
        "how": {"n_epochs": 100, "learning_rate": 0.01},
    },
    "retrieve.matrix.recfusion_var": {
        "hidden_size": 4,
        "how": {"n_epochs": 100, "learning_rate": 0.01},
    },
    "retrieve.matrix.recfusion_bin": {
        "hidden_size": 4,
        "how": {"n_epochs": 100, "learning_rate": 0.01},
    },
    "retrieve.matrix.recfusion_guided": {
        "hidden_size": 16,
        "how": {"n_epochs": 60, "learning_rate": 0.01},
    },
    "retrieve.matrix.slim": {"tolerance": 1e-10},  # relabelled, it stops elsewhere within it
}
SMALL |= {
    f"retrieve.content.{name}": {
        "min_count": 1,  # a title of the toy worlds has one word of its own
        "word_size": 8,
        "query_size": 8,
        "history": 6,
        "how": {"n_epochs": 20, "batch_size": 1024, "learning_rate": 0.05},
        **own,
    }
    for name, own in {
        "nrms": {"heads": 2, "head_size": 4},
        "naml": {"filters": 12, "kind_size": 8},
        "lstur": {"filters": 12, "kind_size": 8},
        "npa": {
            "filters": 12,
            "user_size": 4,
            "unknown": 0.5,
            "how": {"n_epochs": 20, "batch_size": 1024, "learning_rate": 0.03},
        },
    }.items()
}
NO_TASTE = {
    "retrieve.matrix.random": "does not look at who chose what",
    "retrieve.matrix.popularity": "gives everybody the same",
    "retrieve.matrix.mf": "learns from how much people liked things, and here all liked alike",
}
CHANCE = {
    "retrieve.matrix.random": "is chance",
    "retrieve.matrix.wrmf": "starts from random vectors, item by item",
    "retrieve.matrix.bpr": "starts from random vectors, item by item",
    "retrieve.matrix.multvae": "starts from random weights, item by item",
    "retrieve.matrix.multdae": "starts from random weights, item by item",
    "retrieve.matrix.codigem": "starts from random weights, item by item",
    "retrieve.matrix.recfusion_unet1d": "looks at which items have neighbouring numbers",
    "retrieve.matrix.recfusion_unet2d": "looks at which items have neighbouring numbers",
    "retrieve.matrix.recvae": "starts from random weights, item by item",
    "retrieve.matrix.recfusion": "starts from random weights, item by item",
    "retrieve.matrix.recfusion_t": "starts from random weights, item by item",
    "retrieve.matrix.recfusion_var": "starts from random weights, item by item",
    "retrieve.matrix.recfusion_bin": "starts from random weights, item by item",
    "retrieve.matrix.recfusion_guided": "starts from random weights, item by item",
    "retrieve.matrix.mf": "starts from random vectors, item by item",
    "retrieve.content.nrms": "draws what was not clicked by the items' numbers",
    "retrieve.content.naml": "draws what was not clicked by the items' numbers",
    "retrieve.content.lstur": "draws what was not clicked by the items' numbers",
    "retrieve.content.npa": "draws what was not clicked by the items' numbers",
}
RECOMMENDERS = [w for w in addresses() if w == "flow" or w.startswith("retrieve.")]


def made(where):
    return build({"model": where, **SMALL.get(where, {})})


def names(check):
    return check.__name__.removeprefix("check_")


@pytest.mark.parametrize("check", checks.CHECKS, ids=names)
@pytest.mark.parametrize("where", RECOMMENDERS)
def test_contract(where, check):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check(made(where))


@pytest.mark.parametrize("where", [w for w in RECOMMENDERS if w not in NO_TASTE])
def test_learns(where):
    checks.check_learns_checkers(made(where))


@pytest.mark.parametrize("where", [w for w in RECOMMENDERS if w not in CHANCE])
def test_relabelling(where):
    if issubclass(load_class(where), Scorer):
        checks.check_relabelling(made(where))


def test_exceptions_exist():
    assert set(SMALL) | set(NO_TASTE) | set(CHANCE) <= set(RECOMMENDERS)


@pytest.mark.parametrize("where", RECOMMENDERS)
def test_every_field_is_typed_and_has_no_hidden_state(where):
    kind = load_class(where)
    assert isinstance(made(where), Recommender)
    for f in fields(kind):
        assert f.name.endswith("_") == bool(f.metadata.get("learned")), f.name
