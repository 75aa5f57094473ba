"""The plans that the memory table shows can be trained, and the experiments for 24 GB fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from shrink import settings_of
from tiny import ROOT

from benchmarks.training_memory import (
    ADAPTERS,
    GIB,
    MIXED,
    PLANS,
    STAGES,
    TWO_BILLION,
    largest_batch,
    table,
    table_of_views,
    train,
)
from lumina.backbone import NextDiTConfig
from lumina.reports.training_memory import training_memory

TINY = NextDiTConfig(dim=32, num_layers=2, num_heads=4, token_dim=16, position_axes=2, text_dim=8, multiple_of=16)


@pytest.mark.parametrize("plan", [MIXED, replace(MIXED, lora=ADAPTERS, checkpointing=True)], ids=["full", "lora"])
def test_plans_train(plan):
    train(TINY, replace(plan, tokens=16, text_tokens=3), torch.device("cpu"))


def test_two_billion_parameters_fit_into_24_gib():
    for name in PLANS:
        plan = replace(PLANS[name], tokens=64 * 64)
        fits = training_memory(TWO_BILLION, plan).total < 23 * GIB
        assert fits == (largest_batch(plan) >= 1)
        assert fits or ".yaml" not in name
    assert "full_2b_24gb.yaml" in table(1024, 1, measure=False)


def test_stages_of_views_need_what_their_heads_say():
    rows = [line.strip("| ").split(" | ") for line in table_of_views().splitlines()]
    for number, (stage, (side, views, objects)) in enumerate(STAGES.items()):
        path = ROOT / "experiments/paper" / stage
        settings = settings_of(path)
        modality, data = settings["model"]["modality"]["init_args"], settings["data"]["init_args"]
        assert modality["size"] == [side, side] and data["size"] == side
        assert (modality["views"], data["views"], data["batch_size"]) == (views, views, objects)
        assert f"takes {float(rows[2 * number + 3][3]):.0f} GiB" in path.read_text()
