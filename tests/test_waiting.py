"""A training step asks the device nothing: tensors on the meta device have no numbers to tell."""

from __future__ import annotations

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.conditioning.condition_set import ConditionerSet
from lumina.conditioning.text import TextConditioner
from lumina.interfaces import TextEncoder
from lumina.objectives import recognition as objectives
from lumina.objectives.flow_matching import FlowMatching
from lumina.randomness import Purpose, SampleGenerators
from lumina.values import Conditioning, Prefix, Tokens
from modalities.image import Image
from modalities.point_cloud import PointCloud
from modalities.recognition import PooledHead, Recognition

META = torch.device("meta")
CPU = torch.device("cpu")
CAPTIONS = ["a cat", "", "a very long dog"]


class Words(TextEncoder):
    """Features of as many tokens as there are words, on the device."""

    dim = 6

    def encode(self, captions, device):
        return [torch.zeros(len(caption.split()), self.dim, device=META) for caption in captions]


def step(modality, data, captions=CAPTIONS, prefix=None, **config):
    """Forward and backward on the meta device; what is drawn, and which captions are dropped, is the host's."""
    tokens = modality.tokenize(data, {})
    axes = {"token_dim": modality.token_dim, "position_axes": modality.position_axes, "text_dim": Words.dim}
    backbone = NextDiT(
        NextDiTConfig(dim=24, num_layers=2, num_heads=2, multiple_of=8, **axes | config), modality.input_embedding(24)
    )
    texts = ConditionerSet([TextConditioner(Words(), dropout=0.5)], 24)
    generators = SampleGenerators(Purpose.TRAINING, [(n,) for n in range(3)], CPU)
    cond = texts.train_conditions({"caption": captions}, 3, generators)
    cond = Conditioning(cross=cond.cross, cross_mask=cond.cross_mask, cross_lengths=cond.cross_lengths, prefix=prefix)
    objective = FlowMatching().train()
    loss = objective.loss(backbone.to(META), tokens, cond, {}, generators)["loss"]
    loss.backward()
    assert isinstance(tokens.count, int)
    return loss


def pictures(*sizes):
    return [torch.zeros(3, *size, device=META) for size in sizes]


MIXED = pictures((4, 8), (8, 8), (2, 6))


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
def test_mixed_sizes_and_texts(mixed_sizes):
    assert step(Image((8, 8)), MIXED, mixed_sizes=mixed_sizes).device.type == "meta"


def test_one_size_and_texts():
    step(Image((8, 8)), torch.zeros(3, 3, 8, 8, device=META))


def test_stochastic_depth():
    step(Image((8, 8)), MIXED, drop_path=0.2)


@pytest.mark.parametrize("embedding", ["fourier", "rope"])
def test_points_of_mixed_densities(embedding):
    clouds = [torch.zeros(count, 3, device=META) for count in (5, 9, 2)]
    step(PointCloud(8, embedding=embedding), clouds)


def test_a_prefix_of_mixed_lengths():
    parts = [torch.zeros(length, 12, device=META) for length in (3, 1, 4)]
    places = [torch.zeros(length, 2, device=META) for length in (3, 1, 4)]
    step(Image((8, 8)), MIXED, prefix=Prefix(tokens=Tokens.padded(parts, places)))


def test_recognition_of_mixed_sizes():
    modality = Recognition((8, 8), patch_size=2, classes=["a", "b"])
    config = NextDiTConfig(
        dim=24, num_layers=2, num_heads=2, multiple_of=8, token_dim=12, position_axes=2, modulation="learned"
    )
    objective = objectives.Recognition(PooledHead(2))
    objective.build(config, modality)
    batch = {"label": torch.zeros(3, dtype=torch.long, device=META)}
    generators = SampleGenerators(Purpose.TRAINING, [(n,) for n in range(3)], CPU)
    tokens = modality.tokenize(MIXED, batch)
    loss = objective.to(META).train().loss(NextDiT(config).to(META), tokens, Conditioning(), batch, generators)
    loss["loss"].backward()


def test_lengths_are_those_of_the_mask():
    real = [torch.rand(3, size, size) for size in (4, 8, 2)]
    tokens = Image((8, 8)).tokenize(real, {})
    assert tokens.lengths == tuple(tokens.mask.sum(1).tolist()) == (4, 16, 1)
    assert tokens.count == 21 and tokens.to(CPU).lengths == tokens.lengths
    same = Image((8, 8)).tokenize([torch.rand(3, 2, 8), torch.rand(3, 4, 4)], {})
    assert same.mask is None and same.lengths is None and same.count == 8
