"""LPIPS with weights from a file."""

import pytest
import torch
from torch import nn

from lumina.metrics.views.lpips import Lpips
from lumina.metrics.views.quality import ViewQuality


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random ones, in the names of torchvision's file."""
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    features = models.vgg16(weights=None, init_weights=False).features
    for layer in features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    path = tmp_path_factory.mktemp("lpips") / "vgg16.pth"
    torch.save({f"features.{name}": value for name, value in features.state_dict().items()}, path)
    return path


def test_lpips_is_nothing_for_equal_pictures_and_grows_with_noise(weights):
    lpips = Lpips(weights)
    assert lpips.ready()
    true, noise = torch.rand(2, 3, 32, 32), torch.randn(2, 3, 32, 32)
    found = [lpips((true + scale * noise).clamp(0, 1), true) for scale in (0, 0.1, 0.5)]
    assert found[0].tolist() == [0, 0]
    assert (found[0] < found[1]).all()
    assert (found[1] < found[2]).all()


def test_the_files_weights_are_used(weights):
    stored = torch.load(weights)
    network = Lpips(weights)._network.on(torch.device("cpu"))
    assert torch.equal(network.net.slice5.get_submodule("28").weight, stored["features.28.weight"])


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match=r"lacks features\.0\.bias of VGG-16: download"):
        Lpips(path)(torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32))


def test_the_metric_reports_it(weights):
    from tiny_scenes import BallViews

    data = BallViews(2, 1, size=32)
    metric = ViewQuality(anchors=False, vgg=weights)
    metric.prepare(data)
    batch = data.batch()
    metric.update(batch["views"].roll(-1, 1), batch)
    found = metric.results()
    assert found["lpips"] > 0
    assert found["azimuth_45/lpips"] > 0
