"""Reports differences between the settings stored in a checkpoint and those of the run.

With ``--ckpt_path``, Lightning silently lets the stored arguments override the YAML and the command line. Here the YAML
and the command line take precedence, and a warning lists every difference.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lumina.survival.checkpoints import read_head

KEY = "config"
"""Checkpoint entry with the settings of data and trainer, as plain data."""

TRAINER = ("accumulate_grad_batches", "callbacks", "gradient_clip_algorithm", "gradient_clip_val", "precision")
"""Settings of the trainer that affect training, other than its length and location."""

OF_TRAINING = ("model.lr_scheduler", "model.optimizer", "model.weights")
"""Settings of the model that an evaluation does not use."""


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of data and trainer to compare, as plain data that loads with ``weights_only``."""
    trainer = {name: config["trainer"].get(name) for name in TRAINER}
    callbacks = trainer["callbacks"] or []
    named = {callback["class_path"]: callback.get("init_args") for callback in callbacks} if callbacks else {}
    plain: dict[str, Any] = _plain({"data": config.get("data"), "trainer": {**trainer, "callbacks": named}})
    return plain


def stored_arguments(path: Path) -> dict[str, Any]:
    """The model's arguments in a checkpoint, as plain data."""
    return dict(read_head(path).get("hyper_parameters", {}))


def check_differences(path: Path, config: Mapping[str, Any], resumes: bool) -> None:
    """Warns about differences, one line each.

    Args:
        path: the checkpoint.
        config: this run's model, data and trainer, as nested dicts.
        resumes: whether the run resumes training; for an evaluation only the model is compared.

    Raises:
        ValueError: the objectives or optimizers differ, so their tensors have different names.
    """
    head = read_head(path)
    stored, given = {"model": stored_arguments(path)}, {"model": config["model"]}
    for part in ("objective", *(["optimizer"] if resumes else [])):
        _require_same(path, part, stored["model"].get(part), given["model"].get(part))
    if resumes and KEY in head:
        stored, given = {**stored, **head[KEY]}, {**given, **settings(config)}
    found = differences(stored, given)
    lines = [
        f"  {key}: checkpoint {old!r}, this run {new!r}"
        for key, old, new in found
        if resumes or not key.startswith(OF_TRAINING)
    ]
    if lines:
        warnings.warn("\n".join([f"{path} was made with other settings; this run uses its own:", *lines]), stacklevel=2)


def _require_same(path: Path, part: str, stored: Any, given: Any) -> None:
    old, new = _class(stored), _class(given)
    if old is not None and old != new:
        raise ValueError(
            f"{path} was trained with the {part} {old}, this run has {new}: they do not go on from each other; "
            "start from its weights with model.weights instead."
        )


def differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields the keys at which two nested configs differ, with both values; ignores Lightning's keys (``_...``)."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = (dict(enumerate(items)) for items in (old, new))
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            if not str(name).startswith("_"):
                yield from differences(old.get(name), new.get(name), f"{key}.{name}" if key else str(name))
    elif _plain(old) != _plain(new):
        yield key, old, new


def _class(part: Any) -> str | None:
    return str(part["class_path"]) if isinstance(part, Mapping) and "class_path" in part else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
