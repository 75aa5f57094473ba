"""Inception with seeded random weights, which keep the size of activations from layer to layer."""

import pytest
import torch
from torch import nn

from lumina.metrics.inception import Inception


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    Extractor = pytest.importorskip("torch_fidelity").FeatureExtractorInceptionV3  # a class

    class Untrained(Extractor):
        """Keeps the weights that it is born with."""

        def load_state_dict(self, state):
            pass

    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    network = Untrained("inception", ["2048"], feature_extractor_weights_path=str(path))
    for name, parameter in network.named_parameters():
        if name.endswith("bn.weight"):
            parameter.fill_(6**0.5)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="session")
def network(weights):
    return Inception(weights).eval()


@pytest.fixture(scope="session")
def pictures():
    """Two pictures in [-1, 1] that are smooth at the scale of a pixel."""
    coarse = torch.rand(2, 3, 6, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return nn.functional.interpolate(coarse, size=(30, 40), mode="bilinear")


@pytest.fixture(scope="session")
def features(network, pictures):
    return network.describe(pictures)
