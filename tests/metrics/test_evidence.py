import naive_metrics as naive
import numpy as np
import pytest
from hypothesis import given

from headwater import evidence as module
from headwater.testing.metrics import evidence


@naive.often
@given(naive.worlds)
def test_hits_and_gains_are_the_choices(seen):
    slates, choices = naive.slates(seen, seen.slate.items.shape[1]), naive.choices(seen)
    pairs = list(zip(slates, choices, strict=True))
    gains = [[chosen.get(item, 0) for item in slate] for slate, chosen in pairs]
    naive.agree(seen.gains, np.reshape(gains, seen.slate.items.shape))
    hits = [naive.hits(slate, chosen) for slate, chosen in pairs]
    naive.agree(seen.hits, np.reshape(hits, seen.slate.items.shape))
    naive.agree(seen.wanted, [len(chosen) for chosen in choices])
    naive.agree(seen.counts, naive.popularity(seen))


@pytest.mark.parametrize("rows", [1, 3, 20])
def test_chunks_change_nothing(monkeypatch, rows):
    whole = evidence(3, requests=50).found
    monkeypatch.setattr(module, "ROWS", rows)
    np.testing.assert_array_equal(evidence(3, requests=50).found, whole)
    assert (whole >= 0).sum() > 20
