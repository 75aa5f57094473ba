"""Folders as the released code writes them, written here tensor by tensor under the official names."""

import argparse

import pytest
import torch
from safetensors.torch import save_file

from lumina.backbone import NextDiTConfig
from lumina.checkpoints import load_diffusers, load_official, load_official_labels, save_diffusers
from lumina.values import Conditioning, Tokens

DIM, LAYERS, TEXT, FFN, LABELS = 64, 2, 24, 256, 11
T2I = NextDiTConfig(
    dim=DIM,
    num_layers=LAYERS,
    num_heads=4,
    num_kv_heads=2,
    token_dim=16,
    position_axes=2,
    text_dim=TEXT,
    learn_sigma=True,
    pad_token=True,
)
IMAGENET = NextDiTConfig(
    dim=DIM,
    num_layers=LAYERS,
    num_heads=4,
    num_kv_heads=4,
    token_dim=16,
    position_axes=2,
    affine_pre_norm=False,
    final_shift=True,
    learn_sigma=True,
)


def linear(out, width, bias=False):
    return {"weight": (out, width)} | ({"bias": (out,)} if bias else {})


def norm(width, bias=False):
    return {"weight": (width,)} | ({"bias": (width,)} if bias else {})


def trunk(final):
    return {
        "x_embedder": linear(DIM, 16, True),
        "t_embedder.mlp.0": linear(DIM, 256, True),
        "t_embedder.mlp.2": linear(DIM, DIM, True),
        "final_layer.linear": linear(32, DIM, True),
        "final_layer.adaLN_modulation.1": linear(final * DIM, DIM, True),
    }


def layer(kv_width):
    return {
        "attention.wq": linear(DIM, DIM),
        "attention.wk": linear(kv_width, DIM),
        "attention.wv": linear(kv_width, DIM),
        "attention.wo": linear(DIM, DIM),
        "attention.q_norm": norm(DIM, True),
        "attention.k_norm": norm(kv_width, True),
        "feed_forward.w1": linear(FFN, DIM),
        "feed_forward.w2": linear(DIM, FFN),
        "feed_forward.w3": linear(FFN, DIM),
        "adaLN_modulation.1": linear(4 * DIM, DIM, True),
    }


def tensors_of(modules, layers, bare):
    """Random tensors for ``{module: {leaf: shape}}`` and ``{name: shape}``."""
    modules = modules | {f"layers.{i}.{name}": leaves for i in range(LAYERS) for name, leaves in layers.items()}
    shapes = {f"{name}.{leaf}": shape for name, leaves in modules.items() for leaf, shape in leaves.items()} | bare
    generator = torch.Generator().manual_seed(0)
    return {name: 0.2 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


@pytest.fixture
def text_to_image():
    modules = trunk(1) | {"cap_embedder.0": norm(TEXT, True), "cap_embedder.1": linear(DIM, TEXT, True)}
    norms = ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2")
    text = {
        "attention.wk_y": linear(32, TEXT),
        "attention.wv_y": linear(32, TEXT),
        "attention.ky_norm": norm(32, True),
        "attention_y_norm": norm(TEXT),
    }
    bare = {"pad_token": (DIM,)} | {f"layers.{i}.attention.gate": (4,) for i in range(LAYERS)}
    return tensors_of(modules, layer(32) | text | {name: norm(DIM) for name in norms}, bare)


@pytest.fixture
def imagenet():
    post = {"attention_norm": norm(DIM), "ffn_norm": norm(DIM)}
    return tensors_of(trunk(2), layer(DIM) | post, {"y_embedder.embedding_table.weight": (LABELS, DIM)})


def example():
    generator = torch.Generator().manual_seed(1)
    places = torch.cartesian_prod(torch.arange(3), torch.arange(4))
    tokens = Tokens(features=torch.randn(2, 12, 16, generator=generator), positions=places.expand(2, -1, -1))
    return tokens, torch.tensor([0.2, 0.9])


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_text_to_image(text_to_image, tmp_path, suffix):
    save = torch.save if suffix == "pth" else save_file
    save(text_to_image, tmp_path / f"consolidated.00-of-01.{suffix}")
    model = load_official(tmp_path)
    assert model.config == T2I
    state = model.state_dict()
    assert state.keys() == text_to_image.keys()
    same = [name for name in state if torch.equal(state[name], text_to_image[name])]
    assert set(state) - set(same) == {"final_layer.linear.weight", "final_layer.linear.bias"}


def test_output_rows(text_to_image, tmp_path):
    """Row (ph, pw, c) of the file, c counting both halves, is row (half, c mod 4, ph, pw) here."""
    torch.save(text_to_image, tmp_path / "consolidated.00-of-01.pth")
    bias = load_official(tmp_path).final_layer.linear.bias
    for ph in range(2):
        for pw in range(2):
            for c in range(8):
                assert bias[c * 4 + ph * 2 + pw] == text_to_image["final_layer.linear.bias"][(ph * 2 + pw) * 8 + c]


def test_official_and_diffusers_formats_agree(text_to_image, tmp_path):
    torch.save(text_to_image, tmp_path / "consolidated.00-of-01.pth")
    model = load_official(tmp_path)
    save_diffusers(model, tmp_path / "other")
    again = load_diffusers(tmp_path / "other").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in model.state_dict().items())


def test_class_conditional(imagenet, tmp_path):
    """Norms renamed, label table apart; heads, which no shape shows, from the pickled arguments."""
    torch.save(imagenet, tmp_path / "consolidated.00-of-01.pth")
    torch.save(argparse.Namespace(model="DiT_Llama", n_heads=4, qk_norm=True), tmp_path / "model_args.pth")
    model, labels = load_official(tmp_path), load_official_labels(tmp_path)
    assert model.config == IMAGENET
    assert torch.equal(labels, imagenet["y_embedder.embedding_table.weight"])
    for index, block in enumerate(model.layers):
        assert torch.equal(block.attention_norm2.weight, imagenet[f"layers.{index}.attention_norm.weight"])
        assert torch.equal(block.ffn_norm2.weight, imagenet[f"layers.{index}.ffn_norm.weight"])
        assert block.attention_norm1.weight is None
    tokens, t = example()
    out = model.predict(tokens, t, Conditioning(pooled=labels[[0, 3]]))
    assert out.shape == tokens.features.shape and out.isfinite().all()


def test_final_layer_shifts_then_scales(imagenet, tmp_path):
    """The first half of its modulation is the shift: alone, it moves the output by ``linear(shift)``."""
    imagenet["final_layer.adaLN_modulation.1.weight"].zero_()
    imagenet["final_layer.adaLN_modulation.1.bias"][DIM:] = -1.0  # 1 + scale = 0: the tokens vanish
    save_file(imagenet, tmp_path / "consolidated.00-of-01.safetensors")
    torch.save(argparse.Namespace(n_heads=4), tmp_path / "model_args.pth")
    tokens, t = example()
    model = load_official(tmp_path)
    out = model.predict(tokens, t, Conditioning())
    shift = imagenet["final_layer.adaLN_modulation.1.bias"][:DIM]
    torch.testing.assert_close(out, model.final_layer.linear(shift)[:16].expand_as(out))


def test_heads_without_arguments(imagenet, tmp_path):
    torch.save(imagenet, tmp_path / "consolidated.00-of-01.pth")
    with pytest.raises(ValueError, match="the head width 2 "):  # 64 / 32 is too narrow for two axes
        load_official(tmp_path)


def test_only_what_is_safe_is_unpickled(imagenet, tmp_path):
    torch.save(imagenet, tmp_path / "consolidated.00-of-01.pth")
    torch.save(argparse.Namespace(n_heads=4, run=print), tmp_path / "model_args.pth")
    with pytest.raises(Exception, match="Weights only load failed"):
        load_official(tmp_path)


def test_averaged_weights_are_preferred(text_to_image, tmp_path):
    torch.save(text_to_image, tmp_path / "consolidated.00-of-01.pth")
    averaged = {name: tensor + 1 for name, tensor in text_to_image.items()}
    torch.save(averaged, tmp_path / "consolidated_ema.00-of-01.pth")
    assert torch.equal(load_official(tmp_path).x_embedder.bias, averaged["x_embedder.bias"])


@pytest.mark.parametrize("names", [["00-of-02", "01-of-02"], ["00-of-02"]])
def test_split_weights_are_refused(text_to_image, tmp_path, names):
    for name in names:
        torch.save(text_to_image, tmp_path / f"consolidated.{name}.pth")
    with pytest.raises(ValueError, match=r"expected the one file consolidated\.00-of-01\.pth, got .*00-of-02"):
        load_official(tmp_path)


def test_what_is_no_lumina_checkpoint(text_to_image, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no consolidated"):
        load_official(tmp_path)
    torch.save({"blocks.0.weight": torch.zeros(2)}, tmp_path / "consolidated.00-of-01.pth")
    with pytest.raises(ValueError, match=r"x_embedder\.weight, .* missing among 1 tensors"):
        load_official(tmp_path)
    del text_to_image["layers.1.ffn_norm1.weight"]
    torch.save(text_to_image, tmp_path / "consolidated.00-of-01.pth")
    with pytest.raises(ValueError, match=r"1 missing \(layers\.1\.ffn_norm1\.weight\)"):
        load_official(tmp_path)
    with pytest.raises(ValueError, match="not class-conditional"):
        load_official_labels(tmp_path)


def test_weights_are_mapped_not_copied(text_to_image, tmp_path):
    """One copy: the parameters are the tensors of the file, in its dtype, and can be trained."""
    half = {name: tensor.bfloat16() for name, tensor in text_to_image.items()}
    torch.save(half, tmp_path / "consolidated.00-of-01.pth")
    model = load_official(tmp_path)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert model.layers[0].attention.wq.weight.requires_grad
    with torch.no_grad():
        model.x_embedder.bias.add_(1)
    assert torch.equal(load_official(tmp_path).x_embedder.bias, half["x_embedder.bias"])
