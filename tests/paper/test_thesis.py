"""The committed tables, and (`make paper`) that the code still gives them."""

import json
from pathlib import Path

import numpy as np
import pytest

from headwater import papers

RESULTS = Path(__file__).parents[2] / "papers" / "results"


def committed(name):
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


CLASSIC = ("random", "popularity", "slim", "ease")


def test_table_2_5_is_accepted():
    """Every median over ten splits lies in the interval that was set beforehand."""
    rows = [row for row in committed("thesis-2.5")["table"] if row["method"] in CLASSIC]
    assert len(rows) == 12
    assert all(row["splits"] == 10 and row["accepted"] for row in rows)


def test_table_2_5_of_what_learns_in_epochs():
    """In the intervals, but for what is better (Mult-VAE, by a hair) and CODIGEM, which is far
    above the thesis's; every line by the command that it names."""
    found = committed("thesis-2.5")
    rows = [r for r in found["table"] if r["accept"] and r["method"] not in CLASSIC]
    outside = {(r["method"], r["metric"]): r for r in rows if not r["accepted"]}
    assert {method for method, _ in outside} <= {"multvae", "codigem", "codigem ported"}
    better = outside.pop(("multvae", "CalibratedRecall@50"))
    assert 45.0 < better["ours"] < 45.5
    assert not [method for method, _ in outside if method == "multvae"]
    assert {r["method"] for r in rows} >= {"recvae", "recfusion unmasked_max", "multvae"}
    for name, line in found["lines"].items():
        assert f"--methods {name.split()[0]} " in line["command"]
        assert len(line["seeds"]) == len(line["per_split"])


def test_table_2_2_is_in_its_order():
    """As the thesis has it: the plain net far above the released binary, variance and time behind
    the net. Not as it has it: the binary made right comes near, and so does time in front."""
    rows = committed("thesis-2.2")["table"]
    ndcg = {r["method"]: r["ours"] for r in rows if r["metric"] == "NDCG@100"}
    for name in ("recfusion_bin released", "recfusion_var", "recfusion_t output"):
        assert ndcg["recfusion"] > ndcg[name] + 15
    for toward in ("activity", "coin", "nothing"):
        assert ndcg["recfusion_bin released"] + 15 < ndcg[f"recfusion_bin {toward}"]
        assert ndcg[f"recfusion_bin {toward}"] > ndcg["recfusion"] - 5
    assert abs(ndcg["recfusion_t input"] - ndcg["recfusion"]) < 1
    for name in ("recfusion_unet1d", "recfusion_unet2d"):
        assert ndcg[name] < ndcg["popularity"] / 2


def test_ours_is_ahead_of_mult_vae():
    """The diffusion that is Headwater's own: on all three figures of all ten splits."""
    lines = committed("thesis-2.5")["lines"]
    ours, theirs = (np.array(lines[n]["per_split"]) for n in ("recfusion_guided", "multvae"))
    assert ours.shape == (10, 3)
    assert (ours > theirs).all()


def test_guidance():
    """What leading gives and costs, and that what is known elsewhere helps."""
    rows = {(r["asked"], r["metric"]): r["mean"] for r in committed("guidance")["table"]}
    shares = [rows[f"strength {s}", "share@20"] for s in ("0", "0.1", "0.25", "0.5", "1", "2")]
    costs = [rows[f"strength {s}", "NDCG@100"] for s in ("0", "0.1", "0.25", "0.5", "1", "2")]
    assert shares == sorted(shares)
    assert costs == sorted(costs, reverse=True)
    assert rows["chosen known", "NDCG@100"] > 1.5 * rows["nothing known", "NDCG@100"]


def test_table_2_5_keeps_its_order():
    """By NDCG@100 and Recall@50 on every split; by Recall@20 SLIM is level with EASE on one."""
    lines = committed("thesis-2.5")["lines"]
    figures = {name: np.array(lines[name]["per_split"]) for name in CLASSIC}
    assert (figures["slim"] > figures["popularity"]).all()
    assert (figures["popularity"] > figures["random"]).all()
    ahead = figures["ease"] > figures["slim"]
    assert ahead[:, 1:].all()
    assert ahead[:, 0].sum() == 9
    assert (figures["ease"] - figures["slim"]).min() > -0.1


def test_table_2_3_counts():
    rows = {(r["data"], r["count"]): r for r in committed("thesis-2.3")["table"]}
    for what in ("train users", "validation users", "test users", "items"):
        row = rows["any rating", what]
        assert row["thesis"] == row["least"] == row["most"]
    assert rows["ratings >= 4", "items"]["ours"] == 3125


@pytest.mark.paper
@pytest.mark.usefixtures("shared")
def test_table_2_5_comes_out_again():
    old = committed("thesis-2.5")
    new = papers.reproduce("thesis-2.5", methods=CLASSIC, splits=2)
    assert new.about["data"] == old["data"]
    for name, line in new.about["lines"].items():
        np.testing.assert_allclose(
            line["per_split"], old["lines"][name]["per_split"][:2], atol=0.05
        )


@pytest.mark.paper
@pytest.mark.usefixtures("shared")
def test_table_2_3_comes_out_again():
    new = papers.reproduce("thesis-2.3", splits=10)
    assert new.table.to_dicts() == committed("thesis-2.3")["table"]
