"""Models whose every parameter is random: gates, norms and zero-initialised layers too."""

import pytest
import torch
from torch import nn


@pytest.fixture
def randomise():
    """Fills every parameter: norm weights around 1, all else around 0."""

    def fill(model: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                scale = 0.3 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5
                is_norm = "norm" in name and name.endswith("weight") and parameter.dim() == 1
                parameter.copy_(noise * scale + is_norm)
        return model

    return fill
