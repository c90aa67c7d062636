"""Each closed form against what it is the closed form of: chains simulated step by step."""

import numpy as np
import pytest
import torch

from headwater.errors import BadParameter
from headwater.retrieve.matrix._diffusion import Bernoulli, Gaussian, betas

SCHEDULES = ["constant", "linear", "quadratic", "cosine", "sohl-dickstein"]
T = 5
STEPS = (1, 2, 3, 5)
CHAINS = 100_000
ENDS = {  # p
    "coin": torch.tensor(0.5),
    "shares": torch.tensor([0.05, 0.3, 0.9]),
    "nothing": torch.tensor(0.0),
}
SIGMAS = 5.0  # a right answer is further off in one comparison of two million


def noise(schedule):
    return betas(schedule, T, 0.05, 0.4)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_betas_are_shares_and_grow(schedule):
    b = noise(schedule)
    assert b.shape == (T,)
    assert ((b >= 0) & (b <= 1)).all()
    assert (np.diff(b) >= 0).all()


def test_betas_by_hand():
    np.testing.assert_allclose(betas("constant", 3, 0.1, 0.4), [0.4, 0.4, 0.4])
    np.testing.assert_allclose(betas("linear", 3, 0.1, 0.5), [0.1, 0.3, 0.5])
    np.testing.assert_allclose(betas("quadratic", 3, 0.04, 0.36), [0.04, 0.16, 0.36])
    np.testing.assert_allclose(betas("sohl-dickstein", 3, 0, 0), [1 / 3, 1 / 2, 1])
    kept = np.cos((np.array([0, 0.5, 1]) + 0.008) / 1.008 * np.pi / 2) ** 2
    expected = [1 - kept[1] / kept[0], 0.999]
    np.testing.assert_allclose(betas("cosine", 2, 0, 0), expected)


@pytest.mark.parametrize(("steps", "last"), [(0, 0.1), (3, 1.1), (3, -0.1)])
def test_betas_say_what_is_wrong(steps, last):
    with pytest.raises(BadParameter):
        betas("linear", steps, 0.1, last)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_gaussian_marginal(schedule):
    process = Gaussian(noise(schedule))
    x0 = torch.tensor([1.0, 0.0, -2.0], dtype=torch.float64)
    torch.manual_seed(0)
    z = process.chain(x0.expand(CHAINS, 3))
    for t in STEPS:
        mean, variance = process.marginal(x0, t)
        off = (z[t - 1].mean(0) - mean).abs() / (variance / CHAINS) ** 0.5
        assert (off < SIGMAS).all(), t
        off = (z[t - 1].var(0) - variance).abs() / (variance * (2 / CHAINS) ** 0.5)
        assert (off < SIGMAS).all(), t


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("t", [2, 3, 5])
def test_gaussian_posterior(schedule, t):
    """The mean and variance of q(x_t | x_{t-1}) q(x_{t-1} | x_0), added up over a fine grid."""
    process = Gaussian(noise(schedule))
    b, a = process.betas[t - 1], process.kept[t - 1]
    grid = np.linspace(-12, 12, 200_001)
    for x0, xt in [(1.0, 0.4), (0.0, 1.7), (-2.0, -1.0)]:
        before = (grid - a**0.5 * x0) ** 2 / (1 - a)
        after = (xt - (1 - b) ** 0.5 * grid) ** 2 / b
        density = np.exp(-(before + after) / 2)
        density /= density.sum()
        mean = (density * grid).sum()
        variance = (density * (grid - mean) ** 2).sum()
        x = [torch.tensor(value, dtype=torch.float64) for value in (xt, x0)]
        got_mean, got_variance = process.posterior(*x, t)
        np.testing.assert_allclose(float(got_mean), mean, atol=1e-8)
        np.testing.assert_allclose(got_variance, variance, rtol=1e-6)


def test_gaussian_posterior_at_the_ends():
    x0, xt = torch.tensor([1.0, -1.0]), torch.tensor([0.3, 0.3])
    mean, variance = Gaussian(noise("linear")).posterior(xt, x0, 1)
    np.testing.assert_allclose(mean, x0, rtol=1e-6)
    assert variance == 0
    mean, variance = Gaussian(np.zeros(3)).posterior(xt, x0, 2)  # without noise, nothing moves
    np.testing.assert_allclose(mean, xt)
    assert variance == 0


def chains(process, x0):
    """x_0 ... x_T, each (CHAINS, 3)."""
    torch.manual_seed(1)
    start = torch.full((CHAINS, 3), float(x0))
    return [start, *process.chain(start)]


def off_by(ones, n, chance):
    """How many standard errors from ``chance`` a count is; one in n is the least it can see."""
    error = np.sqrt(chance * (1 - chance) / n) + 1e-6
    return np.abs(ones / n - chance) / error


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_bernoulli_marginal(schedule, end):
    process = Bernoulli(noise(schedule), ENDS[end])
    for x0 in (0, 1):
        x = chains(process, x0)
        for t in STEPS:
            chance = process.marginal(x[0][:1], t).numpy()[0]
            assert (off_by(x[t].sum(0).numpy(), CHAINS, chance) < SIGMAS).all(), (t, x0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_bernoulli_posterior(schedule, end):
    """Among the chains that came from x_0 to x_t, how many were at one the step before."""
    process = Bernoulli(noise(schedule), ENDS[end])
    compared = 0
    for x0 in (0, 1):
        x = chains(process, x0)
        for t in STEPS:
            for xt in (0, 1):
                here = (x[t] == xt).numpy()
                n = here.sum(0)
                ones = (here & (x[t - 1] == 1).numpy()).sum(0)
                given = torch.full((1, 3), float(xt)), x[0][:1]
                chance = process.posterior(*given, t).numpy()[0]
                many = n > 100
                assert (off_by(ones[many], n[many], chance[many]) < SIGMAS).all(), (t, xt, x0)
                compared += many.sum()
    assert compared > 20


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_printed_closed_form_fails(schedule):
    """The thesis's q(x_t = 1 | x_0) has (1 - a_t) a_t / 2 where (1 - a_t) / 2 is right.

    At t = T of sohl-dickstein nothing is left of x_0, and the printed one says that all are 0.
    """
    process = Bernoulli(noise(schedule), ENDS["coin"])
    for x0 in (0, 1):
        x = chains(process, x0)
        for t in (2, 3, 5):
            a = process.kept[t]
            printed = a * x0 + a * (1 - a) / 2
            assert (off_by(x[t].sum(0).numpy(), CHAINS, printed) > 2 * SIGMAS).all(), (t, x0)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("t", [1, 3])
def test_a_right_guess_gives_the_right_way_back(end, t):
    """Chains from a mixed crowd, and P(x_0 = 1 | x_t) counted among them: what the posterior makes
    of it is the share of ones at t - 1. With the crowd's share of ones it is not."""
    process = Bernoulli(noise("linear"), ENDS[end])
    torch.manual_seed(2)
    crowd = torch.bernoulli(torch.full((4 * CHAINS, 3), 0.2))
    x = [crowd, *process.chain(crowd)]
    for xt in (0, 1):
        here = (x[t] == xt).numpy()
        n = here.sum(0)
        guess = (here & (crowd == 1).numpy()).sum(0) / n
        ones = (here & (x[t - 1] == 1).numpy()).sum(0)
        given = torch.full((1, 3), float(xt))
        chance = process.posterior(given, torch.tensor(guess[None], dtype=torch.float32), t)
        np.testing.assert_allclose(chance.numpy()[0], ones / n, atol=0.004)
    without_xt = process.posterior(given, torch.full((1, 3), 0.2), t)
    assert (np.abs(without_xt.numpy()[0] - ones / n) > 0.1).any()


def test_an_x0_that_cannot_be():
    """One way, a one at t cannot come from x_0 = 0: q(x_{t-1} | x_0), which is surely 0."""
    process = Bernoulli(noise("linear"), ENDS["nothing"])
    one = torch.ones(1, 1)
    assert process.posterior(one, one, 3) == 1
    assert process.posterior(one, 0 * one, 3) == 0


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_divergence(schedule, end):
    """Against the definition, in float64, for logits to both sides of what a float32 sigmoid
    can tell from 0 and 1."""
    process = Bernoulli(noise(schedule), ENDS[end])
    rng = np.random.default_rng(3)
    x0, xt = rng.integers(0, 2, (2, 40, 3)).astype(np.float32)
    logits = rng.normal(size=(40, 3)).astype(np.float32) * 6
    for t in STEPS:
        got = process.divergence(*map(torch.from_numpy, (xt, x0, logits)), t)
        s = 1 / (1 + np.exp(-logits.astype(np.float64)))
        p, b = process.end.double().numpy(), process.betas[t - 1]
        expected = np.zeros(40)
        q, chance = np.empty((2, 2, 40, 3))
        for value in (0, 1):
            each = []
            for bit in (0, 1):
                before = process.kept[t - 1] * bit + (1 - process.kept[t - 1]) * p
                prior = before if value else 1 - before
                joint = []
                for k in (0, 1):
                    up = (1 - b) * k + b * p
                    joint.append(np.where(xt > 0, up, 1 - up) * (before if k else 1 - before))
                total = joint[0] + joint[1]
                each.append(np.where(total > 0, joint[value] / np.maximum(total, 1e-300), prior))
            q[value] = np.where(x0 > 0, each[1], each[0])
            chance[value] = s * each[1] + (1 - s) * each[0]
            terms = np.where(q[value] > 0, q[value], 1) / np.where(q[value] > 0, chance[value], 1)
            expected += (q[value] * np.log(terms)).sum(1)
        np.testing.assert_allclose(got, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("end", ENDS)
def test_divergence_at_the_first_step_is_cross_entropy(end):
    process = Bernoulli(noise("quadratic"), ENDS[end])
    torch.manual_seed(4)
    x0, xt = torch.randint(0, 2, (2, 30, 3)).float()
    logits = 20 * torch.randn(30, 3)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, x0, reduction="none")
    got = process.divergence(xt, x0, logits, 1)
    np.testing.assert_allclose(got, expected.sum(1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_divergence_is_finite_and_so_is_its_slope(schedule, end):
    process = Bernoulli(betas(schedule, T, 0.0, 1.0), ENDS[end])
    bits = torch.tensor([0.0, 1.0])
    logits = torch.tensor([-80.0, -1.0, 0.0, 80.0])
    x0, xt, at = (grid.reshape(-1, 1).expand(-1, 3) for grid in torch.meshgrid(
        bits, bits, logits, indexing="ij"
    ))  # fmt: skip
    at = at.clone().requires_grad_()
    for t in range(1, T + 1):
        found = process.divergence(xt, x0, at, t)
        assert torch.isfinite(found).all()
        assert (found > -1e-5).all()
        (slope,) = torch.autograd.grad(found.sum(), at)
        assert torch.isfinite(slope).all()


@pytest.mark.parametrize("end", ENDS)
def test_one_t_for_each_row(end):
    process = Bernoulli(noise("cosine"), ENDS[end])
    torch.manual_seed(5)
    x0, xt = torch.randint(0, 2, (2, 6, 3)).float()
    logits = torch.randn(6, 3)
    t = torch.tensor([5, 1, 3, 3, 2, 4])
    got = [
        process.marginal(x0, t),
        process.step(x0, t),
        process.posterior(xt, x0, t),
        process.divergence(xt, x0, logits, t),
    ]
    for row, at in enumerate(t.tolist()):
        one = slice(row, row + 1)
        alone = [
            process.marginal(x0[one], at),
            process.step(x0[one], at),
            process.posterior(xt[one], x0[one], at),
            process.divergence(xt[one], x0[one], logits[one], at),
        ]
        for whole, part in zip(got, alone, strict=True):
            np.testing.assert_allclose(whole[one], part, rtol=1e-5)
