"""The fingerprint sees ids and events, all of them, and nothing else."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import polars as pl
import pytest

from headwater.data.fingerprint import fingerprint
from headwater.data.labelled import read_labelled
from headwater.data.toy import blocks
from headwater.types import Catalog, Ids


@pytest.fixture
def data():
    return blocks(users=5, items=6, length=3)


def test_is_a_sha256_of_the_content(data):
    again = blocks(users=5, items=6, length=3)
    assert fingerprint(data) == fingerprint(again)
    assert len(bytes.fromhex(fingerprint(data))) == sha256().digest_size


def test_every_part_of_the_log_counts(data):
    log = data.log
    bent = [
        replace(log, items=np.roll(log.items, 1)),
        replace(log, times=log.times + 1),
        replace(log, values=log.values + 1),
        replace(log, start=log.start + np.array([0, 1, 0, 0, 0, 0])),
        replace(log, n_items=7),
        replace(log, kinds=np.zeros(len(log.items), np.int8)),
        replace(log, kinds=np.ones(len(log.items), np.int8)),
    ]
    found = [fingerprint(replace(data, log=each)) for each in bent]
    assert len({fingerprint(data), *found}) == len(bent) + 1


def test_ids_count_and_are_not_run_together(data):
    def users(*values):
        return fingerprint(replace(data, users=Ids(pl.Series(values))))

    assert users("a", "bc") != users("ab", "c")
    assert users("1", "2") != users(1, 2)
    assert users("a", "b") != users("b", "a")


def test_the_width_of_integer_ids_and_the_catalogue_do_not_count(data):
    narrow = replace(data, users=Ids(data.users.values.cast(pl.Int16)))
    assert fingerprint(narrow) == fingerprint(data)
    other = replace(data, catalog=Catalog(pl.DataFrame({"title": list("abcdef")})))
    assert fingerprint(other) == fingerprint(data)


def test_the_names_of_kinds_count(data):
    kinds = np.zeros(len(data.log.items), np.int8)
    one = replace(data, log=replace(data.log, kinds=kinds), kinds=("view", "buy"))
    assert fingerprint(one) != fingerprint(replace(one, kinds=("vie", "wbuy")))


def test_items_without_people():
    def made(ids):
        n = len(ids)
        return read_labelled({"id": ids, "text": ["x"] * n, "labels": [["a"]] * n})

    found = [fingerprint(made(ids)) for ids in (["a", "b"], ["b", "a"], ["a", "c"], ["ab"])]
    assert found[0] == found[1]
    assert len(set(found)) == 3
