"""Frechet distance of sounds, and the divergence and Inception Score of their tags."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from lumina.metrics.audio.divergence import kl_divergence
from lumina.metrics.audio.features import Heard, SoundFeatures
from lumina.metrics.audio.sound_metric import SoundMetric, Sounds
from lumina.metrics.frechet import frechet_distance
from lumina.metrics.inception_score import inception_score_of_splits
from lumina.metrics.order import content_keys
from lumina.metrics.principal import PrincipalAxes
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Batch

STATES = ("generated", "real", "tags", "keys")


class SoundQuality(SoundMetric):
    """Compares generated sounds with the real ones of the same split, by a network of your choice.

    * The Frechet distance of its features, named by the network: ``fad`` (`VGGish`), ``fad_clap`` (`Clap`),
      ``fd_panns`` (`Cnn14`), ``fd_passt`` (`Passt`), ``aisfx_frechet`` (`Aisfx`), ``musicnn_frechet`` (`Musicnn`). All
      windows of all sounds are pooled; the last two distances are on 32 principal components of the real features.
    * ``<distance>_windows`` and ``<distance>_windows_real``: how many windows that were. Compare no distances of
      different numbers: the fewer, the larger.
    * ``kl_panns``, ``kl_passt``: mean of KL(real || generated) over pairs, that is a real sound and the one generated
      from its conditions; softmax of the tags, 1e-6 inside the logarithm, as audioldm_eval and audiocraft. A sound's
      logits are averaged over its windows.
    * ``is_panns``, ``is_passt`` and ``..._std``: Inception Score of the tags over 10 shuffled parts.

    Sounds are compared at the rate of the network, as far as the real one lasts; their loudness is left alone.

    Args:
        features: the network.
        rate: of the generated and the real sounds, in Hz.
    """

    generated: list[Tensor]
    real: list[Tensor]
    tags: list[Tensor]
    keys: list[Tensor]
    divergence: Tensor

    def __init__(self, features: SoundFeatures, rate: int = 16_000) -> None:
        super().__init__(features, rate)
        for state in STATES:
            self.add_state(state, default=[], dist_reduce_fx="cat")
        self.add_state("divergence", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, generated: Sounds, batch: Batch) -> None:
        """Adds sounds ``[B, N]`` or a list of ``[N_i]``, and beside them the real ones, ``batch["sound"]``."""
        heard, real = self.listen(generated, batch), self.listen(batch["sound"], batch)
        self.generated += [one.features for one in heard]
        self.real += [one.features for one in real]
        tags, real_tags = tagged(heard), tagged(real)
        if tags is not None and real_tags is not None:
            self.divergence += kl_divergence(real_tags, tags).sum()
            self.tags.append(tags)
            self.keys.append(content_keys(generated).to(tags.device))

    def results(self) -> dict[str, float]:
        """The distance, its windows, and what the tags say, if the network has them."""
        generated, real = dim_zero_cat(self.generated), dim_zero_cat(self.real)
        distance, name = self.features.distance, self.features.name
        report = {f"{distance}_windows": float(len(generated)), f"{distance}_windows_real": float(len(real))}
        with self.attempt(distance):
            report[distance] = distance_of(generated, real, self.features.components)
        if len(self.tags):
            tags = dim_zero_cat(self.tags)
            report[f"kl_{name}"] = self.divergence.item() / len(tags)
            with self.attempt(f"is_{name}"):
                tags = tags[dim_zero_cat(self.keys).argsort()]
                order = torch.randperm(len(tags), generator=keyed_generator(Purpose.CHOICE)).to(tags.device)
                report[f"is_{name}"], report[f"is_{name}_std"] = inception_score_of_splits(tags[order])
        return report


def distance_of(generated: Tensor, real: Tensor, components: int | None) -> float:
    """Frechet distance of ``generated [N, D]`` to ``real [M, D]``, on the first principal components of the real ones.

    Raises:
        ValueError: a set has fewer than two rows.
    """
    if components is None or min(len(generated), len(real)) < 2:
        return frechet_distance(generated, real)
    axes = PrincipalAxes(real, components)
    return frechet_distance(axes.project(generated), axes.project(real))


def tagged(heard: list[Heard]) -> Tensor | None:
    """``[B, K]``, the logits of each sound averaged over its windows; None = there are none."""
    tags = [one.tags.mean(0) for one in heard if one.tags is not None]
    return torch.stack(tags) if tags else None
