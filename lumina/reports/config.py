"""The configuration of a run on its dashboards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

Scalar = bool | int | float | str

WANDB_ID = "wandb_id.txt"
"""File of a run's folder with the id of its W&B run, by which an evaluation finds it."""

TENSORBOARD = "tensorboard_folder.txt"
"""File of a run's folder with the folder of its TensorBoard logger, where that is another one."""


def log_config(trainer: Trainer, file: Path) -> None:
    """Gives each logger the settings as hyper-parameters and the file itself.

    Args:
        trainer: of the run.
        file: ``config.yaml`` in the folder of the run.
    """
    text = file.read_text(encoding="utf-8")
    settings = flattened(yaml.safe_load(text))
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            _to_tensorboard(logger, settings, text)
            if Path(logger.log_dir) != file.parent:
                (file.parent / TENSORBOARD).write_text(f"{os.path.relpath(logger.log_dir, file.parent)}\n", "utf-8")
        else:
            logger.log_hyperparams(settings)
        if isinstance(logger, WandbLogger):
            (file.parent / WANDB_ID).write_text(f"{logger.experiment.id}\n", encoding="utf-8")
            # below a folder, since W&B has a config.yaml of its own
            logger.experiment.save(str(file), base_path=str(file.parent.parent), policy="now")


def flattened(config: Mapping[str, Any]) -> dict[str, Scalar]:
    """A nested config as one table: ``{"model.optimizer": "AdamW", "model.optimizer.lr": 0.001}``.

    A class stands under its short name, its arguments below it; a list of classes names its members
    (``trainer.callbacks.EMA.decay``). Other lists are written out, and what is None is left out.
    """
    return dict(_flat(config, ""))


def _flat(value: Any, key: str) -> Iterator[tuple[str, Scalar]]:
    if isinstance(value, Mapping):
        if _is_class(value):
            yield key, _name(value)
        for name, item in _items(value):
            yield from _flat(item, f"{key}.{name}" if key else str(name))
    elif (
        isinstance(value, list) and value and all(isinstance(item, Mapping) and "class_path" in item for item in value)
    ):
        yield key, ", ".join(map(_name, value))
        for name, item in zip(_distinct([_name(item) for item in value]), value, strict=True):
            yield from _flat(dict(_items(item)), f"{key}.{name}")
    elif value is not None:
        yield key, value if isinstance(value, Scalar) else str(value)


def _items(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, item in value.items():
        if name in ("init_args", "dict_kwargs") and "class_path" in value:
            yield from (item or {}).items()
        elif name != "class_path":
            yield name, item


def _is_class(value: Any) -> bool:
    return isinstance(value, Mapping) and "class_path" in value


def _name(part: Mapping[str, Any]) -> str:
    return str(part["class_path"]).rpartition(".")[2]


def _distinct(names: list[str]) -> list[str]:
    """Names that occur several times are numbered from the second on."""
    return [
        f"{name}_{names[:place].count(name)}" if name in names[:place] else name for place, name in enumerate(names)
    ]


def _to_tensorboard(logger: TensorBoardLogger, settings: dict[str, Scalar], text: str) -> None:
    """The summary itself: Lightning would add a curve of one invented point, ``hp_metric``."""
    from torch.utils.tensorboard.summary import hparams

    logger.hparams.update(settings)
    writer = logger.experiment
    for summary in hparams(settings, {"validation/loss": 0.0}):
        writer._get_file_writer().add_summary(summary)
    writer.add_text("config.yaml", "".join(f"    {line}\n" for line in text.splitlines()))
