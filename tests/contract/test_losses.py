"""What every loss keeps to."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.registry import addresses, build  # noqa: E402

OTHER = {"losses.rank_js"}  # compares with a target instead of with what is true
LOSSES = [build(where) for where in addresses("losses.") if where not in OTHER] + [
    build("losses.focal", gamma=0.5, alpha=None),
    build("losses.asymmetric", gamma_positive=1.0, margin=0.0, through_weights=True),
    build("losses.pairwise", surrogate="hinge"),
    build("losses.sigmoid_f1", beta=10.0, eta=-0.5, input="probabilities", average="micro"),
    build("losses.smooth_metric", metric="npv", average="samples"),
    build("losses.unbounded_f1", input="logits"),
    build("losses.recall_at_k", k=2),
]
RNG = np.random.default_rng(3)
S = RNG.normal(size=(6, 5))
Y = (RNG.random((6, 5)) < 0.4).astype(float)
Y[0] = 0
Y[1] = 1
THERE = np.array([5, 5, 4, 3, 1, 0])[:, None] > np.arange(5)
EACH = pytest.mark.parametrize("loss", LOSSES, ids=repr)


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(each)) for each in arrays]


@EACH
def test_gradient(loss):
    s, y, there = tensors(S, Y, THERE)
    if getattr(loss, "through_weights", True) is False:
        pytest.skip("leaves a part of its gradient out: tests/losses/test_rows.py")
    assert torch.autograd.gradcheck(lambda s: loss(s, y, there), (s.requires_grad_(),))


@EACH
def test_what_is_not_there_counts_nothing(loss):
    s, y, there = tensors(S, Y, THERE)
    x = s.clone().requires_grad_()
    value = loss(x, y, there)
    value.backward()
    assert (x.grad[~there] == 0).all()
    other = torch.where(there, s, 77.0)
    assert loss(other, torch.where(there, y, 1.0), there).item() == pytest.approx(value.item())


@EACH
@pytest.mark.parametrize("filler", [-np.inf, np.inf, np.nan])
def test_scores_of_what_is_not_there_may_be_anything(loss, filler):
    s, y, there = tensors(S, Y, THERE)
    x = torch.where(there, s, filler).requires_grad_()
    value = loss(x, y, there, torch.ones_like(s))
    value.backward()
    assert value.item() == pytest.approx(loss(s, y, there).item())
    plain = s.clone().requires_grad_()
    loss(plain, y, there).backward()
    np.testing.assert_allclose(x.grad, plain.grad)


@EACH
@pytest.mark.parametrize("shape", [(3, 4), (0, 4)])
def test_nothing_is_there(loss, shape):
    """A number, and a gradient that is zero."""
    x = torch.full(shape, -torch.inf).requires_grad_()
    value = loss(x, torch.zeros(shape), torch.zeros(shape, dtype=torch.bool))
    value.backward()
    assert torch.isfinite(value)
    assert (x.grad == 0).all()


@EACH
def test_weights_of_one_are_no_weights(loss):
    s, y, there = tensors(S, Y, THERE)
    alike = loss(s, y, there, torch.ones_like(s)).item()
    assert alike == pytest.approx(loss(s, y, there).item())
    assert loss(s, y).item() == pytest.approx(loss(s, y, torch.ones_like(there)).item())


@EACH
def test_the_order_of_columns_and_rows_is_none(loss):
    s, y, there = tensors(S, Y, THERE)
    columns, rows = torch.tensor([3, 0, 4, 1, 2]), torch.tensor([5, 2, 0, 1, 4, 3])
    turned = (each[:, columns][rows] for each in (s, y, there))
    assert loss(*turned).item() == pytest.approx(loss(s, y, there).item())


@EACH
@pytest.mark.parametrize("scale", [0.0, 1e2, 1e4])
def test_extremes(loss, scale):
    """Finite, with a finite gradient, in float32 and from half precision."""
    s, y, there = tensors(S, Y, THERE)
    for x in ((s * scale).float(), (s * scale).bfloat16()):
        x = x.clone().requires_grad_()
        value = loss(x, y.float(), there)
        assert value.dtype == torch.float32
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(x.grad).all()


@EACH
def test_nothing_to_learn(loss):
    s, y, there = tensors(S, Y, THERE)
    for truth in (torch.zeros_like(y), torch.ones_like(y)):
        x = s.clone().requires_grad_()
        loss(x, truth, there).backward()
        assert torch.isfinite(x.grad).all()


@EACH
def test_following_it_tells_true_from_false(loss):
    """On scores that are free, a hundred steps put what is true above what is not."""
    y = (np.arange(40).reshape(8, 5) % 3 == 0).astype(np.float32)
    s = torch.from_numpy(np.random.default_rng(0).normal(size=y.shape).astype(np.float32) * 0.1)
    s.requires_grad_()
    truth = torch.from_numpy(y)
    optimizer = torch.optim.Adam([s], lr=0.1)
    first = loss(s, truth).item()
    for _ in range(200):
        optimizer.zero_grad()
        loss(s, truth).backward()
        optimizer.step()
    assert loss(s, truth).item() < first
    said = s.detach().numpy()
    assert (said[y == 1].mean() - said[y == 0].mean()) > 0.5
