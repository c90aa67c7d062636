import numpy as np
import pytest

torch = pytest.importorskip("torch")
from scipy.spatial.distance import jensenshannon  # noqa: E402

from headwater.registry import build  # noqa: E402

RNG = np.random.default_rng(2)
S = RNG.normal(size=(4, 7))
KINDS = RNG.random((4, 7, 3)) * (RNG.random((4, 7, 3)) < 0.6)
TARGET = RNG.random((4, 3))
THERE = np.array([7, 5, 2, 0])[:, None] > np.arange(7)


def said(s=S, kinds=KINDS, target=TARGET, there=THERE, **how):
    given = (torch.from_numpy(each) for each in (s, kinds, target, there))
    return build("losses.rank_js", **how)(*given).item()


def mixed(b, rank, discount):
    worth = {"log": lambda r: 1 / np.log2(r + 1), "reciprocal": lambda r: 1 / r}[discount]
    return sum(worth(rank(b, i)) * KINDS[b, i] for i in np.flatnonzero(THERE[b]))


@pytest.mark.parametrize("discount", ["log", "reciprocal"])
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_is_the_formula(discount, temperature):
    def rank(b, i):
        others = (j for j in np.flatnonzero(THERE[b]) if j != i)
        return 1 + sum(1 / (1 + np.exp((S[b, i] - S[b, j]) / temperature)) for j in others)

    want = np.mean([jensenshannon(TARGET[b], mixed(b, rank, discount), base=2) for b in range(3)])
    assert said(discount=discount, temperature=temperature) == pytest.approx(want)


def test_the_ranks_are_those_of_the_list_in_the_limit():
    def rank(b, i):
        return 1 + (S[b, THERE[b]] > S[b, i]).sum()

    want = np.mean([jensenshannon(TARGET[b], mixed(b, rank, "log"), base=2) for b in range(3)])
    assert said(temperature=1e-6) == pytest.approx(want)


def test_one_target_for_all_and_half_precision():
    loss = build("losses.rank_js")
    s, kinds, there = (torch.from_numpy(each) for each in (S, KINDS, THERE))
    one = torch.from_numpy(TARGET[0])
    assert loss(s, kinds, one, there).item() == pytest.approx(
        loss(s, kinds, one.expand(4, 3), there).item()
    )
    assert loss(s.bfloat16(), kinds, one).dtype == torch.float32


def test_gradient():
    loss = build("losses.rank_js")
    s = torch.from_numpy(S).requires_grad_()
    kinds, target, there = (torch.from_numpy(each) for each in (KINDS, TARGET, THERE))
    assert torch.autograd.gradcheck(lambda s: loss(s, kinds, target, there), (s,))


def test_scores_of_what_is_not_there_may_be_anything():
    loss = build("losses.rank_js")
    kinds, target, there = (torch.from_numpy(each) for each in (KINDS, TARGET, THERE))
    for empty in (there, torch.zeros_like(there)):
        x = torch.from_numpy(np.where(empty, S, -np.inf)).requires_grad_()
        value = loss(x, kinds, target, empty)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(x.grad).all()
        assert (x.grad[~empty] == 0).all()
    assert said(s=np.where(THERE, S, -np.inf)) == pytest.approx(said())


def test_following_it_moves_lists_to_the_target():
    """Kinds of one-hot candidates; the target wants the last, which end in the first places."""
    kinds = torch.from_numpy(np.eye(3)[np.arange(9) % 3]).expand(2, 9, 3)
    s = torch.zeros(2, 9).requires_grad_()
    loss, target = build("losses.rank_js"), torch.tensor([0.1, 0.1, 0.8])
    optimizer = torch.optim.Adam([s], lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        loss(s, kinds, target).backward()
        optimizer.step()
    assert set(s[0].argsort(descending=True)[:3].tolist()) == {2, 5, 8}
    worth = 1 / np.log2(np.arange(2, 11))
    # within the three and the six they are level, as far as smooth ranks go
    mix = np.array([worth[3:].sum() / 2] * 2 + [worth[:3].sum()])
    best = jensenshannon(target.numpy(), mix / mix.sum(), base=2)
    assert loss(s, kinds, target).item() == pytest.approx(best, abs=0.02)


def test_extremes_and_nothing_to_learn():
    loss = build("losses.rank_js")
    for s in (S * 1e6, np.zeros((4, 7))):
        x = torch.from_numpy(s).requires_grad_()
        for target in (TARGET, np.eye(3)[[0, 1, 2, 0]], np.zeros((4, 3))):
            given = (torch.from_numpy(each) for each in (KINDS, target, THERE))
            loss(x, *given).backward()
            assert torch.isfinite(x.grad).all()
