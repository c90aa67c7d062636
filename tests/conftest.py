import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch: two test processes share two cores

# The same examples in every run: HYPOTHESIS_PROFILE=search draws new ones.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

collect_ignore_glob = ["*/conftest.py"]  # as doctests they would be modules of one name


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that need it are skipped where there is none."""
    folder = os.environ.get("HEADWATER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HEADWATER_DATA names no folder of data sets")
    return Path(folder)
