import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headwater.data.requests import drawn  # noqa: E402
from headwater.data.split import split  # noqa: E402
from headwater.data.toy import blocks  # noqa: E402
from headwater.rank._net import Requests  # noqa: E402
from headwater.registry import build  # noqa: E402


def test_is_a_sum_of_weights():
    from dataclasses import replace

    part = split(blocks(), "random_per_user", seed=0)
    shown = drawn(part, k=6, seed=0)
    model = build("logistic", how={"n_epochs": 2}).fit(replace(part.train, impressions=shown))
    with torch.inference_mode():
        asked = Requests.of(shown.queries, shown.slate, model.history, "cpu")
        x = model.net_["fields"](asked.user, asked.items, asked.now, asked.past).numpy()
    assert x.shape[2] == model.net_["head"].in_features
    head = {name: p.detach().numpy() for name, p in model.net_["head"].named_parameters()}
    want = (x * head["weight"][0]).sum(2) + head["bias"][0]
    np.testing.assert_allclose(model.logits(shown.queries, shown.slate), want, rtol=1e-4, atol=1e-5)
