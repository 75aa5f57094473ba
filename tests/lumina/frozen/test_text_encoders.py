"""Text encoders, with random tiny Hugging Face models and a real tokenizer."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pytest
import torch
from tiny_encoders import WORDS, clap, gemma, t5, tokenizer
from transformers import BertConfig, BertModel, ClapModel, GemmaModel, T5ForConditionalGeneration

from lumina.frozen.text_cache import TextCache, write_text_shard
from lumina.frozen.text_encoders import HuggingFaceText
from lumina.text.normalise import grammars

CPU = torch.device("cpu")


def test_a_decoder_gives_the_states_that_enter_its_last_layer(tmp_path: Path) -> None:
    folder = gemma(tmp_path)
    encoder = HuggingFaceText(str(folder), dtype="float32")
    long, short = encoder.encode(["a red apple", "pear"], CPU)
    network = GemmaModel.from_pretrained(folder)
    with torch.no_grad():
        expected = network(torch.tensor([[2, 4, 5, 6]]), output_hidden_states=True).hidden_states[2][0]
    assert encoder.dim == 16
    torch.testing.assert_close(long, expected, atol=1e-5, rtol=1e-5)
    assert short.shape == (2, 16)
    torch.testing.assert_close(short, encoder.encode(["pear"], CPU)[0], atol=1e-5, rtol=1e-5)


def test_long_captions_are_cut_and_the_first_ones_told(tmp_path: Path) -> None:
    encoder = HuggingFaceText(str(gemma(tmp_path)), dtype="float32", max_tokens=3)
    with pytest.warns(UserWarning, match=r"'a red apple a green pear' has 6 tokens, .*leaves 2; cut off: 'apple"):
        assert encoder.encode(["a red apple a green pear"], CPU)[0].shape == (3, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.encode(["a red apple a green pear", "a red", "pear"], CPU)
    with pytest.warns(UserWarning) as caught:
        encoder.encode([f"a red apple{' pear' * count}" for count in range(5)], CPU)
    assert ["Further truncated texts are not reported" in str(told.message) for told in caught] == [False, True]


def test_an_encoder_gives_its_last_states(tmp_path: Path) -> None:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(tmp_path)
    tokenizer(tmp_path)
    encoder = HuggingFaceText(str(tmp_path), layer=-1, dtype="float32")
    two = encoder.encode(["a red apple", "pear"], CPU)
    assert [tuple(features.shape) for features in two] == [(3, 16), (1, 16)]
    torch.testing.assert_close(two[1], encoder.encode(["pear"], CPU)[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_t5_gives_the_states_of_its_encoder_alone(tmp_path: Path) -> None:
    folder = t5(tmp_path)
    encoder = HuggingFaceText(str(folder), layer=-1, dtype="float32")
    long, _ = encoder.encode(["a red apple", "pear"], CPU)
    whole = T5ForConditionalGeneration.from_pretrained(folder)
    torch.testing.assert_close(long, whole.encoder(torch.tensor([[4, 5, 6]])).last_hidden_state[0])
    network = encoder._network.on(CPU)
    assert sum(p.numel() for p in network.parameters()) < sum(p.numel() for p in whole.parameters()) / 2


@torch.no_grad()
def test_clap_gives_the_states_of_its_text_tower_alone(tmp_path: Path) -> None:
    """From a folder with both towers, as published, and from one with the text tower."""
    both = ClapModel.from_pretrained(clap(tmp_path / "both"))
    both.text_model.save_pretrained(tmp_path / "text")
    tokenizer(tmp_path / "text")
    expected = both.text_model(torch.tensor([[4, 5, 6]])).last_hidden_state[0]
    for folder in ("both", "text"):
        encoder = HuggingFaceText(str(tmp_path / folder), layer=-1, dtype="float32")
        assert encoder.dim == 12
        long, short = encoder.encode(["a red apple", "pear"], CPU)
        torch.testing.assert_close(long, expected, atol=1e-6, rtol=1e-5)
        assert short.shape == (1, 12)


def test_the_cache_gives_what_the_network_gave(tmp_path: Path) -> None:
    folder = gemma(tmp_path / "model")
    encoder = HuggingFaceText(str(folder), dtype="float32")
    captions = ["a red apple", "", "pear", "green pear"]
    features = dict(zip(captions, encoder.encode(captions, CPU), strict=True))
    for number, part in enumerate((captions[:3], captions[3:])):
        write_text_shard(tmp_path / "cache", number, encoder.identity, {c: features[c] for c in part}, torch.float32)
    cached = HuggingFaceText(str(folder), dtype="float32", cache=tmp_path / "cache")
    (folder / "model.safetensors").unlink()  # the network is not needed
    for caption, expected in zip(captions, cached.encode(captions, CPU), strict=True):
        assert torch.equal(features[caption], expected)
    assert TextCache(tmp_path / "cache", encoder.identity).get(["red pear"]) == [None]


def test_a_cache_of_another_encoder_is_refused(tmp_path: Path) -> None:
    folder = gemma(tmp_path / "model")
    write_text_shard(
        tmp_path / "cache", 0, HuggingFaceText(str(folder)).identity, {"": torch.zeros(1, 16)}, torch.float32
    )
    with pytest.raises(ValueError, match="run `lumina cache` again"):
        HuggingFaceText(str(folder), layer=-1, cache=tmp_path / "cache")
    with pytest.raises(FileNotFoundError, match="contains no text features"):
        HuggingFaceText(str(folder), cache=tmp_path / "nothing")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="neither a local folder nor available"):
        HuggingFaceText(str(tmp_path / "nothing"))
    with pytest.raises(ImportError, match="pip install no-such-package"):
        HuggingFaceText("package:no_such_package/model")


def test_a_tokenizer_without_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = gemma(tmp_path)
    broken = json.loads((folder / "tokenizer.json").read_text())
    broken["model"]["vocab"] = {word: i for i, word in enumerate(WORDS[:4])}
    (folder / "tokenizer.json").write_text(json.dumps(broken))
    with pytest.raises(FileNotFoundError, match="has no vocabulary"):
        HuggingFaceText(str(folder)).encode(["a pear"], CPU)


@pytest.mark.parametrize("other", [{"tokenizer": "model"}, {"dtype": "float32"}])
def test_features_depend_on_tokenizer_and_precision(tmp_path: Path, other: dict[str, str]) -> None:
    folder = gemma(tmp_path / "model")
    path = {name: str(folder) if value == "model" else value for name, value in other.items()}
    assert HuggingFaceText(str(folder)).identity != HuggingFaceText(str(folder), **path).identity


def test_a_caption_without_any_token_has_no_features(tmp_path: Path) -> None:
    encoder = HuggingFaceText(str(gemma(tmp_path, bos=False)), dtype="float32")
    assert [len(features) for features in encoder.encode(["a pear", ""], CPU)] == [2, 0]
    assert encoder.encode([""], CPU)[0].shape == (0, 16)


def test_numbers_are_written_out_before_they_are_encoded_if_wished(tmp_path: Path) -> None:
    pytest.importorskip("wetext")
    folder = t5(tmp_path)
    plain = HuggingFaceText(str(folder), layer=-1, dtype="float32")
    normal = HuggingFaceText(str(folder), layer=-1, dtype="float32", normalise=True)
    assert [len(text) for text in plain.encode(["21 pears", "red & green"], CPU)] == [2, 3]
    assert [len(text) for text in normal.encode(["21 pears", "red & green"], CPU)] == [3, 3]
    assert normal.identity == {**plain.identity, "normalise": True}


def test_normalisation_without_its_package_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grammars.cache_clear()
    monkeypatch.setitem(sys.modules, "wetext", None)
    with pytest.raises(ImportError, match="text normalisation needs the package wetext"):
        HuggingFaceText(str(t5(tmp_path)), normalise=True)
