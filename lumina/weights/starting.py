"""What a run starts from: trained weights, taken as they are, transferred, or with adapters on them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_info

from lumina.backbone import NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.frozen.network import fingerprint
from lumina.weights.adapters import KEY as ADAPTERS
from lumina.weights.adapters import check_base, keep_trained
from lumina.weights.class_rows import Trainee, rows_by_name
from lumina.weights.source import Weights, read_weights
from lumina.weights.tensors import BACKBONE, CONDITIONERS, OBJECTIVE, check_tensors, named

COMPUTED = ("drop_path", "mixed_sizes")
"""Fields that say how the network is computed, not what it is."""

MEASURED = ("token_dim", "position_axes", "text_dim")
"""Fields that a source may not state; the shapes of its tensors tell the widths."""

PLACES = ("position_axes", "axes_dims", "rope_layout")
"""Fields that say where tokens are; no tensor's shape depends on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a model took of the weights that it started from.

    Attributes:
        source: as the user named it.
        taken: names of the tensors that were copied.
        new: of those that began anew.
        left_out: of those of the source that the model has no place for.
        axes: how the rotary axes differ; "" = they do not.
    """

    source: str
    taken: tuple[str, ...]
    new: tuple[str, ...]
    left_out: tuple[str, ...]
    axes: str = ""

    def __str__(self) -> str:
        """Lines for people."""
        lines = [f"Started from {self.source}: {len(self.taken)} tensors taken"]
        lines += [f"  new: {named(self.new)}"] if self.new else []
        lines += [f"  left out: {named(self.left_out)}"] if self.left_out else []
        lines += [f"  positions: {self.axes}"] if self.axes else []
        return "\n".join(lines)


class StartingPoint:
    """The weights and adapters that a module starts from.

    Args:
        weights: what `lumina.weights.source.read_weights` takes, or None.
        lora: adapters on those weights, which stay as they are; None = train everything.

    Raises:
        ValueError: for adapters without weights.

    Attributes:
        lora: the adapters, or None.
    """

    def __init__(self, weights: str | None, lora: Lora | None) -> None:
        if lora is not None and weights is None:
            raise ValueError("lora trains adapters on weights that stay as they are: say which, with model.weights.")
        self.weights, self.lora, self._base = weights, lora, ""

    def prepare(self, module: Trainee, resumes: bool) -> None:
        """Copies the weights into a module and puts the adapters on them.

        Args:
            module: to be trained.
            resumes: whether a checkpoint brings all weights later; adapters need those below them all the same.
        """
        if self.weights is not None and (self.lora is not None or not resumes):
            rank_zero_info(str(start_from(module, self.weights)))
        if self.lora is not None:
            self._base = fingerprint(dict(module.backbone.named_parameters()))
            add_adapters(module.backbone, self.lora)
            lower_base(module.backbone, self.lora.base)
            module.register_load_state_dict_pre_hook(_keep_frozen)

    def trim(self, checkpoint: dict[str, Any], module: torch.nn.Module) -> None:
        """Leaves the frozen weights out of a checkpoint where there are adapters."""
        if self.lora is not None and self.weights is not None:
            keep_trained(checkpoint, module, self.lora, self.weights, self._base)

    def check(self, checkpoint: Mapping[str, Any]) -> None:
        """Refuses a checkpoint with adapters of other weights.

        Raises:
            ValueError: also for one without adapters where there should be some, and the other way round.
        """
        if (ADAPTERS in checkpoint) != (self.lora is not None):
            raise ValueError(
                f"the checkpoint holds {'adapters' if ADAPTERS in checkpoint else 'no adapters'}, but model.lora is "
                f"{self.lora}: resume with the run's own settings, or start anew with the checkpoint as model.weights."
            )
        if self.lora is not None:
            check_base(self._base, checkpoint[ADAPTERS], str(self.weights))


def _keep_frozen(module: torch.nn.Module, state: dict[str, Any], *_: Any) -> None:
    """Adds the frozen weights, which a checkpoint with adapters leaves out, to a state that is being loaded."""
    for name, parameter in module.named_parameters():
        if not parameter.requires_grad:
            state.setdefault(name, parameter.detach())


def start_from(module: Trainee, source: str | Path) -> Transfer:
    """Copies a trained model's backbone, and the conditioners and the head that it has, into a module.

    The backbone's tensors must agree in name and shape, as must those of the source's conditioners; conditioners that
    the source does not have keep their initialisation. Rows that belong to classes (of a label table, of a head's last
    layer) go by the names of the classes; those of new classes start anew, which a warning says. An objective's tensors
    are taken where they agree; a warning names the others. The number of position axes may differ.

    Args:
        module: to be trained; its own arguments stay.
        source: what `lumina.weights.source.read_weights` takes.

    Returns:
        What was taken, what is new, what was left out.

    Raises:
        FileNotFoundError: there is no such source.
        ValueError: it is of another architecture, naming the first difference or the tensors.
    """
    weights, source = read_weights(source), str(source)
    axes = check_same(weights.config, module.backbone.config, source)
    own = module.state_dict()
    state = rows_by_name(module, _parts(weights), _classes(weights), source)
    other = [n for n in state if n.startswith(OBJECTIVE) and (n not in own or own[n].shape != state[n].shape)]
    if other:
        warnings.warn(f"{source}: {', '.join(other)} do not fit this model, which trains its own anew.", stacklevel=2)
    state = {name: tensor for name, tensor in state.items() if name not in other}
    expected = {name: own[name].shape for name in own if name.startswith(BACKBONE) or name in state}
    check_tensors(weights.origin, expected, state, "the model to be trained")
    with torch.no_grad():
        for name, tensor in state.items():
            own[name].copy_(tensor)
    new = tuple(name for name in own if name not in state and not name.startswith("metrics."))
    return Transfer(source=source, taken=tuple(state), new=new, left_out=tuple(other), axes=axes)


def check_same(theirs: NextDiTConfig, ours: NextDiTConfig, source: str) -> str:
    """Refuses another architecture; another number of rotary axes is allowed.

    Returns:
        How the axes differ; "" = they do not.

    Raises:
        ValueError: naming the first field that differs.
    """
    there, here = _comparable(theirs), _comparable(ours)
    axes = theirs.position_axes is not None and theirs.position_axes != ours.position_axes
    transferred = axes and theirs.positions == ours.positions == "rope"
    for name, value in there.items():
        unstated = name in MEASURED and value is None
        if here[name] != value and not unstated and not (transferred and name in PLACES):
            raise ValueError(
                f"the weights of {source!r} have backbone.{name}={value}, this experiment {here[name]}; "
                "give the experiment the architecture of the weights it starts from."
            )
    if not transferred:
        return ""
    return (
        f"{theirs.position_axes} axes that turn {theirs.rope_dims} dimensions of a head became {ours.position_axes} "
        f"that turn {ours.rope_dims}; what the network knows of places changes with them"
    )


def _classes(weights: Weights) -> Mapping[str, Any]:
    """Arguments that may name classes: published weights name none, and are started from without their other parts."""
    return (weights.arguments or {}) if weights.form in ("run", "export") else {}


def _parts(weights: Weights) -> dict[str, torch.Tensor]:
    return {n: t for n, t in weights.tensors.items() if n.startswith((BACKBONE, CONDITIONERS, OBJECTIVE))}


def _comparable(config: NextDiTConfig) -> Mapping[str, Any]:
    """The fields, with what follows from them in the place of what may be left out."""
    known: dict[str, Any] = {"num_kv_heads": config.kv_heads, "multiple_of": config.hidden_dim}
    if config.position_axes is not None:
        known["axes_dims"] = config.rope_dims
    return {name: value for name, value in {**asdict(config), **known}.items() if name not in COMPUTED}
