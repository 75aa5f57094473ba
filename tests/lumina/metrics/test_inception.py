"""The network against torch-fidelity; what a picture is before it sees it."""

import pytest
import torch

from lumina.metrics.inception import SPATIAL, to_uint8


def test_network_is_torch_fidelitys(weights, network, pictures, features):
    from torch_fidelity import FeatureExtractorInceptionV3

    other = FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(weights)
    )
    pool, logits = other(to_uint8(pictures))
    assert features.pool.std(0).mean() > 1e-3  # the two pictures differ
    torch.testing.assert_close(features.pool, pool)
    torch.testing.assert_close(network.logits(features.pool).float(), logits)


def test_spatial_features_lie_as_in_tensorflow(network, pictures, features):
    seen = []
    with network.network.Mixed_6d.register_forward_hook(lambda _, __, output: seen.append(output)):
        network.describe(pictures[:1])
    # the first branch gives the first channels of the block
    expected = [seen[0][0, channel, row, column] for row in range(17) for column in range(17) for channel in range(7)]
    assert len(expected) == SPATIAL
    assert seen[0][0, :7].std() > 0.01
    torch.testing.assert_close(features.spatial[0], torch.stack(expected))


def test_autocast_and_batches_change_nothing(network, pictures, features):
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network.describe([pictures[0], pictures[1]])
    assert mixed.pool.dtype == torch.float32
    torch.testing.assert_close(mixed.pool, features.pool)
    torch.testing.assert_close(mixed.spatial, features.spatial)


def test_pictures_become_the_bytes_they_were():
    values = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_uint8(values.float() / 127.5 - 1), values)
    assert to_uint8(torch.tensor([-1.2, -1.0, 0.0, 1.0, 1.2])).tolist() == [0, 0, 128, 255, 255]


def test_grey_pictures_are_pictures_and_others_are_refused(network, pictures):
    grey = pictures[:, :1]
    torch.testing.assert_close(network.describe(grey).pool, network.describe(grey.repeat(1, 3, 1, 1)).pool)
    with pytest.raises(ValueError, match="pictures of 2 channels, expected 1"):
        network.describe(pictures[:, :2])
