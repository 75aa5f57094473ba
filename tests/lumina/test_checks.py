"""What is refused before step 0, and what goes together."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tiny_text import Letters

from lumina import checks
from lumina.backbone import NextDiTConfig
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.text import TextConditioner
from modalities.image import Image
from modalities.multiview import MultiView

CONFIG = NextDiTConfig(dim=32, num_layers=2, num_heads=2)
IMAGE = Image(size=(8, 8), channels=1, patch_size=2)


def test_widths_are_measured():
    filled = checks.measured(CONFIG, IMAGE, [LabelConditioner(3), TextConditioner(Letters(6))])
    assert filled == replace(CONFIG, token_dim=4, position_axes=2, text_dim=6)
    assert checks.measured(filled, IMAGE, [TextConditioner(Letters(6))]) == filled
    assert checks.measured(CONFIG, IMAGE, [LabelConditioner(3)]).text_dim is None


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"token_dim": 5}, "token_dim=5, but the modality and the conditioners have 4"),
        ({"position_axes": 1}, "position_axes=1, but the modality and the conditioners have 2"),
        ({"text_dim": 8}, "text_dim=8, but the modality and the conditioners have 6"),
    ],
)
def test_stated_widths_must_agree(stated, message):
    with pytest.raises(ValueError, match=message):
        checks.measured(replace(CONFIG, **stated), IMAGE, [TextConditioner(Letters(6))])


def test_texts_of_two_widths_are_refused():
    with pytest.raises(ValueError, match=r"same width, got \[6, 8\]"):
        checks.measured(CONFIG, IMAGE, [TextConditioner(Letters(8)), TextConditioner(Letters(6), key="title")])


def test_memory_is_that_of_the_large_matrices_in_bfloat16(monkeypatch):
    """Two bytes a weight; one page too few is too few, and shapes alone need none."""
    pages = 2 * CONFIG.weight_count // 64
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PAGE_SIZE": 64, "SC_PHYS_PAGES": pages}.get)
    checks.check_memory(CONFIG)
    monkeypatch.setattr(checks.os, "sysconf", {"SC_PAGE_SIZE": 64, "SC_PHYS_PAGES": pages - 1}.get)
    with pytest.raises(ValueError, match=r"num_layers=2 .* this machine has"):
        checks.check_memory(CONFIG)
    with torch.device("meta"):
        checks.check_memory(CONFIG)


@pytest.mark.parametrize("cost", ["sum", "padded"])
@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize("max_tokens", [None, 100])
def test_a_budget_counts_what_is_computed(cost, mixed_sizes, max_tokens):
    data, config = SimpleNamespace(max_tokens=max_tokens, cost=cost), replace(CONFIG, mixed_sizes=mixed_sizes)
    if max_tokens and (cost, mixed_sizes) == ("sum", "padded"):
        with pytest.raises(ValueError, match=r"data\.max_tokens=100 .* set data\.cost to padded, or backbone\.mixed"):
            checks.check_budget(data, config)
    else:
        checks.check_budget(data, config)
    checks.check_budget(SimpleNamespace(), config)


def test_latents_of_another_autoencoder_are_refused_by_what_differs():
    modality = SimpleNamespace(latent_identity={"factor": 8, "weights": "a"})
    checks.check_latents(SimpleNamespace(latent_identity=None), modality)
    checks.check_latents(SimpleNamespace(latent_identity={"weights": "a", "factor": 8}), modality)
    with pytest.raises(ValueError, match=r"autoencoder: weights b \(this run: a\), shift 1 \(this run: None\); set"):
        checks.check_latents(SimpleNamespace(latent_identity={"factor": 8, "weights": "b", "shift": 1}), modality)


def test_classes_are_compared_with_their_order():
    checks.check_classes({"modality": ["a", "b"], "other": ["x"]}, {"modality": ("a", "b"), "third": ["y"]})
    with pytest.raises(ValueError, match="numbers the classes of its modality b, a; this run a, b"):
        checks.check_classes({"modality": ["b", "a"]}, {"modality": ["a", "b"]})


def test_fields_that_are_missing_are_named_beside_those_that_are_there():
    checks.require_fields(["image"], ["image", "label"], "Data")
    with pytest.raises(ValueError, match=r"Data has no 'points', 'text', .* it has: image, label\."):
        checks.require_fields(["points", "image", "text"], ["image", "label"], "Data")


def test_an_axis_along_which_positions_differ_needs_dimensions():
    config = NextDiTConfig(dim=32, num_heads=4, token_dim=12, position_axes=3, axes_dims=(0, 4, 4))
    checks.check_axes(config, MultiView((4, 6)))
    checks.check_axes(config, MultiView((4, 6), views=1, positions="index"))
    checks.check_axes(
        replace(config, rope_layout="concatenated", axes_dims=(2, 2, 4)), MultiView((4, 6), positions="index")
    )
    with pytest.raises(ValueError, match=r"positions of MultiView differ along axis 1, but axes_dims=\[0, 4, 4\]"):
        checks.check_axes(config, MultiView((4, 6), positions="index"))
