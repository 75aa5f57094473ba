"""The table of tensors of the released text-to-image model, to the last name and shape, without its memory."""

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.weights.diffusers import their_name

LAYERS = 24
LEADING = {
    "pad_token": (2304,),
    "x_embedder.weight": (2304, 16),
    "x_embedder.bias": (2304,),
    "t_embedder.mlp.0.weight": (1024, 256),
    "t_embedder.mlp.0.bias": (1024,),
    "t_embedder.mlp.2.weight": (1024, 1024),
    "t_embedder.mlp.2.bias": (1024,),
    "cap_embedder.0.weight": (2048,),
    "cap_embedder.0.bias": (2048,),
    "cap_embedder.1.weight": (1024, 2048),
    "cap_embedder.1.bias": (1024,),
    "final_layer.linear.weight": (32, 2304),
    "final_layer.linear.bias": (32,),
    "final_layer.adaLN_modulation.1.weight": (2304, 1024),
    "final_layer.adaLN_modulation.1.bias": (2304,),
}
LAYER = {
    "attention.gate": (32,),
    "attention.wq.weight": (2304, 2304),
    "attention.wk.weight": (576, 2304),
    "attention.wv.weight": (576, 2304),
    "attention.wk_y.weight": (576, 2048),
    "attention.wv_y.weight": (576, 2048),
    "attention.wo.weight": (2304, 2304),
    "attention.q_norm.weight": (2304,),
    "attention.q_norm.bias": (2304,),
    "attention.k_norm.weight": (576,),
    "attention.k_norm.bias": (576,),
    "attention.ky_norm.weight": (576,),
    "attention.ky_norm.bias": (576,),
    "feed_forward.w1.weight": (6144, 2304),
    "feed_forward.w2.weight": (2304, 6144),
    "feed_forward.w3.weight": (6144, 2304),
    "attention_norm1.weight": (2304,),
    "attention_norm2.weight": (2304,),
    "ffn_norm1.weight": (2304,),
    "ffn_norm2.weight": (2304,),
    "attention_y_norm.weight": (2048,),
    "adaLN_modulation.1.weight": (9216, 1024),
    "adaLN_modulation.1.bias": (9216,),
}
TABLE = LEADING | {f"layers.{i}.{name}": shape for i in range(LAYERS) for name, shape in LAYER.items()}


@pytest.fixture(scope="module")
def shapes():
    heads = {"num_heads": 32, "num_kv_heads": 8, "token_dim": 16, "position_axes": 2, "text_dim": 2048}
    config = NextDiTConfig(dim=2304, num_layers=LAYERS, learn_sigma=True, pad_token=True, **heads)
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in NextDiT(config).state_dict().items()}


def test_names_and_shapes_are_the_released_ones(shapes):
    assert shapes == TABLE
    assert len(TABLE) == 567
    assert sum(torch.Size(shape).numel() for shape in TABLE.values()) == 1_627_386_400


def test_diffusers_has_the_same_under_its_own_names(shapes):
    diffusers = pytest.importorskip("diffusers")
    heads = {"num_attention_heads": 32, "num_kv_heads": 8, "cross_attention_dim": 2048}
    with torch.device("meta"):
        peer = diffusers.LuminaNextDiT2DModel(hidden_size=2304, num_layers=LAYERS, **heads)
    theirs = {name: tuple(tensor.shape) for name, tensor in peer.state_dict().items()}
    copies = {name for name in theirs if ".attn2.to_q." in name or ".attn2.norm_q." in name}
    assert {their_name(name): shape for name, shape in shapes.items()} == {n: theirs[n] for n in theirs.keys() - copies}
    assert len(copies) == 3 * LAYERS
