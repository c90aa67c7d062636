import pytest

from headwater.data.toy import blocks
from headwater.errors import BadFlow
from headwater.flow import Flow, read_flow, write_flow
from headwater.registry import describe

GOOD = """\
model: flow
width: 30
retrieve:
  model: fallback
  first:
    model: blend
    recommenders:
      - {model: ease, l2: 20}
      - model: itemknn
        k: 30
    weights: [1, 0.5]
  then: popularity
"""


def write(tmp_path, text):
    path = tmp_path / "films.yaml"
    path.write_text(text)
    return path


def test_reads_and_writes_the_same(tmp_path):
    flow = read_flow(write(tmp_path, GOOD))
    assert isinstance(flow, Flow)
    assert flow.retrieve.first.recommenders[0].l2 == 20
    again = read_flow(write(tmp_path, write_flow(flow)))
    assert describe(again) == describe(flow)
    slate = flow.fit(blocks()).recommend(blocks().queries([0]), 5)
    assert slate.filled.all()


def test_a_bare_name_is_a_method(tmp_path):
    assert repr(read_flow(write(tmp_path, "ease\n"))) == "EASE(l2=500.0)"


def test_numbers_with_exponents(tmp_path):
    assert repr(read_flow(write(tmp_path, "{model: ease, l2: 1e3}"))) == "EASE(l2=1000.0)"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("l2: 20", "l3: 20", 8, "no parameter of EASE 'l3'; did you mean 'l2'"),
        ("k: 30", "k: many", 10, "k must be a whole number, got 'many'"),
        ("k: 30", "k: 0", 9, "k must be at least 1, got 0"),
        ("model: itemknn", "model: itemnn", 9, "did you mean 'itemknn'"),
        ("then: popularity", "than: popularity", 12, "did you mean 'then'"),
        ("then: popularity", "first: popularity", 12, "'first' is given twice"),
        ("width: 30", "width: [", 4, "not YAML"),
        ("weights: [1, 0.5]", "weights: [1]", 6, "2 recommenders and 1 weights"),
        ("model: flow\n", "", 1, "no key 'model'"),
        (GOOD, "", 1, "the file is empty"),
        (GOOD, "model: &a {model: fallback, first: *a, then: *a}", 1, "contains itself"),
        (GOOD, "- 1", 1, "no key 'model'"),
        (GOOD, "!!python/object/apply:os.system ['true']", 1, ""),
    ],
)
def test_mistakes_have_lines(tmp_path, old, new, line, said):
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(BadFlow) as error:
        read_flow(path)
    assert str(error.value).startswith(f"{path}, line {line}: ")
    assert said in str(error.value)
