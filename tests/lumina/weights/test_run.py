"""What a checkpoint holds of a model."""

import pytest
import torch
from tiny_checkpoint import head, save

from lumina.weights.run import averaged, averaged_weights, read_run

AVERAGE = {"a": torch.ones(2)}


def test_averages_stand_in_for_what_was_trained_and_metrics_are_left_out():
    state = {"a": torch.zeros(2), "buffer": torch.tensor(3), "metrics.0.network": torch.zeros(9)}
    checkpoint = head(state_dict=state, ema={"weights": AVERAGE})
    assert averaged_weights(checkpoint) is AVERAGE
    found = averaged(checkpoint)
    assert found == {"a": AVERAGE["a"], "buffer": state["buffer"]}
    assert averaged_weights(head()) is None
    assert averaged(head(state_dict=state)) == {"a": state["a"], "buffer": state["buffer"]}


def test_of_a_folder_the_newest_is_read_and_said(tmp_path):
    save(tmp_path / "version_0/epoch=0.ckpt", 10, hyper_parameters={"x": 1})
    newest = save(tmp_path / "version_0/last.ckpt", 20, hyper_parameters={"x": 2})
    checkpoint, path = read_run(tmp_path)
    assert path == newest and checkpoint["hyper_parameters"] == {"x": 2}


def test_a_checkpoint_that_cannot_be_built_again_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no hyper_parameters .*published weights are given by their folder"):
        read_run(save(tmp_path / "last.ckpt"))
