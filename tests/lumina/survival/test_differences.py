"""Which settings differ, and which differences cannot be."""

from pathlib import Path

import pytest
import torch
from tiny_checkpoint import save

from lumina.survival.differences import KEY, check_differences, differences, settings

FLOW, SGD = {"class_path": "Flow"}, {"class_path": "SGD", "init_args": {"lr": 0.1}}


def found(old, new):
    return {key: (before, after) for key, before, after in differences(old, new)}


def test_the_innermost_difference_is_named():
    old = {"model": {"dim": 8, "heads": 2}, "steps": [1, 2]}
    new = {"model": {"dim": 8, "heads": 4}, "steps": [1, 3], "seed": 0}
    assert found(old, new) == {"model.heads": (2, 4), "steps.1": (2, 3), "seed": (None, 0)}
    assert found(old, old) == {}


def test_lists_of_other_lengths_and_other_kinds_differ_as_wholes():
    assert found({"a": [1, 2]}, {"a": [1]}) == {"a": ([1, 2], [1])}
    assert found({"a": {"b": 1}}, {"a": 3}) == {"a": ({"b": 1}, 3)}


def test_what_is_written_otherwise_but_means_the_same_is_no_difference():
    assert found({"a": Path("x/y"), "b": (1, 2)}, {"a": "x/y", "b": [1, 2]}) == {}
    assert found({"_instantiator": 1, "a": {"_x": 2}}, {"a": {}}) == {}


def config(**changes):
    trainer = {"precision": "32-true", "max_steps": 9, "callbacks": None}
    return {"model": {"objective": FLOW, "optimizer": SGD}, "data": None, "trainer": trainer} | changes


def test_settings_go_into_a_checkpoint_that_is_loaded_safely(tmp_path):
    """How long a run trains is not compared; callbacks go by name, whatever their order."""
    callbacks = [{"class_path": "A", "init_args": {"folder": Path("x")}}, {"class_path": "B"}]
    trainer = {"max_steps": 9, "callbacks": callbacks, "precision": "bf16"}
    kept = settings({"data": {"init_args": {"sizes": (2, 3)}}, "trainer": trainer})
    torch.save(kept, tmp_path / "kept.pt")
    assert torch.load(tmp_path / "kept.pt", weights_only=True) == kept
    assert kept["data"] == {"init_args": {"sizes": [2, 3]}}
    assert kept["trainer"]["callbacks"] == {"A": {"folder": "x"}, "B": None}
    assert "max_steps" not in kept["trainer"]
    turned = settings({"data": {"init_args": {"sizes": (2, 3)}}, "trainer": {**trainer, "callbacks": callbacks[::-1]}})
    assert turned == kept


def test_an_evaluation_is_compared_in_its_model_alone(tmp_path):
    stored = config(data={"batch_size": 2})
    path = save(tmp_path / "last.ckpt", hyper_parameters=stored["model"], **{KEY: settings(stored)})
    given = config(data={"batch_size": 3}, model={"objective": FLOW, "optimizer": {"class_path": "Adam"}, "seed": 5})
    with pytest.warns(UserWarning, match=r"model\.seed") as told:
        check_differences(path, given, resumes=False)
    assert "batch_size" not in str(told[0].message) and "optimizer" not in str(told[0].message)
    with pytest.raises(ValueError, match="trained with the optimizer SGD, this run has Adam"):
        check_differences(path, given, resumes=True)
    with pytest.warns(UserWarning, match=r"data\.batch_size: checkpoint 2, this run 3"):
        check_differences(path, config(data={"batch_size": 3}), resumes=True)


def test_another_objective_is_refused_in_evaluations_too(tmp_path):
    path = save(tmp_path / "last.ckpt", hyper_parameters={"objective": {"class_path": "Diffusion"}})
    with pytest.raises(ValueError, match="trained with the objective Diffusion, this run has Flow"):
        check_differences(path, config(), resumes=False)
