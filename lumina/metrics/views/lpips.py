"""LPIPS on VGG-16 (Zhang et al., 2018), with weights from a file."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from lumina.config.locate import locate
from lumina.frozen.network import Frozen

SOURCE = "https://download.pytorch.org/models/vgg16-397923af.pth"


class Lpips:
    """LPIPS of pictures; torchmetrics brings its linear layers, VGG-16 comes from torchvision's file.

    Args:
        weights: torchvision's ``vgg16-397923af.pth``.
    """

    def __init__(self, weights: Path) -> None:
        self.weights = locate(weights)
        self._network = Frozen(self._load)

    def ready(self) -> bool:
        """Whether the weights are there; warns if they are not."""
        there = self.weights.is_file()
        if not there:
            warnings.warn(
                f"LPIPS is left out, because {self.weights} does not exist: download {SOURCE} to that path.",
                stacklevel=2,
            )
        return there

    @torch.no_grad()
    def __call__(self, pictures: Tensor, true: Tensor) -> Tensor:
        """LPIPS ``[N]`` of pictures ``[N, 3, H, W]`` in [0, 1]; lower is better."""
        network = self._network.on(pictures.device)
        with torch.autocast(pictures.device.type, enabled=False):
            return network(pictures, true, normalize=True).flatten().double()

    def _load(self) -> nn.Module:
        from torchmetrics.functional.image.lpips import _NoTrainLpips

        network = _NoTrainLpips(net="vgg", pnet_rand=True)
        stored = torch.load(self.weights, map_location="cpu", weights_only=True)
        layers = {name.removeprefix("features."): value for name, value in stored.items() if "features." in name}
        wanted = {
            name: name.split(".", 1)[1] for name in network.net.state_dict()
        }  # slice1.0.weight: features.0.weight
        if missing := set(wanted.values()) - set(layers):
            raise ValueError(f"{self.weights} lacks features.{min(missing)} of VGG-16: download {SOURCE}.")
        network.net.load_state_dict({name: layers[of] for name, of in wanted.items()})
        return network
