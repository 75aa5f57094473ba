"""What the switches of the config change in the whole network, and the sizes of the released models."""

import pytest
import torch
from tiny_backbones import SIT
from torch import nn
from torch.nn.functional import linear

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.values import Conditioning, Inference, Tokens

T = torch.tensor([0.3, 0.8])
NOTHING = Conditioning()
FLAG = {"positions": "rope_1d", "post_norm": False, "modulation": "shift_scale_gate", "tanh_gates": False}
NEXT = {"text_dim": 10, "pad_token": True, "learn_sigma": True}
LEARNED = {"modulation": "learned"}
HEADS = {"num_heads": 32, "token_dim": 16, "position_axes": 2}
LARGE_NEXT = HEADS | {"affine_pre_norm": False, "final_shift": True, "learn_sigma": True}
LARGE_FLAG = HEADS | FLAG | {"final_shift": True, "learn_sigma": True}
LARGE_TEXT = HEADS | {"dim": 2304, "num_layers": 24, "text_dim": 2048, "learn_sigma": True, "pad_token": True}
LABELS = 1001 * 1024


@pytest.mark.parametrize("config", [NEXT, FLAG | {"line_tokens": True}, SIT, {"long_skip": True}])
def test_fresh_network_puts_out_zero_and_passes_its_input_through(batch, config):
    """Every block is the identity, so the last features are the embedded tokens; the head alone learns at first."""
    sizes = {"dim": 48, "num_layers": 3, "num_heads": 4, "token_dim": 5, "position_axes": 2}
    model = NextDiT(NextDiTConfig(**sizes | config))
    cond = Conditioning(cross=torch.randn(2, 3, 10), pooled=torch.randn(2, 48))
    out = model.predict(batch, T, cond)
    assert out.shape == batch.features.shape and (out == 0).all()
    if config is not SIT:
        assert torch.equal(model.features(batch, T, cond), model.x_embedder(batch.features))
    (out - 1).square().sum().backward()
    assert {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()} == {
        "final_layer.linear.weight",
        "final_layer.linear.bias",
    }


@pytest.mark.parametrize("layers", [2, 4, 5])
def test_long_skips_join_first_and_last(build, batch, layers):
    """Block i from the start reaches block i from the end; in between a middle block stands alone."""
    model = build(num_layers=layers, long_skip=True, positions="sincos")
    assert len(model.skips) == layers // 2
    seen = []
    for layer in model.layers:
        layer.register_forward_hook(lambda module, inputs, output: seen.append((inputs[0], output)))
    model.predict(batch, T, NOTHING)
    for i, skip in enumerate(model.skips):
        late = layers - 1 - i
        joined = linear(torch.cat((seen[late - 1][1], seen[i][1]), -1), skip.join.weight, skip.join.bias)
        torch.testing.assert_close(seen[late][0], joined)


@pytest.mark.parametrize("padded", [False, True])
def test_recognition_has_no_time(build, grids, collate, padded):
    """Gates are parameters, so nothing is modulated and the condition vectors are not read."""
    model = build(**LEARNED)
    assert not any(name.startswith(("t_embedder", "final_layer")) for name in model.state_dict())
    tokens = collate(grids([(3, 4), (2, 2) if padded else (3, 4)]))
    out = model.features(tokens, None, NOTHING)
    assert out.shape == (2, 12, 48) and out.isfinite().all()
    x = model.x_embedder(tokens.features)
    for layer in model.layers:
        layer.adaLN_modulation.attention.data.zero_()
        layer.adaLN_modulation.feed_forward.data.zero_()
    expected = torch.where(tokens.mask[..., None], x, torch.zeros(()))
    assert torch.equal(model.features(tokens, None, NOTHING), expected)
    with pytest.raises(ValueError, match=r"modulation=learned, .* use features\(\)"):
        model.predict(tokens, T, NOTHING)


def test_flag_dit_counts_tokens(build, batch):
    """One-dimensional RoPE turns by the index in the sequence, whatever the positions say."""
    model = build(**FLAG)
    elsewhere = Tokens(features=batch.features, positions=batch.positions.flip(1) * 3)
    assert torch.equal(model.predict(batch, T, NOTHING), model.predict(elsewhere, T, NOTHING))
    backwards = Tokens(features=batch.features.flip(1), positions=batch.positions)
    out = model.predict(backwards, T, NOTHING).flip(1)
    assert (out - model.predict(batch, T, NOTHING)).abs().max() > 1e-3


@pytest.mark.parametrize("config", [{}, SIT])
def test_points_without_axes_are_a_set(build, config):
    """With no position axis the network commutes with every permutation of its tokens."""
    model, x = build(**config | {"position_axes": 0}), torch.randn(2, 7, 5)
    order = torch.randperm(7)
    out, shuffled = (
        model.predict(Tokens(features=y, positions=torch.zeros(2, 7, 0)), T, NOTHING) for y in (x, x[:, order])
    )
    torch.testing.assert_close(shuffled, out[:, order], atol=1e-5, rtol=1e-4)


def test_an_embedding_of_the_modality_sees_time_padding_and_options(build, batch):
    options = Inference(rope_rule="ntk")

    class Timed(nn.Linear):
        def forward(self, features, t, mask=batch.mask, inference=options):
            assert mask is batch.mask
            assert inference is options
            return super().forward(features * t[:, None, None])

    config = build().config
    model = NextDiT(config, input_embedding=Timed(5, 48))
    expected = model.x_embedder(batch.features, T)
    assert torch.equal(model.features(batch, T, NOTHING, options), expected)


@pytest.mark.parametrize("padded", [False, True])
def test_recomputed_activations_give_the_same_gradients(build, grids, collate, padded):
    tokens = collate(grids([(3, 4), (2, 2) if padded else (3, 4)]))
    cond = Conditioning(cross=torch.randn(2, 3, 10))
    found = []
    for activation_checkpointing in (False, True):
        model = build(text_dim=10, activation_checkpointing=activation_checkpointing)
        model.predict(tokens, T, cond).square().sum().backward()
        found.append({name: p.grad for name, p in model.named_parameters()})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, atol=0, rtol=1e-5)


@pytest.mark.slow
def test_compiled_blocks_give_the_same(build, grids, collate):
    """Forward and backward, packed and not, at changing lengths; parameter names stay."""
    plain, fast = (build(text_dim=10) for _ in range(2))
    fast.compile_blocks()
    assert fast.state_dict().keys() == plain.state_dict().keys()
    for sizes in ([(3, 4), (2, 2)], [(3, 4), (3, 4)], [(2, 5), (4, 4)]):
        tokens = collate(grids(sizes))
        cond = Conditioning(cross=torch.randn(2, 3, 10), cross_mask=torch.tensor([[True] * 3, [True, False, False]]))
        out = [model.predict(tokens, T, cond) for model in (plain, fast)]
        torch.testing.assert_close(out[1], out[0], atol=1e-5, rtol=1e-4)
        for model, result in zip((plain, fast), out, strict=True):
            model.zero_grad()
            result.square().sum().backward()
        for (name, p), q in zip(plain.named_parameters(), fast.parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, atol=1e-3, rtol=1e-3, msg=name)


def tensors(**settings):
    with torch.device("meta"):
        return NextDiT(NextDiTConfig(**settings)).state_dict().values()


def count(**settings):
    return sum(tensor.numel() for tensor in tensors(**settings))


@pytest.mark.parametrize(
    ("dim", "layers", "family", "parameters"),
    [
        (1536, 16, LARGE_NEXT, 559_455_776),
        (2304, 24, LARGE_NEXT, 1_763_043_104),
        (3072, 32, LARGE_NEXT, 4_036_300_832),
        (4096, 32, LARGE_NEXT, 7_025_122_336),
        (1536, 16, LARGE_FLAG, 609_836_576),
        (3072, 32, LARGE_FLAG, 4_237_824_032),
        (4096, 32, LARGE_FLAG, 7_293_819_936),
    ],
)
def test_parameters_of_class_conditional_models(dim, layers, family, parameters):
    assert count(dim=dim, num_layers=layers, **family) + LABELS == parameters


def test_parameters_of_text_to_image():
    assert count(**LARGE_TEXT, num_kv_heads=8) == 1_627_386_400
    assert len(tensors(**LARGE_TEXT, num_kv_heads=8)) == 567
    assert count(**LARGE_TEXT | {"token_dim": 64}, num_kv_heads=8) == 1_627_718_272


def test_parameters_of_flag_dit_with_text():
    wide = {"dim": 3072, "num_layers": 32, "text_dim": 4096, "line_tokens": True, "pad_token": True}
    assert count(**LARGE_FLAG, **wide) == 5_046_643_744
    audio = {"dim": 768, "num_layers": 16, "text_dim": 1024, "token_dim": 20, "position_axes": 1}
    assert count(**LARGE_FLAG | audio | {"learn_sigma": False, "qk_norm": None}) == 197_940_244


def test_recognition_is_about_86_million():
    assert count(token_dim=768, position_axes=2, modulation="learned") == pytest.approx(86e6, rel=0.01)
