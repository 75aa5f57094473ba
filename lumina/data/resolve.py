"""Fills unset arguments of a model from its data before step 0, and stores them with the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jsonargparse import Namespace

from lumina.interfaces import Conditioner, Modality, Objective

CLASSES = "classes"
"""Key of a checkpoint: names of the classes, by the part of the model that uses them."""

INHERITED = ("classes", "num_classes", "elevation", "distance", "field_of_view", "background")
"""Arguments that a continued run takes over from the earlier one if they are unset."""


def resolve(modality: Modality, conditioners: Iterable[Conditioner], objective: Objective, data: Any) -> dict[str, Any]:
    """Fills unset arguments of a model's parts from the data.

    Returns:
        The filled arguments, nested as in a config; items of a list are keyed by index.

    Raises:
        ValueError: the data does not fit a part.
    """
    taken: dict[str, Any] = {"modality": {"init_args": dict(modality.resolve(data))}}
    taken["conditioners"] = {n: {"init_args": dict(part.resolve(data))} for n, part in enumerate(conditioners)}
    return {**taken, "objective": {"init_args": dict(objective.resolve(data, modality))}}


def store(taken: Mapping[Any, Any], config: Any) -> None:
    """Writes nested arguments into a config."""
    for key, value in taken.items():
        if not isinstance(value, Mapping):
            config[key] = value
        elif value:
            if key == "init_args" and key not in config:
                config[key] = {}
            store(value, config[key])


def inherit(config: Any, stored: Any) -> None:
    """Copies arguments that a run took from its data into the config of a continued run that leaves them unset.

    Args:
        config: config of the model, nested.
        stored: stored arguments of the earlier run.
    """
    if isinstance(config, list) and isinstance(stored, list):
        for own, theirs in zip(config, stored, strict=False):
            inherit(own, theirs)
    if not isinstance(stored, Mapping) or not isinstance(config, (dict, Namespace)):
        return
    for key, value in list((config if isinstance(config, dict) else vars(config)).items()):
        if key in INHERITED and value is None:
            config[key] = stored.get(key)
        elif key in stored:
            inherit(value, stored[key])
