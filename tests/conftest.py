import os
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "2")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; tests that need it are skipped where there is none."""
    folder = os.environ.get("HEADWATER_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("HEADWATER_DATA names no folder of data sets")
    return Path(folder)
