"""Checkpoints survive kills, full disks and forbidden folders."""

import multiprocessing
import os
import resource
import signal
import tempfile
import time
from pathlib import Path

import pytest
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO

from lumina.survival.atomic_checkpoint import AtomicCheckpointIO

SHARED_MEMORY = Path("/dev/shm")
MEGABYTES = 16


def checkpoint(value=1.0, megabytes=1):
    return {"state_dict": {"weight": torch.full((megabytes * 2**18,), value)}}


def load(path):
    return torch.load(path, weights_only=True)


@pytest.fixture
def limited_file_size():
    """No file may grow beyond 100 kB: what a full disk looks like."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, old)
    signal.signal(signal.SIGXFSZ, handler)


def test_saves_what_it_was_given_and_nothing_beside_it(tmp_path):
    path = tmp_path / "run" / "last.ckpt"
    for value in (1.0, 2.0):
        AtomicCheckpointIO().save_checkpoint(checkpoint(value), path)
        assert load(path)["state_dict"]["weight"].unique().tolist() == [value]
    assert list(path.parent.iterdir()) == [path]
    assert AtomicCheckpointIO().load_checkpoint(path).keys() == {"state_dict"}


@pytest.mark.parametrize("umask", [0o022, 0o007])
def test_file_mode_follows_the_umask(tmp_path, umask):
    old = os.umask(umask)
    try:
        AtomicCheckpointIO().save_checkpoint(checkpoint(), tmp_path / "last.ckpt")
    finally:
        os.umask(old)
    assert (tmp_path / "last.ckpt").stat().st_mode & 0o777 == 0o666 & ~umask


def test_saving_over_a_link_leaves_its_target(tmp_path):
    AtomicCheckpointIO().save_checkpoint(checkpoint(1.0), tmp_path / "epoch=0.ckpt")
    (tmp_path / "last.ckpt").symlink_to("epoch=0.ckpt")
    AtomicCheckpointIO().save_checkpoint(checkpoint(2.0), tmp_path / "last.ckpt")
    assert load(tmp_path / "epoch=0.ckpt")["state_dict"]["weight"][0] == 1.0
    assert load(tmp_path / "last.ckpt")["state_dict"]["weight"][0] == 2.0


def test_full_disk_is_told_plainly_and_leaves_the_old_file(tmp_path, limited_file_size):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"state_dict": {}}, path)
    with pytest.raises(OSError, match=r"not saved \(File too large\): free space there.*last\.ckpt"):
        AtomicCheckpointIO().save_checkpoint(checkpoint(), path)
    assert load(path) == {"state_dict": {}}
    assert list(tmp_path.iterdir()) == [path]


def test_forbidden_folder_is_told_plainly():
    with pytest.raises(OSError, match=r"not saved \(.*\): .*choose a folder that can be written.*last\.ckpt"):
        AtomicCheckpointIO().save_checkpoint(checkpoint(), "/proc/run/last.ckpt")


def test_error_that_is_not_the_disks_stays_as_it_is(tmp_path):
    with pytest.raises(AttributeError, match="lambda"):
        AtomicCheckpointIO().save_checkpoint({"function": lambda: None}, tmp_path / "last.ckpt")
    assert list(tmp_path.iterdir()) == []


def kill_while_saving(writer, target, temporary, unfinished):
    """Forks a process that saves over ``target`` for ever, and kills it when ``unfinished()``."""
    process = multiprocessing.get_context("fork").Process(target=save_for_ever, args=(writer, target, temporary))
    process.start()
    deadline = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < deadline:
        if unfinished():
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            if unfinished():
                break
            os.kill(process.pid, signal.SIGCONT)
    process.kill()
    process.join()
    assert unfinished()


def save_for_ever(writer, target, temporary):
    torch.set_num_threads(1)  # the parent's OpenMP threads did not come along with the fork
    os.environ["TMPDIR"], tempfile.tempdir = str(temporary), None
    state = checkpoint(1.0, MEGABYTES)
    while True:
        writer.save_checkpoint(state, target)


def test_kill_while_saving_leaves_a_whole_file(tmp_path):
    target = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(checkpoint(0.0, MEGABYTES), target)

    def partial():
        return list(tmp_path.glob(".last.ckpt.*.partial"))

    kill_while_saving(AtomicCheckpointIO(), target, tmp_path, partial)
    assert len(load(target)["state_dict"]["weight"].unique()) == 1
    AtomicCheckpointIO().save_checkpoint(checkpoint(), target)
    assert not partial()


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="needs a second filesystem")
def test_upstream_still_leaves_a_torn_file_when_tmpdir_is_elsewhere(tmp_path):
    target = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(checkpoint(0.0, MEGABYTES), target)
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as elsewhere:
        kill_while_saving(TorchCheckpointIO(), target, elsewhere, lambda: target.stat().st_size < MEGABYTES * 2**20)
    with pytest.raises((RuntimeError, EOFError)):
        load(target)
