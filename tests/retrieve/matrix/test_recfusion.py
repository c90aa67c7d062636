import numpy as np
import pytest
from recfusion_in_numpy import SCHEDULES, again, forward, loss_of, made, noised, world

from headwater.data.toy import blocks, checkers
from headwater.errors import BadParameter
from headwater.registry import build


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_loss(schedule, steps, depth):
    model = made(depth=depth, noise_steps=steps, schedule=schedule)
    rows, x = world()
    z = noised(x, model.betas(), 7)
    h = [np.tanh(forward(model.net_, each, depth)) for each in z]
    expected = (((x - h[0]) ** 2).sum(1) / 2 + again(z, h, model.betas())).mean()
    np.testing.assert_allclose(loss_of(model, rows, 7), expected, rtol=1e-5)


def test_loss_without_noise_at_first():
    """c is 0 / 0 there as printed; what it comes to is 1."""
    model = made(first_beta=0.0)
    rows, x = world()
    z = noised(x, model.betas(), 7)
    h = [np.tanh(forward(model.net_, each, 2)) for each in z]
    expected = (((x - h[0]) ** 2).sum(1) / 2 + again(z, h, model.betas())).mean()
    np.testing.assert_allclose(loss_of(model, rows, 7), expected, rtol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_number_of_weights(depth):
    """Table 2.6 of the thesis, with the comma where it belongs: 1,410,218."""
    model = build("recfusion", depth=depth)
    model.n_items_ = 3416
    assert sum(p.numel() for p in model.build().parameters()) == 1_410_218


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_scores_are_one_pass_over_the_history(depth):
    data = blocks()
    model = build("recfusion", depth=depth, hidden_size=8, how={"n_epochs": 2}).fit(data)
    asked = data.queries([4, 9])
    x = data.log.matrix().toarray()[[4, 9]].astype(np.float64)
    expected = np.tanh(forward(model.net_, x, depth))
    np.testing.assert_allclose(model.scores(asked), expected, rtol=1e-4, atol=1e-6)


def test_learns_at_another_schedule():
    data, asked = checkers(12)
    how = {"n_epochs": 200, "learning_rate": 0.01}
    model = build("recfusion", hidden_size=4, noise_steps=4, schedule="cosine", how=how)
    best = model.fit(data).recommend(asked, 1)
    np.testing.assert_array_equal(best.items.ravel(), np.arange(12))


@pytest.mark.parametrize("wrong", [{"depth": -1}, {"noise_steps": 0}, {"last_beta": 1.5}])
def test_wrong_parameters(wrong):
    with pytest.raises(BadParameter):
        build("recfusion", **wrong)
