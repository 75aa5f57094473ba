"""Adapters beside the backbone's linear layers: which train, in what precision, recomputed and compiled."""

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.values import Conditioning, Tokens

TEXT = NextDiTConfig(
    dim=32, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=12, multiple_of=32,
    learn_sigma=True, pad_token=True,
)  # fmt: skip
RAGGED = torch.arange(16) < torch.tensor([[16], [9]])


def test_other_parts_train_where_asked():
    backbone = NextDiT(TEXT)
    add_adapters(backbone, Lora(targets=("wq",), also=("norm1", "final_layer.linear")))
    trained = {name.removeprefix("layers.0.") for name, p in backbone.named_parameters() if p.requires_grad}
    assert {name for name in trained if not name.startswith("layers.1.")} == {
        "attention.wq.lora_A.default.weight", "attention.wq.lora_B.default.weight", "attention_norm1.weight",
        "ffn_norm1.weight", "final_layer.linear.weight", "final_layer.linear.bias",
    }  # fmt: skip


@pytest.mark.parametrize("names", [{"targets": ("wz",)}, {"also": ("nrom",)}])
def test_unknown_names_are_refused(names):
    with pytest.raises(ValueError, match=r"the backbone has no (wz|nrom)"):
        add_adapters(NextDiT(TEXT), Lora(**names))


def batch(mask=None):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 16, 16, generator=generator)
    positions = torch.cartesian_prod(torch.arange(4), torch.arange(4)).expand(2, -1, -1)
    cross = torch.randn(2, 5, 12, generator=generator)
    return Tokens(features=features, positions=positions, mask=mask), Conditioning(cross=cross)


def adapted(base="float32", **options):
    torch.manual_seed(0)
    backbone = NextDiT(TEXT, **options)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    add_adapters(backbone, Lora(rank=2, base=base))
    lower_base(backbone, base)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return backbone


def gradients(backbone, mask=None, autocast=False):
    tokens, cond = batch(mask)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = backbone.predict(tokens, torch.tensor([0.2, 0.7]), cond)
    out.float().square().mean().backward()
    assert all((p.grad is not None) == p.requires_grad for p in backbone.parameters())
    return {name: p.grad for name, p in backbone.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("mask", [None, RAGGED], ids=["equal", "packed"])
def test_adapters_under_checkpointing(mask):
    plain = gradients(adapted(), mask)
    torch.testing.assert_close(gradients(adapted(activation_checkpointing=True), mask), plain, atol=1e-6, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [None, RAGGED], ids=["equal", "packed"])
def test_adapters_in_compiled_blocks(mask):
    compiled = adapted(activation_checkpointing=True)
    compiled.compile_blocks()
    torch.testing.assert_close(gradients(compiled, mask), gradients(adapted(), mask), atol=1e-5, rtol=1e-3)


def test_half_precise_base_under_autocast():
    backbone = adapted("bfloat16")
    kept = {name.split(".")[-1]: p.dtype for name, p in backbone.layers.named_parameters() if "base_layer" in name}
    assert set(kept.values()) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in backbone.parameters() if p.requires_grad or p.dim() == 1)
    low, full = gradients(backbone, autocast=True), gradients(adapted())
    a, b = (torch.cat([x.flatten() for x in grads.values()]) for grads in (low, full))
    assert torch.nn.functional.cosine_similarity(a, b, 0) > 0.99
