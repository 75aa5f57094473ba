"""Schedules as long as the run."""

from __future__ import annotations

import pytest

from lumina.config.schedule import follow_run, settle_schedule


def model(**arguments):
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.1}}
    return {"lr_scheduler": {"class_path": "a.Schedule", "init_args": arguments}, "optimizer": optimizer}


def settled(trainer=None, **arguments):
    given = model(**arguments)
    settle_schedule(given, trainer or {"max_steps": 100})
    return given["lr_scheduler"]["init_args"]


def test_length_follows_the_run():
    assert settled(total_steps=None, max_lr=0.1)["total_steps"] == 100
    assert settled(total_steps=105)["total_steps"] == 105
    assert settled(total_steps=None, epochs=2, steps_per_epoch=9)["total_steps"] is None
    assert "total_steps" not in settled(gamma=0.1)


@pytest.mark.parametrize(
    ("arguments", "trainer", "told"),
    [
        ({"total_steps": None}, {"max_steps": -1, "max_epochs": 3}, "give one of them"),
        ({"total_steps": 0}, {"max_steps": 100}, "at least 1"),
        ({"total_steps": 99}, {"max_steps": 100}, "before the run does"),
    ],
)
def test_impossible_lengths_are_refused(arguments, trainer, told):
    with pytest.raises(ValueError, match=told):
        settled(trainer, **arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"total_steps": 5000}, "before the learning rate has come down"),
        ({"T_max": 50}, "rises again after step 50"),
        ({"total_steps": None, "max_lr": 0.2}, "lr never acts"),
    ],
)
def test_schedules_that_do_not_go_with_the_run_are_told(arguments, told):
    with pytest.warns(UserWarning, match=told):
        settled(**arguments)


def test_without_schedule():
    settle_schedule({"lr_scheduler": None}, {})
    settle_schedule({"lr_scheduler": {"class_path": "a.B"}}, {})


def test_a_stored_schedule_follows_a_run_of_another_length():
    """The config of a run of 10 steps, used again for 20."""
    model = {"lr_scheduler": {"class_path": "OneCycleLR", "init_args": {"total_steps": None, "max_lr": 0.1}}}
    settle_schedule(model, {"max_steps": 10})
    assert model["lr_scheduler"]["init_args"]["total_steps"] == 10
    follow_run(model, {"max_steps": 10})
    settle_schedule(model, {"max_steps": 20})
    assert model["lr_scheduler"]["init_args"]["total_steps"] == 20
    follow_run(model, {"max_steps": 19})  # a length of its own stays
    assert model["lr_scheduler"]["init_args"]["total_steps"] == 20
