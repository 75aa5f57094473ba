"""What FID and its kin compare with: published statistics, or those of the training pictures."""

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
from torch.utils.data import Dataset, Subset
from torchmetrics.utilities.distributed import gather_all_tensors
from tqdm.auto import tqdm

from lumina.data.arrays import read_arrays, write_arrays
from lumina.data.batches import select
from lumina.data.loader import Loader
from lumina.data.sampler import RankSampler
from lumina.data.samples import Batcher, Samples
from lumina.files.numpy_file import open_arrays
from lumina.interfaces import DataModule
from lumina.metrics.frechet import Moments
from lumina.metrics.identity import identity
from lumina.metrics.inception import POOL, SPATIAL, Features, Inception
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item

Arrays = Mapping[str, npt.NDArray[Any]]

PICTURES = 10_000
"""Training pictures whose features are kept for precision and recall: as many as ADM's files hold."""


class Gaussian(NamedTuple):
    """Mean ``[D]`` and covariance ``[D, D]``."""

    mean: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Reference:
    """The real pictures.

    Attributes:
        pool: of the features for FID.
        spatial: of the features for sFID, if known.
        features: ``[M, 2048]`` of single pictures for precision and recall, if there are any.
    """

    pool: Gaussian
    spatial: Gaussian | None
    features: Tensor | None


def read_reference(path: Path, network: Inception) -> Reference:
    """The reference in an npz file of ADM: ``mu``, ``sigma``, maybe ``mu_s``, ``sigma_s`` and pictures ``arr_0``.

    Files that this module writes hold ``features`` in place of pictures.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it has no statistics.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"reference {path} does not exist: get one from https://github.com/openai/guided-diffusion/tree/main/"
            "evaluations (for ImageNet, VIRTUAL_imagenet256_labeled.npz) and put it there, or leave `reference` out to "
            "compare with the training pictures."
        )
    with open_arrays(path) as arrays:
        if not {"mu", "sigma"} <= set(arrays):
            raise ValueError(
                f"reference {path} holds {', '.join(arrays)}, expected mu and sigma: give a file with statistics."
            )
        return _reference(arrays, network)


def training_reference(data: DataModule, network: Inception, weights: Path, cache: Path) -> Reference:
    """The reference of the split ``"train"``, every picture once and without augmentation.

    The processes share the work. The result is kept under ``cache`` and found again by the network's weights and the
    `lumina.metrics.identity` of the pictures.
    """
    path = cache / f"{_fingerprint(data, weights)}.npz"
    known = read_arrays(path)
    everywhere = _on_every_process(known is not None, network)
    if known is not None and everywhere:
        return _reference(known, network)
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
    """Features ``[N, 2048]`` of ``pictures [N, H, W, 3]``."""
    device = network.network.fc.weight.device
    parts = tqdm(torch.from_numpy(pictures).split(64), "Reference pictures", unit="batch", disable=None)
    with torch.no_grad():
        return torch.cat([network(part.permute(0, 3, 1, 2).to(device)).pool for part in parts])


def _measure(data: DataModule, network: Inception) -> dict[str, npt.NDArray[Any]]:
    dataset: Any = data.dataset("train")
    device = network.network.fc.weight.device
    nothing = Features(torch.zeros(0, POOL, device=device), torch.zeros(0, SPATIAL, device=device))
    pool, spatial = map(Moments.of, nothing)
    for features in _described(data, dataset, network):
        pool, spatial = pool + Moments.of(features.pool), spatial + Moments.of(features.spatial)
    pool, spatial = _summed(pool), _summed(spatial)
    chosen = torch.randperm(len(dataset), generator=keyed_generator(Purpose.CHOICE))[:PICTURES].tolist()
    some = [nothing.pool, *(features.pool for features in _described(data, Subset(dataset, chosen), network))]
    rows = torch.cat(gather_all_tensors(torch.cat(some)) if _distributed() else some)
    tensors = {
        "mu": pool.mean(),
        "sigma": pool.covariance(),
        "mu_s": spatial.mean(),
        "sigma_s": spatial.covariance(),
        "features": rows,
    }
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}


def _described(data: Any, dataset: Dataset[Item], network: Inception) -> Iterator[Features]:
    """Features of this process's share of a data set, batch by batch."""
    samples = Samples(dataset, data.seed, None)
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
    """The moments of all processes' rows."""
    if _distributed():
        for value in (moments.count, moments.total, moments.outer):
            dist.all_reduce(value)
    return moments


def _on_every_process(here: bool, network: Inception) -> bool:
    """Whether it is so on all: nodes may have folders of their own."""
    if not _distributed():
        return here
    least = torch.tensor(int(here), device=network.network.fc.weight.device)
    dist.all_reduce(least, dist.ReduceOp.MIN)
    return bool(least)
