"""Lightning's model summary without FLOPs, which Lightning 2.6.6 prints as 0 because there is no example input."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.callbacks import ModelSummary
from lightning.pytorch.utilities import rank_zero_info
from lightning.pytorch.utilities.model_summary.model_summary import _format_summary_table


class Summary(ModelSummary):
    """Prints the parts of the model and their parameters at the start of a run."""

    @staticmethod
    def summarize(
        summary_data: list[tuple[str, list[str]]],
        total_parameters: int,
        trainable_parameters: int,
        model_size: float,
        total_training_modes: dict[str, int],
        total_flops: int,
        **options: Any,
    ) -> None:
        """Prints the table without the column and the last line for FLOPs."""
        columns = [column for column in summary_data if column[0] != "FLOPs"]
        counts = (total_parameters, trainable_parameters, model_size, total_training_modes, total_flops)
        rank_zero_info("\n" + _format_summary_table(*counts, *columns).rpartition("\n")[0])
