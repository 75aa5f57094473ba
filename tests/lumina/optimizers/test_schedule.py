"""An optimizer together with the schedule of its learning rate."""

from functools import partial

import pytest
import torch
from torch.optim.lr_scheduler import LinearLR, OneCycleLR

from lumina.optimizers.schedule import on_schedule


@pytest.fixture
def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)


def test_without_a_schedule_the_rate_stays(optimizer):
    assert on_schedule(optimizer, None) is optimizer


def test_the_schedule_steps_with_the_optimizer(optimizer):
    found = on_schedule(optimizer, partial(LinearLR, start_factor=0.5, total_iters=2))
    scheduler = found["lr_scheduler"]["scheduler"]
    assert found["optimizer"] is optimizer and found["lr_scheduler"]["interval"] == "step"
    rates = []
    for _ in range(3):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert rates == [0.5, 0.75, 1.0]


def test_a_warm_up_of_one_step_is_told(optimizer):
    with pytest.raises(ValueError, match=r"divides by zero: its warm-up .* change trainer.max_steps or pct_start"):
        on_schedule(optimizer, partial(OneCycleLR, max_lr=1.0, total_steps=10, pct_start=0.1))
