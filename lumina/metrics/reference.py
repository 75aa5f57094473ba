"""Reference statistics for FID and related metrics: from a published file or from the training pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed as dist
from torch import Tensor
from torch.utils.data import Subset
from torchmetrics.utilities.distributed import gather_all_tensors
from tqdm.auto import tqdm

from lumina.data.arrays import read_arrays, write_arrays
from lumina.data.batches import select
from lumina.data.loader import Loader
from lumina.data.sampler import RankSampler
from lumina.data.samples import Batcher, Samples
from lumina.files.numpy_file import open_arrays
from lumina.interfaces import DataModule, Items
from lumina.metrics.frechet import Moments
from lumina.metrics.identity import identity
from lumina.metrics.inception import POOL, SPATIAL, Features, Inception
from lumina.randomness import Purpose, keyed_generator

Arrays = Mapping[str, npt.NDArray[Any]]

PICTURES = 10_000
"""Training pictures whose features are stored for precision and recall; ADM's files contain as many."""


class Gaussian(NamedTuple):
    """Mean ``[D]`` and covariance ``[D, D]``."""

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """Statistics and features of real pictures.

    Attributes:
        pool: statistics of the ``pool_3`` features, for FID.
        spatial: statistics of the ``mixed_6/conv`` features, for sFID; None if the file lacks them.
        features: ``[M, 2048]`` ``pool_3`` features, for precision, recall and KID; None if the file lacks them.
    """

    pool: Gaussian
    spatial: Gaussian | None
    features: Tensor | None


def read_reference(path: Path, network: Inception) -> Reference:
    """Reads a reference in ADM's npz format: ``mu``, ``sigma``, and optionally ``mu_s``, ``sigma_s`` and ``arr_0``.

    ``arr_0`` contains pictures. Files that this module writes contain ``features`` instead.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file has no statistics.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"reference {path} does not exist: download one from https://github.com/openai/guided-diffusion/tree/main/"
            "evaluations (for ImageNet, VIRTUAL_imagenet256_labeled.npz) to that path, or leave `reference` out to "
            "compare with the training pictures."
        )
    with open_arrays(path) as arrays:
        if not {"mu", "sigma"} <= set(arrays):
            raise ValueError(
                f"reference {path} contains {', '.join(arrays)}, expected mu and sigma: use a file with statistics."
            )
        return _reference(arrays, network)


def training_reference(data: DataModule, network: Inception, weights: Path, cache: Path) -> Reference:
    """Computes the reference from the split ``"train"``, each picture once and without augmentation.

    The processes share the work. The result is cached in the folder ``cache``; the cache key covers the network's
    weights and the pictures (`lumina.metrics.identity`).
    """
    path = cache / f"{_fingerprint(data, weights)}.npz"
    stored = read_arrays(path)
    everywhere = _on_every_process(stored is not None, network)
    if stored is not None and everywhere:
        return _reference(stored, network)
    arrays = _measure(data, network)
    if not _distributed() or dist.get_rank() == 0:
        write_arrays(path, arrays)
    return _reference(arrays, network)


def _reference(arrays: Arrays, network: Inception) -> Reference:
    spatial = Gaussian(arrays["mu_s"], arrays["sigma_s"]) if "mu_s" in arrays else None
    features = None
    if "features" in arrays:
        features = torch.from_numpy(arrays["features"])
    elif "arr_0" in arrays:
        features = _pool_of(arrays["arr_0"], network)
    return Reference(Gaussian(arrays["mu"], arrays["sigma"]), spatial, features)


def _pool_of(pictures: npt.NDArray[np.uint8], network: Inception) -> Tensor:
    """``pool_3`` features ``[N, 2048]`` of ``pictures [N, H, W, 3]``."""
    device = network.network.fc.weight.device
    parts = tqdm(torch.from_numpy(pictures).split(64), "Reference pictures", unit="batch", disable=None)
    with torch.no_grad():
        return torch.cat([network(part.permute(0, 3, 1, 2).to(device)).pool for part in parts])


def _measure(data: DataModule, network: Inception) -> dict[str, npt.NDArray[Any]]:
    dataset: Any = data.dataset("train")
    device = network.network.fc.weight.device
    empty = Features(torch.zeros(0, POOL, device=device), torch.zeros(0, SPATIAL, device=device))
    pool, spatial = map(Moments.of, empty)
    for features in _features_of(data, dataset, network):
        pool, spatial = pool + Moments.of(features.pool), spatial + Moments.of(features.spatial)
    pool, spatial = _summed(pool), _summed(spatial)
    chosen = torch.randperm(len(dataset), generator=keyed_generator(Purpose.CHOICE))[:PICTURES].tolist()
    parts = [empty.pool, *(features.pool for features in _features_of(data, Subset(dataset, chosen), network))]
    rows = torch.cat(gather_all_tensors(torch.cat(parts)) if _distributed() else parts)
    tensors = {
        "mu": pool.mean(),
        "sigma": pool.covariance(),
        "mu_s": spatial.mean(),
        "sigma_s": spatial.covariance(),
        "features": rows,
    }
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _features_of(data: Any, dataset: Items, network: Inception) -> Iterator[Features]:
    """Features of this process's share of a data set, one batch at a time."""
    samples = Samples(dataset, data.seed, data.transform)
    rank, world = data.rank_and_world()
    loader = Loader(
        data.corrupt,
        "training",
        dataset=samples,
        sampler=RankSampler(len(samples), data.eval_batch_size, train=False, rank=rank, world=world),
        batch_size=data.eval_batch_size,
        collate_fn=Batcher(data.collate),
        num_workers=data.num_workers,
    )
    for batch in tqdm(loader, "Training pictures, for FID", unit="batch", disable=rank > 0):
        images = select(batch["image"], batch["real"])
        if len(images):
            yield network.describe(images)


def _fingerprint(data: DataModule, weights: Path) -> str:
    with weights.open("rb") as file:
        network = hashlib.file_digest(file, "sha256").hexdigest()
    return identity(data, "train", ("image",), network)


def _distributed() -> bool:
    return dist.is_available() and dist.is_initialized()


def _summed(moments: Moments) -> Moments:
    """Sums the moments over all processes."""
    if _distributed():
        for value in (moments.count, moments.total, moments.outer):
            dist.all_reduce(value)
    return moments


def _on_every_process(here: bool, network: Inception) -> bool:
    """Whether ``here`` is true on every process; nodes may have separate file systems."""
    if not _distributed():
        return here
    least = torch.tensor(int(here), device=network.network.fc.weight.device)
    dist.all_reduce(least, dist.ReduceOp.MIN)
    return bool(least)
