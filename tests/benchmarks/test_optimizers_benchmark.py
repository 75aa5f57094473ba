"""The timings of optimizers: all move every parameter they are for, by the same gradients."""

import torch

from benchmarks import timing
from benchmarks.optimizers import GRADIENTS, OPTIMIZERS, PEER, SIZES, gradients, markdown, run
from lumina.backbone import NextDiT

CPU = torch.device("cpu")


def test_gradients_are_there():
    model = NextDiT(SIZES["quick"].config)
    gradients(model, SIZES["quick"], torch.float32, CPU)()
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_the_table_has_all_of_them(monkeypatch):
    monkeypatch.setattr(timing, "ENOUGH_SECONDS", 0.0)
    result = run(["quick"], CPU)
    assert [row["precision"] for row in result["rows"]] == ["fp32", "bf16"]
    assert all({*row["ms"]} == {GRADIENTS, *OPTIMIZERS} for row in result["rows"])
    assert all(row["step_over_adamw"][PEER] == 1 for row in result["rows"])
    assert markdown(result).count("\n| quick |") == len(result["rows"]) * (1 + len(OPTIMIZERS))
