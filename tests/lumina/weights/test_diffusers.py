"""diffusers' LuminaNextDiT2DModel as an oracle for the backbone, and weights in its format both ways."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.values import Conditioning, Inference, Tokens

LuminaNextDiT2DModel = pytest.importorskip("diffusers").LuminaNextDiT2DModel
HEAD_DIM, TABLE, FILE = 24, 32, "diffusion_pytorch_model.safetensors"
SIZES = {
    "sample_size": 16,
    "hidden_size": 96,
    "num_layers": 3,
    "num_attention_heads": 4,
    "num_kv_heads": 2,
    "cross_attention_dim": 40,
}
TEXT_LENGTHS = (7, 1, 4)


@pytest.fixture
def peer(randomise):
    """A random diffusers model whose two queries are equal, as in the released weights."""
    return tie(randomise(LuminaNextDiT2DModel(**SIZES)))


@pytest.fixture
def folder(peer, tmp_path):
    peer.save_pretrained(tmp_path)
    return tmp_path


def tie(model):
    for layer in model.layers:
        layer.attn2.to_q.load_state_dict(layer.attn1.to_q.state_dict())
        if layer.attn1.norm_q is not None:
            layer.attn2.norm_q.load_state_dict(layer.attn1.norm_q.state_dict())
    return model


def patchify(images, patch=2):
    """[B, C, H, W] to tokens with features in the order (c, ph, pw), row by row."""
    rows, columns = images.shape[2] // patch, images.shape[3] // patch
    blocks = images.unfold(2, patch, patch).unfold(3, patch, patch)
    features = blocks.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
    places = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    return Tokens(features=features, positions=places.expand(len(images), -1, -1))


def unpatchify(features, height, width, patch=2):
    blocks = features.unflatten(1, (height // patch, width // patch)).unflatten(-1, (-1, patch, patch))
    return blocks.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def example(height, width, channels=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(3, channels, height, width, generator=generator)
    text = torch.randn(3, 7, SIZES["cross_attention_dim"], generator=generator)
    mask = torch.arange(7) < torch.tensor(TEXT_LENGTHS)[:, None]
    return images, torch.tensor([0.0, 0.3, 1.0]), text, mask


def ask_peer(peer, images, t, text, mask, linear=1.0, ntk=1.0, **options):
    """All output channels; the first half is the prediction."""
    from diffusers.models.embeddings import get_2d_rotary_pos_embed_lumina

    table = get_2d_rotary_pos_embed_lumina(HEAD_DIM, TABLE, TABLE, linear, ntk)
    return peer(images, t, text, mask, table, cross_attention_kwargs=options).sample


def ask_ours(model, images, t, text, mask, inference=None):
    tokens = patchify(images)
    out = model.predict(tokens, t, Conditioning(cross=text, cross_mask=mask), inference)
    return unpatchify(out, *images.shape[2:])


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 14), (12, 6)])
def test_same_output(peer, folder, height, width):
    batch = example(height, width)
    with torch.no_grad():
        theirs, ours = ask_peer(peer, *batch)[:, :4], ask_ours(load_diffusers(folder), *batch)
    assert theirs.abs().mean() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_unused_half_lands_in_the_unused_rows(peer, folder):
    """What diffusers calls the second half of the channels is the second half of the head's rows, in token order."""
    model, batch = load_diffusers(folder), example(8, 8)
    with torch.no_grad():
        expected = ask_peer(peer, *batch)[:, 4:]
        for parameter in (model.final_layer.linear.weight, model.final_layer.linear.bias):
            parameter.copy_(parameter.roll(16, 0))
        torch.testing.assert_close(ask_ours(model, *batch), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("base", [4, 16, 4096])
def test_proportional_attention(peer, folder, base):
    batch = example(8, 12)
    with torch.no_grad():
        theirs = ask_peer(peer, *batch, base_sequence_length=base)[:, :4]
        ours = ask_ours(load_diffusers(folder), *batch, Inference(proportional_base=base))
        plain = ask_peer(peer, *batch)[:, :4]
    assert (theirs - plain).abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("rule", "factors"), [("interpolation", (2.5, 1.0)), ("ntk", (1.0, 2.5))])
def test_scaled_positions(peer, folder, rule, factors):
    batch = example(20, 20)
    with torch.no_grad():
        theirs = ask_peer(peer, *batch, *factors)[:, :4]
        ours = ask_ours(load_diffusers(folder), *batch, Inference(rope_rule=rule, trained_length=(4, 4)))
        plain = ask_peer(peer, *batch)[:, :4]
    assert (theirs - plain).abs().max() > 1e-3
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_same_gradients(peer, folder):
    batch, model = example(8, 12), load_diffusers(folder)
    ask_peer(peer, *batch)[:, :4].square().mean().backward()
    ask_ours(model, *batch).square().mean().backward()
    ours = {name: parameter.grad for name, parameter in model.named_parameters()}
    for index, layer in enumerate(peer.layers):
        pairs = {
            "attention.wq.weight": layer.attn1.to_q.weight.grad + layer.attn2.to_q.weight.grad,
            "attention.q_norm.bias": layer.attn1.norm_q.bias.grad + layer.attn2.norm_q.bias.grad,
            "attention.wk.weight": layer.attn1.to_k.weight.grad,
            "attention.wv_y.weight": layer.attn2.to_v.weight.grad,
            "attention.gate": layer.gate.grad,
            "adaLN_modulation.1.weight": layer.norm1.linear.weight.grad,
            "attention_y_norm.weight": layer.norm1_context.weight.grad,
            "feed_forward.w3.weight": layer.feed_forward.linear_3.weight.grad,
        }
        for name, expected in pairs.items():
            error = (ours[f"layers.{index}.{name}"] - expected).norm() / expected.norm()
            assert expected.norm() > 0 and error < 1e-4, (index, name, error)


@pytest.mark.parametrize(
    "other",
    [
        {"num_kv_heads": 4, "learn_sigma": False},
        {"num_kv_heads": None, "qk_norm": False},
        {"patch_size": 1, "in_channels": 6, "multiple_of": 32, "norm_eps": 1e-3},
    ],
)
def test_every_setting_of_the_config_is_read(randomise, tmp_path, other):
    peer = tie(randomise(LuminaNextDiT2DModel(**SIZES | other)))
    peer.save_pretrained(tmp_path)
    model, patch = load_diffusers(tmp_path), peer.patch_size
    images, t, text, mask = example(8, 8, channels=peer.in_channels)
    with torch.no_grad():
        theirs = ask_peer(peer, images, t, text, mask)[:, : peer.in_channels]
        out = model.predict(patchify(images, patch), t, Conditioning(cross=text, cross_mask=mask))
    torch.testing.assert_close(unpatchify(out, 8, 8, patch), theirs, atol=1e-5, rtol=1e-4)


def test_saved_weights_load_in_diffusers(randomise, tmp_path):
    config = NextDiTConfig(
        dim=96, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=40, learn_sigma=True
    )
    model = randomise(NextDiT(config))
    save_diffusers(model, tmp_path / "new" / "folder")
    peer, report = LuminaNextDiT2DModel.from_pretrained(tmp_path / "new" / "folder", output_loading_info=True)
    assert not any(report.values()), report
    batch = example(6, 10)
    with torch.no_grad():
        torch.testing.assert_close(ask_peer(peer, *batch)[:, :4], ask_ours(model, *batch), atol=1e-5, rtol=1e-4)


def test_round_trip_is_exact_even_onto_itself(folder):
    """The parameters are mapped from the file that is being replaced."""
    model, before = load_diffusers(folder), load_file(folder / FILE)
    before = {name: tensor.clone() for name, tensor in before.items()}
    save_diffusers(model, folder)
    after = load_file(folder / FILE)
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert [path.name for path in sorted(folder.iterdir())] == ["config.json", FILE]


def test_pipeline_folder_and_shards(peer, tmp_path):
    peer.save_pretrained(tmp_path / "transformer", max_shard_size="200KB")
    assert len(list((tmp_path / "transformer").glob("*.safetensors"))) > 2
    model, batch = load_diffusers(tmp_path), example(8, 8)
    with torch.no_grad():
        torch.testing.assert_close(ask_ours(model, *batch), ask_peer(peer, *batch)[:, :4], atol=1e-5, rtol=1e-4)


def test_dtype_of_the_file_and_what_is_trained(peer, tmp_path):
    peer.to(torch.bfloat16).save_pretrained(tmp_path)
    parameters = dict(load_diffusers(tmp_path).named_parameters())
    assert {parameter.dtype for parameter in parameters.values()} == {torch.bfloat16}
    assert [name for name, parameter in parameters.items() if not parameter.requires_grad] == ["pad_token"]


@pytest.mark.parametrize("part", ["to_q.weight", "norm_q.weight", "norm_q.bias"])
def test_unequal_queries_are_refused(peer, tmp_path, part):
    peer.get_parameter(f"layers.1.attn2.{part}").data.view(-1)[3] += 1e-3
    peer.save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=rf"layers\.1\.attn1\.{part} and layers\.1\.attn2\.{part} differ"):
        load_diffusers(tmp_path)


def test_an_uninitialised_pad_token_does_not_matter(peer, tmp_path):
    peer.pad_token.data.fill_(float("nan"))
    peer.save_pretrained(tmp_path)
    with torch.no_grad():
        assert ask_ours(load_diffusers(tmp_path), *example(8, 8)).isfinite().all()


def test_tensors_that_do_not_fit_are_listed(folder):
    tensors = load_file(folder / FILE)
    del tensors["layers.2.attn2.to_q.weight"]
    tensors["layers.3.gate"] = torch.zeros(4)
    tensors["norm_out.linear_2.bias"] = torch.zeros(16)
    save_file(tensors, folder / FILE)
    with pytest.raises(ValueError) as error:
        load_diffusers(folder)
    for fault in (
        "1 missing (layers.2.attn2.to_q.weight)",
        "1 unexpected (layers.3.gate)",
        "1 of another shape (norm_out.linear_2.bias [16] instead of [32])",
    ):
        assert fault in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"_class_name": "Lumina2Transformer2DModel"}, "Lumina2Transformer2DModel"), ({"ffn_dim_multiplier": 1.3}, "1.3")],
)
def test_other_models_are_refused(folder, change, message):
    settings = json.loads((folder / "config.json").read_text()) | change
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=message):
        load_diffusers(folder)


def test_a_folder_without_weights(folder):
    (folder / FILE).rename(folder / "diffusion_pytorch_model.fp16.safetensors")
    with pytest.raises(FileNotFoundError, match="without a variant"):
        load_diffusers(folder)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"rope_layout": "concatenated"}, r"rope_layout='concatenated' \(there 'interleaved'\)"),
        ({"position_axes": 3}, r"position_axes=3 \(there 2\)"),
        ({"text_dim": None}, "text_dim=None"),
        ({"token_dim": 18}, r"token_dim=18 \(there 16\)"),
        ({"qk_norm": "per_head"}, "qk_norm='per_head'"),
    ],
)
def test_what_diffusers_lacks_is_not_saved(tmp_path, other, message):
    sizes = {"dim": 96, "num_layers": 1, "num_heads": 4, "token_dim": 16, "position_axes": 2, "text_dim": 40}
    with pytest.raises(ValueError, match=message):
        save_diffusers(NextDiT(NextDiTConfig(**sizes | other)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_adapters_are_not_saved(folder, tmp_path):
    model = load_diffusers(folder)
    model.layers[0].attention.wq = torch.nn.Sequential(model.layers[0].attention.wq)
    with pytest.raises(ValueError, match="merge adapters"):
        save_diffusers(model, tmp_path / "other")
