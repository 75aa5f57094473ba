"""Pictures on the run's dashboards and in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger
from torch import Tensor

from lumina.interfaces import Modality
from lumina.pictures import save_picture
from lumina.run_folder import run_folder


def log_samples(trainer: Trainer, name: str, modality: Modality, samples: Any) -> Path:
    """Shows a picture of samples on every logger that can, and writes it to the run's folder.

    Args:
        trainer: of the run.
        name: "samples", say.
        modality: knows what the samples look like.
        samples: decoded ones.

    Returns:
        The PNG file.
    """
    picture = modality.picture(samples)
    for logger in trainer.loggers:
        _show(logger, name, picture, trainer.global_step)
        if isinstance(logger, WandbLogger) and (media := modality.wandb_media(samples)):
            logger.experiment.log({f"{name}/media": media, "trainer/global_step": trainer.global_step})
    return save_picture(picture, run_folder(trainer) / name / f"step_{trainer.global_step:07d}.png")


def _show(logger: Any, name: str, picture: Tensor, step: int) -> None:
    if isinstance(logger, WandbLogger):
        logger.log_image(name, [picture.permute(1, 2, 0).numpy()], step=step)
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(name, picture, step)
