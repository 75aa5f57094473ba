"""Pictures on the run's dashboards and in its folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger, WandbLogger

from lumina.interfaces import Modality
from lumina.pictures.sheet import save_picture
from lumina.training.module import TrainedModule
from lumina.values import Batch


def log_samples(
    trainer: Trainer,
    name: str,
    owner: TrainedModule | Modality,
    samples: Any,
    captions: Sequence[str],
    file: Path,
    batch: Batch | None = None,
) -> Path:
    """Shows samples on every logger that can, and writes their sheet.

    Args:
        trainer: of the run.
        name: group on the dashboards, "samples" say.
        owner: knows what the samples look like.
        samples: decoded ones.
        captions: a text for each sample; none = there is nothing to say.
        file: the PNG of the sheet.
        batch: what they were made for, as ``picture`` and ``wandb_media`` of the owner take it.
    """
    sheet = owner.picture(samples, captions, batch)
    for logger in trainer.loggers:
        if isinstance(logger, WandbLogger):
            import wandb

            shown = {f"{name}/sheet": wandb.Image(sheet.permute(1, 2, 0).numpy())}
            media = owner.wandb_media(samples, captions, batch)
            logger.log_metrics(shown | ({f"{name}/media": media} if media else {}), trainer.global_step)
        elif isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(f"{name}/sheet", sheet, trainer.global_step)
    return save_picture(sheet, file)
