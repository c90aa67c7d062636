import math
import sys

import numpy as np
import pytest

from headwater.enrich.sentiment import Sentiment
from headwater.errors import BadParameter, MissingExtra

WORDS = ["[PAD]", "[UNK]", "good", "bad", "day", "news"]


def test_lexicon():
    """The lexicon has good at 0.7, bad at -0.7; not turns by half, very grows by 1.3."""
    pytest.importorskip("textblob")
    found = Sentiment().annotate(
        ["A good day.", "A bad day.", "Not a good day, not good.", "very good", "good and bad"]
    )
    assert found[0] == pytest.approx(0.7)
    assert found[1] == pytest.approx(-0.7)
    assert found[3] == pytest.approx(0.7 * 1.3)
    assert found[4] == pytest.approx(0)
    assert Sentiment().annotate(["not good"])[0] == pytest.approx(-0.35)


def test_lexicon_is_textblob():
    textblob = pytest.importorskip("textblob")
    texts = ["It was a wonderful, amazing win!", "The worst, most awful crime.", "He ate lunch."]
    expected = [textblob.TextBlob(text).sentiment.polarity for text in texts]
    assert Sentiment().annotate(texts) == expected
    assert all(-1 <= each <= 1 for each in expected)


def test_no_word_has_no_sentiment():
    pytest.importorskip("textblob")
    assert all(math.isnan(each) for each in Sentiment().annotate(["", " \n", "12 :-)"]))
    assert Sentiment().annotate([]) == []


def test_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "textblob", None)
    monkeypatch.setitem(sys.modules, "textblob.en", None)
    with pytest.raises(MissingExtra, match=r"enrich.sentiment needs textblob, .*headwater\[news\]"):
        Sentiment().annotate(["a word"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A classifier of five word pieces, written by transformers itself."""
    transformers = pytest.importorskip("transformers")
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    pieces = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    pieces.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=pieces, pad_token="[PAD]", unk_token="[UNK]", model_max_length=8
    )

    def made(name, labels):
        path = tmp_path_factory.mktemp(name)
        config = transformers.DistilBertConfig(
            vocab_size=len(WORDS),
            dim=8,
            hidden_dim=16,
            n_layers=1,
            n_heads=2,
            max_position_embeddings=8,
            num_labels=len(labels),
            id2label=dict(enumerate(labels)),
            label2id={label: i for i, label in enumerate(labels)},
            pad_token_id=0,
        )
        with torch.random.fork_rng():
            torch.manual_seed(3)
            net = transformers.DistilBertForSequenceClassification(config)
        net.save_pretrained(path)
        tokenizer.save_pretrained(path)
        return path

    return made


def by_hand(path, text, values):
    """The expected value under the softmax of the logits, one text at a time."""
    import torch
    from transformers import AutoModelForSequenceClassification

    net = AutoModelForSequenceClassification.from_pretrained(path).eval()
    ids = [WORDS.index(w) if w in WORDS else 1 for w in text.split()][:8]
    with torch.inference_mode():
        logits = net(input_ids=torch.tensor([ids])).logits[0].double().numpy()
    chances = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    return chances @ values


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (["Negative", "neutral", "POSITIVE"], [-1, 0, 1]),
        (["positive", "negative"], [1, -1]),
        (["1 star", "2 stars", "3 stars", "4 stars", "5 stars"], [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_any_classifier(folder, labels, values):
    path = folder("model", labels)
    texts = ["good day", "bad", "good good bad news day", "news " * 20]
    model = Sentiment(model=str(path), batch_size=3)
    expected = [by_hand(path, text, np.array(values)) for text in texts]
    np.testing.assert_allclose(model.annotate(texts), expected, atol=1e-6)
    assert math.isnan(model.annotate(["..."])[0])
    alone = [Sentiment(model=str(path), batch_size=1).annotate([text])[0] for text in texts]
    np.testing.assert_allclose(alone, expected, atol=1e-6)
    assert model.identity() != Sentiment(model=str(path), values={"x": 1.0}).identity()


def test_classes_with_names_of_their_own(folder):
    path = folder("odd", ["LABEL_0", "LABEL_1"])
    with pytest.raises(BadParameter, match=r"'LABEL_0', 'LABEL_1', which are neither negative"):
        Sentiment(model=str(path)).annotate(["good"])
    named = Sentiment(model=str(path), values={"LABEL_0": -0.5, "LABEL_1": 1.0})
    expected = by_hand(path, "good day", np.array([-0.5, 1.0]))
    assert named.annotate(["good day"])[0] == pytest.approx(expected, abs=1e-6)


def test_bad_parameters(tmp_path):
    with pytest.raises(BadParameter, match="the lexicon is English, and the language is 'nl'"):
        Sentiment(language="nl")
    with pytest.raises(BadParameter, match="from -1 to 1; got 3"):
        Sentiment(values={"a": 3})
    pytest.importorskip("transformers")
    with pytest.raises(BadParameter, match="no classifier"):
        Sentiment(model=str(tmp_path / "nothing")).annotate(["good"])
