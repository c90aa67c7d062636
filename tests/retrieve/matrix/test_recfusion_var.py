import numpy as np
import pytest
from recfusion_in_numpy import SCHEDULES, forward, loss_of, made, noised, world

from headwater.data.toy import blocks, checkers
from headwater.registry import build


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_loss(schedule, steps):
    """From the densities; what they have that the loss does not is N T log(2 pi) / 2."""
    model = made("recfusion_var", noise_steps=steps, schedule=schedule, depth=steps - 1)
    rows, x = world()
    expected = 0
    for t, z in enumerate(noised(x, model.betas(), 7)):
        mean, log_variance = np.split(forward(model.net_, z, steps - 1), 2, axis=1)
        if t == 0:
            expected += ((x - mean) ** 2).sum(1) / 2
        variance = np.exp(log_variance)
        density = np.exp(-((z - mean) ** 2) / 2 / variance) / np.sqrt(2 * np.pi * variance)
        expected -= np.log(density).sum(1)
    constant = 10 * steps * np.log(2 * np.pi) / 2
    found = loss_of(model, rows, 7)
    np.testing.assert_allclose(found + constant, expected.mean(), rtol=1e-4)


def test_scores_are_the_means_for_the_history():
    data = blocks()
    model = build("recfusion_var", hidden_size=8, how={"n_epochs": 2}).fit(data)
    asked = data.queries([4, 9])
    x = data.log.matrix().toarray()[[4, 9]].astype(np.float64)
    expected = forward(model.net_, x, 2)[:, : len(data.items)]
    np.testing.assert_allclose(model.scores(asked), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("depth", [1, 4])
def test_number_of_weights(depth):
    """Those of RecFusion, and once more the last layer."""
    model = build("recfusion_var", depth=depth)
    model.n_items_ = 3416
    found = sum(p.numel() for p in model.build().parameters())
    assert found == 1_410_218 + 201 * 3416


def test_learns():
    data, asked = checkers(12)
    how = {"n_epochs": 150, "learning_rate": 0.01}
    best = build("recfusion_var", hidden_size=4, how=how).fit(data).recommend(asked, 1)
    np.testing.assert_array_equal(best.items.ravel(), np.arange(12))
