"""Trained weights to start a run from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lumina.backbone import NextDiTConfig

if TYPE_CHECKING:
    from lumina.module import LuminaModule

COMPUTED = ("drop_path", "mixed_sizes")
"""Fields that say how the network is computed, not what it is."""


def start_from(module: LuminaModule, source: str) -> None:
    """Copies a trained model's backbone, and the conditioners and the head that it has, into a module.

    Args:
        module: of the same architecture.
        source: what `lumina.checkpoints.pretrained.load_pretrained` takes.

    Raises:
        FileNotFoundError: if there is no such source.
        ValueError: if it is of another architecture, naming the first difference.
    """
    from lumina.checkpoints.pretrained import initialise, load_backbone

    check_same(load_backbone(source).config, module.backbone.config, source)
    initialise(module, source)


def check_same(theirs: NextDiTConfig, ours: NextDiTConfig, source: str) -> None:
    """Refuses another architecture.

    Raises:
        ValueError: naming the first field that differs.
    """
    there, here = _comparable(theirs), _comparable(ours)
    for name, value in there.items():
        if here[name] != value:
            raise ValueError(
                f"the weights of {source!r} have backbone.{name}={value}, this experiment {here[name]}; "
                "give the experiment the architecture of the weights it starts from."
            )


def _comparable(config: NextDiTConfig) -> Mapping[str, Any]:
    """The fields, with what follows from them in the place of what may be left out."""
    known = {"num_kv_heads": config.kv_heads, "axes_dims": config.rope_dims, "multiple_of": config.hidden_dim}
    return {name: value for name, value in {**asdict(config), **known}.items() if name not in COMPUTED}
