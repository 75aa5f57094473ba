"""The network and the tokenizer of a text encoder: what is built, and what is refused."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import WORDS, clap, gemma, t5
from transformers import (
    ClapTextConfig,
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    RobertaConfig,
    T5Config,
)

from lumina.frozen.text_network import check_length, load_network, load_tokenizer

TOKENIZER = ("tokenizer.json", "tokenizer_config.json")


def loaded(folder):
    return load_network(str(folder), "the encoder", torch.float32, False)


@pytest.mark.parametrize(("make", "kind"), [(gemma, "GemmaModel"), (clap, "ClapTextModel"), (t5, "T5EncoderModel")])
def test_the_network_that_reads_text(tmp_path: Path, make, kind):
    assert type(loaded(make(tmp_path))).__name__ == kind


def test_the_text_tower_of_clip(tmp_path):
    text = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    pictures = {**text, "image_size": 32, "patch_size": 16}
    ids = {"vocab_size": len(WORDS), "bos_token_id": 2, "eos_token_id": 1}
    whole = CLIPModel(CLIPConfig(text_config={**text, **ids}, vision_config=pictures))
    whole.save_pretrained(tmp_path)
    network = loaded(tmp_path)
    assert isinstance(network, CLIPTextModel)
    expected = whole.text_model.state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in network.state_dict().items())


def test_weights_that_are_missing_do_not_stay_random(tmp_path):
    folder = clap(tmp_path)
    weights = load_file(folder / "model.safetensors")
    missing = [name for name in weights if name.startswith("text_model.encoder.layer.1.")]
    save_file({name: w for name, w in weights.items() if name not in missing}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"'the encoder': its files lack 16 weights of ClapTextModel, encoder\.layer"):
        loaded(folder)


@pytest.mark.parametrize(
    ("make", "files"), [(clap, r" \(or vocab\.json and merges\.txt\)"), (t5, r" \(or spiece\.model\)")]
)
def test_a_folder_without_tokenizer_is_told_which_file_to_put_where(tmp_path: Path, make, files):
    folder = make(tmp_path)
    for name in TOKENIZER:
        (folder / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=rf"'CLAP' has no vocabulary .*put tokenizer\.json{files} into {folder}"
    ):
        load_tokenizer(str(folder), "CLAP", False)


def test_a_text_tower_without_tokenizer(tmp_path):
    from transformers import ClapModel

    ClapModel.from_pretrained(clap(tmp_path / "both")).text_model.save_pretrained(tmp_path / "text")
    with pytest.raises(FileNotFoundError, match=r"has no vocabulary .*put tokenizer\.json into .*/text, or set `token"):
        load_tokenizer(str(tmp_path / "text"), "CLAP", False)


@pytest.mark.parametrize(
    ("config", "most"),
    [
        (ClapTextConfig(), 512),
        (RobertaConfig(max_position_embeddings=40), 38),
        (CLIPTextConfig(), 77),
        (T5Config(), 10**6),
    ],
)
def test_texts_are_no_longer_than_the_network_has_positions(config, most):
    check_length(config, "the encoder", most)
    if most < 10**6:
        with pytest.raises(ValueError, match=f"'the encoder' takes {most} tokens at most, but max_tokens={most + 1}"):
            check_length(config, "the encoder", most + 1)
