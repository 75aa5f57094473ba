"""Starting weights of a run: copied, transferred to a similar architecture, or frozen with adapters on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info

from lumina.backbone import NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.checks import warn_of_latents
from lumina.files.weights import check_tensors, named
from lumina.frozen.network import fingerprint
from lumina.weights.adapters import KEY as ADAPTERS
from lumina.weights.adapters import check_base, keep_trained
from lumina.weights.axes import compare_axes
from lumina.weights.class_rows import Trainee, rows_by_name
from lumina.weights.source import Weights, read_weights
from lumina.weights.tensors import BACKBONE, CONDITIONERS, OBJECTIVE, text_tensors

COMPUTED = ("drop_path", "mixed_sizes")
"""Fields that affect the computation, not the architecture."""

MEASURED = {
    "token_dim": "modality.patch_size and the channels of the data or of the autoencoder",
    "position_axes": "the modality",
    "text_dim": "the text encoder",
}
"""Fields that a source may omit, and no experiment sets, with what decides them."""

POSITIONS = ("position_axes", "axes_dims", "rope_layout")
"""Fields of the position embedding; no tensor's shape depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Report on the transfer of starting weights to a model.

    Attributes:
        source: name of the weights, as the user gave it.
        taken: names of the copied tensors.
        new: names of the model's tensors that keep their initialisation.
        left_out: names of the source's tensors that do not fit the model.
        axes: what happens to each rotary axis, if their number or dimensions differ.
    """

    source: str
    taken: tuple[str, ...]
    new: tuple[str, ...]
    left_out: tuple[str, ...]
    axes: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The report as text."""
        lines = [f"Started from {self.source}: {len(self.taken)} tensors taken"]
        lines += [f"  new: {named(self.new)}"] if self.new else []
        lines += [f"  left out: {named(self.left_out)}"] if self.left_out else []
        lines += [f"  positions: {'; '.join(self.axes)}"] if self.axes else []
        return "\n".join(lines)


class StartingPoint:
    """The starting weights and adapters of a module.

    Args:
        weights: a source for `lumina.weights.source.read_weights`; None = random initialisation.
        lora: adapters on the frozen weights; None = train everything.

    Raises:
        ValueError: adapters without weights.

    Attributes:
        lora: the adapters, or None.
    """

    def __init__(self, weights: str | None, lora: Lora | None) -> None:
        if lora is not None and weights is None:
            raise ValueError("lora trains adapters on frozen weights: set model.weights.")
        self.weights, self.lora, self._base = weights, lora, ""

    def prepare(self, module: Trainee, resumes: bool) -> None:
        """Copies the weights into a module and adds the adapters.

        Args:
            module: the module to be trained.
            resumes: whether a checkpoint is loaded later; then the weights are only needed under adapters.
        """
        if self.weights is not None and (self.lora is not None or not resumes):
            rank_zero_info(str(start_from(module, self.weights)))
        if self.lora is not None:
            self._base = fingerprint(dict(module.backbone.named_parameters()))
            add_adapters(module.backbone, self.lora)
            lower_base(module.backbone, self.lora.base)
            module.register_load_state_dict_pre_hook(_keep_frozen)

    def trim(self, checkpoint: dict[str, Any], module: torch.nn.Module) -> None:
        """Removes the frozen weights from a checkpoint with adapters."""
        if self.lora is not None and self.weights is not None:
            keep_trained(checkpoint, module, self.lora, self.weights, self._base)

    def check(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuses a checkpoint whose adapters do not match this run.

        Raises:
            ValueError: the adapters belong to other weights, or only the run or only the checkpoint has adapters.
        """
        if (ADAPTERS in checkpoint) != (self.lora is not None):
            raise ValueError(
                f"the checkpoint holds {'adapters' if ADAPTERS in checkpoint else 'no adapters'}, but model.lora is "
                f"{self.lora}: resume with the run's own settings, or start anew with the checkpoint as model.weights."
            )
        if self.lora is not None:
            check_base(self._base, checkpoint[ADAPTERS], str(self.weights))


def _keep_frozen(module: torch.nn.Module, state: dict[str, Any], *_: Any) -> None:
    """Adds the frozen weights, which a checkpoint with adapters lacks, to a state dict before it is loaded."""
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            state.setdefault(name, parameter.detach())


def start_from(module: Trainee, source: str | Path) -> Transfer:
    """Copies the backbone, conditioners and head of a trained model into a module.

    The tensors of the backbone and of the source's conditioners must match in name and shape; conditioners that the
    source lacks keep their initialisation. Per-class rows (of a label table or a head's last layer) are matched by
    class name; rows of new classes keep their initialisation and a warning names them. Tensors of the objective are
    copied if they match; a warning names the others. The position axes may differ in number and in dimensions. A model
    without text gets new attention to it, whose gates are zero.

    Args:
        module: the module to be trained; its arguments do not change.
        source: a source for `lumina.weights.source.read_weights`.

    Returns:
        A report on the copied, new and omitted tensors.

    Raises:
        FileNotFoundError: the source does not exist.
        ValueError: the architectures differ; names the first difference or the tensors.
    """
    weights, source = read_weights(source), str(source)
    axes = check_same(weights.config, module.backbone.config, source)
    warn_of_latents(weights.latents, module.modality, source)
    own = module.state_dict()
    parts = _parts(weights)
    state = rows_by_name(module, parts, _classes(weights), source)
    other = [n for n in state if n.startswith(OBJECTIVE) and (n not in own or own[n].shape != state[n].shape)]
    if other:
        warnings.warn(f"{source}: {', '.join(other)} do not fit this model, which trains its own anew.", stacklevel=2)
    state = {name: tensor for name, tensor in state.items() if name not in other}
    text = text_tensors(module.backbone.config)
    optional = text if weights.config.text_dim is None and not text & state.keys() else set()
    expected = {n: own[n].shape for n in own if n in state or (n.startswith(BACKBONE) and n not in optional)}
    check_tensors(weights.origin, expected, state, "the model to be trained")
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)
    new = tuple(name for name in own if name not in state and not name.startswith("metrics."))
    left_out = tuple(name for name in parts if name not in state)
    return Transfer(source=source, taken=tuple(state), new=new, left_out=left_out, axes=axes)


def check_same(theirs: NextDiTConfig, ours: NextDiTConfig, source: str) -> tuple[str, ...]:
    """Refuses a different architecture; the rotary axes may differ in number and in dimensions.

    Returns:
        What happens to each axis, if they do.

    Raises:
        ValueError: names the fields that differ.

    Warns:
        UserWarning: an axis changes its dimensions or frequencies.
    """
    unstated = {name: getattr(ours, name) for name in MEASURED if getattr(theirs, name) is None}
    theirs = replace(theirs, **unstated)
    there, here = _comparable(theirs), _comparable(ours)
    transferred = theirs.rope_dims != ours.rope_dims and theirs.positions == ours.positions == "rope"
    other = [
        f"backbone.{name}={value}, this experiment {here[name]}"
        + (f" (decided by {MEASURED[name]})" if name in MEASURED else "")
        for name, value in there.items()
        if here[name] != value and not (transferred and name in POSITIONS)
    ]
    if other:
        raise ValueError(
            f"the weights of {source!r} have {'; '.join(other)}; give the experiment the architecture of the weights "
            "it starts from."
        )
    axes = compare_axes(theirs, ours) if transferred else ()
    changed = [line for line in axes if " changes: " in line]
    if changed:
        warnings.warn(
            f"starting from {source!r}: {'; '.join(changed)}: attention has to learn these positions anew.",
            stacklevel=2,
        )
    return axes


def _classes(weights: Weights) -> Mapping[str, Any]:
    """Arguments that may name classes; empty for published weights, which do not name any."""
    return (weights.arguments or {}) if weights.form in ("run", "export") else {}


def _parts(weights: Weights) -> dict[str, torch.Tensor]:
    return {n: t for n, t in weights.tensors.items() if n.startswith((BACKBONE, CONDITIONERS, OBJECTIVE))}


def _comparable(config: NextDiTConfig) -> Mapping[str, Any]:
    """The fields of a config, with resolved values in place of optional ones."""
    resolved = {"num_kv_heads": config.kv_heads, "multiple_of": config.hidden_dim, "axes_dims": config.rope_dims}
    return {name: value for name, value in {**asdict(config), **resolved}.items() if name not in COMPUTED}
