import os
import pickle

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import CheckpointException

from lumina.distributed.sharded_metadata import check_metadata


class Payload:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture
def checkpoint(tmp_path):
    model = torch.nn.Linear(3, 4)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(3)).sum().backward()
    optimizer.step()
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "half": torch.ones(2).bfloat16()}
    dcp.save(state, checkpoint_id=tmp_path / "sharded")
    return tmp_path / "sharded", state


@pytest.mark.filterwarnings("ignore")
def test_list_of_tensors_passes(checkpoint):
    check_metadata(checkpoint[0])


@pytest.mark.filterwarnings("ignore")
def test_list_that_runs_a_command_is_refused(checkpoint, tmp_path):
    folder, _ = checkpoint
    metadata = pickle.loads((folder / ".metadata").read_bytes())
    metadata.planner_data = Payload(f"touch {tmp_path / 'harm'}")
    (folder / ".metadata").write_bytes(pickle.dumps(metadata))
    with pytest.raises(ValueError, match=r"\.metadata is .*it names posix\.system"):
        check_metadata(folder)
    assert not (tmp_path / "harm").exists()


@pytest.mark.filterwarnings("ignore")
def test_torn_list_is_refused(checkpoint):
    file = checkpoint[0] / ".metadata"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match="is damaged"):
        check_metadata(checkpoint[0])


@pytest.mark.filterwarnings("ignore")
def test_upstream_still_unpickles_without_looking(checkpoint, tmp_path):
    folder, state = checkpoint
    (folder / ".metadata").write_bytes(pickle.dumps(Payload(f"touch {tmp_path / 'harm'}")))
    with pytest.raises(CheckpointException):
        dcp.load(state, checkpoint_id=folder)
    assert (tmp_path / "harm").exists()


@pytest.mark.filterwarnings("ignore")
def test_shards_that_run_a_command_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")  # as `lumina.cli.main` does
    dcp.save({"lr": Payload(f"touch {tmp_path / 'harm'}")}, checkpoint_id=tmp_path / "sharded")
    with pytest.raises(CheckpointException, match="Weights only load failed"):
        dcp.load({"lr": 0.1}, checkpoint_id=tmp_path / "sharded")
    assert not (tmp_path / "harm").exists()
