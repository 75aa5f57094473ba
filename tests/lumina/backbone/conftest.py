"""Small backbones with random parameters, and batches of grids with and without padding."""

import pytest
import torch
from torch import Tensor

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.values import Tokens

SIZES = {
    "dim": 48,
    "num_layers": 2,
    "num_heads": 4,
    "num_kv_heads": 2,
    "token_dim": 5,
    "position_axes": 2,
    "multiple_of": 16,
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture
def build():
    """``build(**config)``: a backbone whose every parameter, zero-initialised ones too, is random."""

    def make(seed: int = 0, activation_checkpointing: bool = False, **other) -> NextDiT:
        model = NextDiT(NextDiTConfig(**SIZES | other), activation_checkpointing=activation_checkpointing)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                scale = 0.3 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5
                is_norm = "norm" in name and name.endswith("weight") and parameter.dim() == 1
                parameter.copy_(noise * scale + is_norm)
        return model

    return make


@pytest.fixture
def grids():
    """``grids(sizes)``: one sample ``[1, L, ...]`` for each size of a grid, every frame (first axis) a group."""

    def make(sizes, seed: int = 0, token_dim: int = SIZES["token_dim"]) -> list[Tokens]:
        generator = torch.Generator().manual_seed(seed)
        samples = []
        for size in sizes:
            places = torch.cartesian_prod(*(torch.arange(n) for n in size)).reshape(-1, len(size))
            features = torch.randn(1, len(places), token_dim, generator=generator)
            samples.append(Tokens(features=features, positions=places[None], groups=places[None, :, 0] % 2))
        return samples

    return make


@pytest.fixture
def collate():
    """One padded batch of samples; features of padding are large, to be noticed wherever they leak."""

    def pad(x: Tensor, length: int, value: float) -> Tensor:
        return torch.cat((x, x.new_full((1, length - x.shape[1], *x.shape[2:]), value)), 1)

    def make(samples: list[Tokens]) -> Tokens:
        lengths = [sample.features.shape[1] for sample in samples]
        size = max(lengths)
        return Tokens(
            features=torch.cat([pad(sample.features, size, 1e3) for sample in samples]),
            positions=torch.cat([pad(sample.positions, size, 0) for sample in samples]),
            mask=torch.arange(size) < torch.tensor(lengths)[:, None],
            groups=torch.cat([pad(sample.groups, size, 0) for sample in samples]),
        )

    return make


@pytest.fixture
def batch(grids):
    """Two samples on one grid, without padding."""
    samples = grids([(3, 4), (3, 4)])
    return Tokens(
        features=torch.cat([x.features for x in samples]), positions=torch.cat([x.positions for x in samples])
    )
