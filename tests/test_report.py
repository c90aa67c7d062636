"""The page stands alone, says what was measured, and its plots can be drawn."""

import itertools
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from headwater import report
from headwater.errors import BadParameter, MissingExtra
from headwater.evaluation import Comparison, Evaluation, Run
from headwater.report import write

ODD = "b <b>&\"' </script>"


class Page(HTMLParser):
    """Headings, tables as lists of rows of texts, plots, and all addresses."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.headings, self.tables, self.plots, self.addresses, self.tags = [], [], [], [], set()
        self.into = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.add(tag)
        self.addresses += [v for k, v in attrs.items() if k in ("src", "href")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.into = "cell"
        elif tag in ("h1", "h2"):
            self.headings.append("")
            self.into = "heading"
        elif tag == "script" and attrs.get("type") == "application/json":
            self.plots.append("")
            self.into = "plot"

    def handle_endtag(self, tag):
        if tag in ("td", "th", "h1", "h2", "script"):
            self.into = None

    def handle_data(self, data):
        if self.into == "cell":
            self.tables[-1][-1][-1] += data
        elif self.into == "heading":
            self.headings[-1] += data
        elif self.into == "plot":
            self.plots[-1] += data


def run(seed, n=50):
    rng = np.random.default_rng(seed)
    values = {
        "NDCG@10": np.where(rng.random(n) < 0.1, np.nan, rng.random(n)),
        "Hit@10": (rng.random(n) < 0.5).astype(float),
        "CatalogCoverage@10": np.array(rng.random()),
    }
    return Run(
        split="random_per_user",
        seed=seed % 10,
        users=pl.Series(range(n)),
        values=values,
        fit_seconds=1.25,
        recommend_seconds=0.5,
        metric_seconds=0.125,
    )


@pytest.fixture
def compared():
    return Comparison(
        evaluations={
            "a": Evaluation("a", (run(0), run(1))),
            ODD: Evaluation(ODD, (run(10), run(11))),
        },
        kinds=("bootstrap", "t", "wilcoxon"),
        resamples=200,
    )


@pytest.fixture
def page(compared, tmp_path):
    return Page(write(compared, tmp_path / "out.html").read_text(encoding="utf-8"))


def test_needs_no_network(page):
    assert page.addresses == []
    assert not page.tags & {"link", "img", "iframe", "b"}


def test_what_it_says(page):
    assert page.headings == [
        f"a, {ODD}, measured",
        "Results",
        "With 95 % intervals",
        "Accuracy against coverage",
        "Over users",
        "Differences, user by user",
        "Time",
        "All numbers",
    ]


def test_tables(page, compared):
    summary, tests, times, numbers = page.tables
    assert summary[0] == ["", "NDCG@10", "Hit@10", "CatalogCoverage@10"]
    assert [row[0] for row in summary[1:]] == ["a", ODD]
    frame = compared.table()
    first = frame.row(0, named=True)
    assert summary[1][1] == "{mean:.4f} {low:.4f} to {high:.4f}".format(**first)
    system = frame.row(2, named=True)
    assert summary[1][3] == "{mean:.4f} {split_low:.4f} to {split_high:.4f}".format(**system)
    assert len(tests) == 1 + compared.tests().height
    assert tests[1][:4] == ["NDCG@10", "a", ODD, str(compared.tests()["users"][0])]
    assert times[1] == ["a", "random_per_user", "0", "1.2500", "0.5000", "0.1250"]
    assert len(numbers) == 1 + frame.height
    assert numbers[0] == [name.replace("_", " ") for name in frame.columns]
    assert numbers[3][3:5] == ["–", "–"]  # noqa: RUF001


def layers(plot):
    return plot.get("layer", [plot])


def rows(plot, layer=0):
    each = layers(plot)[layer]
    return (each.get("data") or plot["data"])["values"]


def test_plots_hold_the_numbers(page, compared):
    plots = [json.loads(each) for each in page.plots]
    ndcg, hit, coverage, against, spread, spread_hit = plots
    frame = compared.table()
    for plot, metric in ((ndcg, "NDCG@10"), (hit, "Hit@10"), (coverage, "CatalogCoverage@10")):
        wanted = frame.filter(pl.col("metric") == metric)
        dots = rows(plot, -1)
        assert [row["model"] for row in dots] == ["a", ODD]
        for name in ("mean", "low", "high", "split_low", "split_high"):
            assert [row[name] for row in dots] == wanted[name].to_list()
    assert len(layers(coverage)) == 2  # no interval over users
    assert len(layers(ndcg)) == 3
    means = {(m, k): v for m, k, v in frame.select("model", "metric", "mean").iter_rows()}
    assert rows(against) == [
        {"model": m, "x": means[m, "CatalogCoverage@10"], "y": means[m, "NDCG@10"]}
        for m in ("a", ODD)
    ]
    for plot, metric in ((spread, "NDCG@10"), (spread_hit, "Hit@10")):
        for model in ("a", ODD):
            mine = [row for row in rows(plot) if row["model"] == model]
            values = compared.evaluations[model].users(metric)["value"].to_numpy()
            edges = np.array([row["at"] for row in mine])
            counted = [
                np.mean((values >= low) & ((values < high) | (high == edges[-1])))
                for low, high in itertools.pairwise(edges)
            ]
            np.testing.assert_allclose([row["share"] for row in mine[:-1]], counted)
            assert sum(counted) == pytest.approx(1)


def test_plots_can_be_drawn(page):
    from vl_convert import vegalite_to_svg

    for each in page.plots:
        spec = json.loads(each)
        drawn = vegalite_to_svg({**spec, "width": 300})
        assert drawn.startswith("<svg")
        assert len(re.findall("<path", drawn)) > 3


def test_one_model_one_metric_of_nothing(tmp_path):
    none = run(0)
    values = {"NDCG@10": np.full(50, np.nan)}
    bare = Run(**{**vars(none), "values": values})
    page = Page(write(Evaluation("only", (bare,)), tmp_path / "o.html", title="A & B").read_text())
    assert page.headings == ["A & B", "Results", "Time", "All numbers"]
    assert page.plots == []
    assert page.tables[0][1] == ["only", "–"]  # noqa: RUF001


def test_nothing_half_written(compared, tmp_path, monkeypatch):
    path = tmp_path / "out.html"
    path.write_text("old")

    def broken(frame):  # noqa: ARG001
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "html_table", broken)
    with pytest.raises(KeyboardInterrupt):
        write(compared, path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_a_folder_is_no_place(compared, tmp_path):
    with pytest.raises(BadParameter, match="is a folder"):
        write(compared, tmp_path)


@pytest.mark.parametrize("package", ["altair", "vl_convert"])
def test_without_the_extra(compared, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=r"pip install 'headwater\[report\]'"):
        write(compared, tmp_path / "out.html")
