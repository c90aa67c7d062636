from importlib.util import find_spec

import pytest

from headwater.rerank import _greedy


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def way(request, monkeypatch):
    """What compares vectors has two ways to do it, which must agree with the same definition."""
    if request.param == "numpy":
        monkeypatch.setattr(_greedy, "find_spec", lambda name: None)  # noqa: ARG005
    elif find_spec("numba") is None:
        pytest.skip("numba is not installed")
    return request.param
