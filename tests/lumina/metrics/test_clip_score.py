"""The CLIP score against torchmetrics', on a tiny CLIP with random weights."""

import json
from types import SimpleNamespace

import pytest
import torch

from lumina.metrics.clip_score import ClipScore

transformers = pytest.importorskip("transformers")
torchmetrics = pytest.importorskip("torchmetrics.multimodal.clip_score")

SMALL = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
CAPTIONS = ["a cat", "an unusually long caption that has to be cut somewhere", "dog"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    first, last = len(words) - 2, len(words) - 1
    text = {"vocab_size": len(words), "max_position_embeddings": 16, "bos_token_id": first, "eos_token_id": last}
    config = transformers.CLIPConfig(
        text_config={**SMALL, **text, "pad_token_id": last},
        vision_config={**SMALL, "image_size": 32, "patch_size": 8},
        projection_dim=8,
    )
    torch.manual_seed(0)
    transformers.CLIPModel(config).save_pretrained(folder)
    images = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    tokenizer = transformers.CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    transformers.CLIPProcessor(images, tokenizer).save_pretrained(folder)
    return folder


def reference(folder):
    """What torchmetrics takes: methods that give tensors, as those of transformers 4 did."""
    network = transformers.CLIPModel.from_pretrained(folder)
    plain = SimpleNamespace(
        config=network.config,
        get_image_features=lambda *values: network.get_image_features(*values).pooler_output,
        get_text_features=lambda *values: network.get_text_features(*values).pooler_output,
    )
    plain.to = lambda device: plain
    processor = transformers.CLIPProcessor.from_pretrained(folder)
    return lambda images, captions: torchmetrics._clip_score_update(images, captions, plain, processor)[0]


def test_it_is_torchmetrics_score(folder):
    levels = torch.randint(256, (3, 3, 40, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    short = ["a cat", "dog", "the sea"]
    expected = reference(folder)(list(levels), short).mean().item()
    metric = ClipScore(str(folder))
    images = levels.float() / 127.5 - 1
    metric.update(images[:2], {"caption": short[:2]})
    metric.update(list(images[2:]), {"caption": short[2:]})
    assert metric.compute()["clip_score"] == pytest.approx(max(expected, 0.0), abs=1e-3)
    assert abs(expected) > 1e-2


def test_long_captions_are_cut(folder):
    metric = ClipScore(str(folder))
    metric.update(torch.zeros(3, 3, 32, 32), {"caption": CAPTIONS})
    assert 0 <= metric.compute()["clip_score"] <= 100


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"preprocessor_config\.json"):
        ClipScore(str(tmp_path / "none")).update(torch.zeros(1, 3, 32, 32), {"caption": ["a"]})
