"""Trained weights from any source as one value: located, identified and read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from lumina.backbone import NextDiTConfig
from lumina.weights.adapters import KEY as ADAPTERS
from lumina.weights.adapters import merged
from lumina.weights.diffusers import read_diffusers
from lumina.weights.export import ARGUMENTS, copied, read_export
from lumina.weights.official import LABELS, read_official
from lumina.weights.run import ARCHITECTURE, LATENTS, averaged, read_run
from lumina.weights.tensors import BACKBONE, CONDITIONERS, stated_config

BUNDLED = Path(__file__).parents[1] / "pretrained"
LABEL_TABLE = f"{CONDITIONERS}0.table.weight"
Form = Literal["run", "export", "pipeline", "transformer", "official"]


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Tensors and arguments of a trained model; `lumina.checkpoints.pretrained.build_module` builds the module.

    Attributes:
        origin: the file or folder from which it was read.
        form: format of the source.
        tensors: by their names in `LuminaModule`; memory-mapped if the format allows it.
        architecture: of the backbone; widths that the source does not state are None or missing.
        arguments: of `LuminaModule`, as plain data; None for published weights, whose arguments
            `lumina.weights.published.published_arguments` derives.
        step: optimizer step at which a run's checkpoint was saved; None for other sources.
        latents: the `Modality.latent_identity` of the training; None for other sources than a run.
    """

    origin: Path
    form: Form
    tensors: Mapping[str, Tensor]
    architecture: NextDiTConfig | Mapping[str, Any] | None
    arguments: Mapping[str, Any] | None = None
    step: int | None = None
    latents: Mapping[str, Any] | None = None

    @cached_property
    def config(self) -> NextDiTConfig:
        """The architecture of the backbone.

        Raises:
            ValueError: the source does not describe one.
        """
        return stated_config(self.architecture, self.origin)

    @property
    def backbone(self) -> dict[str, Tensor]:
        """The backbone's tensors, by their names in `NextDiT`."""
        return {n.removeprefix(BACKBONE): tensor for n, tensor in self.tensors.items() if n.startswith(BACKBONE)}


def read_weights(source: str | Path, base: str | None = None) -> Weights:
    """Reads trained weights.

    Args:
        source: a checkpoint (``.ckpt``) or run folder of `lumina fit`, whose averaged weights are read; a folder that
            `lumina convert` wrote; a folder of a diffusers `LuminaPipeline`, or only of its transformer; a folder of
            the authors' ``consolidated*`` weights; or the name of a bundled model.
        base: for a run with adapters, the present location of its base weights; None = their original location.

    Raises:
        FileNotFoundError: the source does not exist.
        ValueError: the source is damaged, contains another model, or ``base`` does not apply.
    """
    path, form = _find(source)
    if form == "run":
        return _run(path, base)
    if base is not None:
        raise ValueError(f"{path} has no adapters, so it takes no base.")
    if form == "export":
        arguments, tensors = read_export(path)
        described = arguments.get("backbone")
        return Weights(origin=path, form=form, tensors=tensors, architecture=described, arguments=arguments)
    config, network = read_official(path) if form == "official" else read_diffusers(path)
    labels = network.pop(LABELS, None)
    tensors = {BACKBONE + name: tensor for name, tensor in network.items()}
    tensors |= {} if labels is None else {LABEL_TABLE: labels}
    return Weights(origin=path, form=form, tensors=tensors, architecture=config)


def _run(path: Path, base: str | None) -> Weights:
    checkpoint, path = read_run(path)
    arguments, tensors = checkpoint["hyper_parameters"], averaged(checkpoint)
    if ADAPTERS in checkpoint:
        source = base or checkpoint[ADAPTERS]["weights"]
        try:
            below = read_weights(source)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f"the base weights of the adapters are not available ({error}); set their present location: --base for "
                "`lumina sample`, --model.weights for the commands with a trainer."
            ) from error
        tensors = merged(checkpoint[ADAPTERS], tensors, below.backbone, source)
        arguments = {key: value for key, value in arguments.items() if key not in ("lora", "weights")}
    arguments = copied(arguments, _without_cache)
    return Weights(
        origin=path,
        form="run",
        tensors=tensors,
        architecture=checkpoint.get(ARCHITECTURE, arguments.get("backbone")),
        arguments=arguments,
        step=checkpoint["global_step"],
        latents=checkpoint.get(LATENTS),
    )


def _without_cache(key: str, value: Any) -> Any:
    """Drops the path of the training captions' feature cache."""
    return None if key == "cache" else value


def _find(source: str | Path) -> tuple[Path, Form]:
    """The path and format of the source; a path of no known format may be the name of a bundled model."""
    path = Path(source)
    form = _form(path)
    if form is not None:
        return path, form
    names = sorted(folder.parent.name for folder in BUNDLED.glob(f"*/{ARGUMENTS}"))
    if str(source) in names:
        return BUNDLED / str(source), "export"
    what = "exists but is none of these" if path.exists() else "does not exist"
    raise FileNotFoundError(
        f"{source} {what}: a .ckpt file or run folder of `lumina fit`, a folder that `lumina convert` wrote "
        f"({ARGUMENTS}), a diffusers pipeline (model_index.json), a folder of the authors' weights (consolidated*), or "
        f"a bundled model ({', '.join(names) or 'none is installed'})."
    )


def _form(path: Path) -> Form | None:
    if path.is_file():
        return "run" if path.suffix == ".ckpt" else None
    if (path / ARGUMENTS).is_file():
        return "export"
    if (path / "model_index.json").is_file():
        return "pipeline"
    if any(path.glob("consolidated*.*-of-*.*")):
        return "official"
    if (path / "config.json").is_file() or (path / "transformer").is_dir():
        return "transformer"
    return "run" if path.is_dir() and next(path.rglob("*.ckpt"), None) else None
