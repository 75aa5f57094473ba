"""Which checkpoints are whole, and which is the newest."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from tiny_checkpoint import head, save, without

from lumina.survival.checkpoints import META, SIZES, Broken, newest_checkpoint, require_whole
from lumina.survival.choose import choose_checkpoint


def damaged(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def nan(place):
    checkpoint = head(ema={"weights": {"weight": torch.ones(3)}})
    {"raw": checkpoint["state_dict"], "averaged": checkpoint["ema"]["weights"]}[place]["weight"][1] = torch.nan
    return checkpoint


HARM = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    "random": lambda path: path.write_bytes(os.urandom(5000)),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "short": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "flipped bit": lambda path: path.write_bytes(damaged(path.read_bytes())),
    "pickle": lambda path: path.write_bytes(pickle.dumps({"state_dict": {}})),
    "code": lambda path: torch.save(Evil(), path),
    "code inside": lambda path: torch.save(head(more=Evil()), path),
    "list": lambda path: torch.save([1], path),
    "tensor": lambda path: torch.save(torch.ones(3), path),
    "weights alone": lambda path: torch.save(head()["state_dict"], path),
    "no loops": lambda path: torch.save(without("loops"), path),
    "empty loops": lambda path: torch.save(head(loops={}), path),
    "no optimizer": lambda path: torch.save(without("optimizer_states", "lr_schedulers"), path),
    "no step": lambda path: torch.save(without("global_step"), path),
    "no settings": lambda path: torch.save(head(hyper_parameters=None), path),
    "a text for averages": lambda path: torch.save(head(ema="x"), path),
    "no adapters": lambda path: torch.save(head(adapters=None), path),
    "texts for tensors": lambda path: torch.save(head(state_dict={"weight": "1"}), path),
    "NaN": lambda path: torch.save(nan("raw"), path),
    "NaN averaged": lambda path: torch.save(nan("averaged"), path),
    "link to nowhere": lambda path: (path.unlink(), path.symlink_to("gone.ckpt")),
    "empty folder": lambda path: (path.unlink(), path.mkdir()),
    "torn folder": lambda path: (path.unlink(), path.mkdir(), torch.save(head(), path / META)),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("harm", HARM)
def test_broken_file_is_refused_and_folder_falls_back(tmp_path, harm, monkeypatch):
    monkeypatch.chdir(tmp_path)
    older = save(tmp_path / "run/epoch=0.ckpt", 10)
    broken = save(tmp_path / "run/last.ckpt", 20)
    HARM[harm](broken)
    with pytest.raises((Broken, FileNotFoundError, ValueError)) as refused:
        choose_checkpoint(broken, runs=tmp_path)
    assert len(str(refused.value).splitlines()) == 1
    with pytest.warns(match="is broken and is skipped"):
        assert choose_checkpoint(tmp_path / "run", runs=tmp_path) == older
    assert not (tmp_path / "evil").exists()


def test_newest_is_of_the_last_version_and_has_most_steps(tmp_path):
    save(tmp_path / "version_2/checkpoints/epoch=0.ckpt", 10, age=0)
    best = save(tmp_path / "version_2/checkpoints/last.ckpt", 40, age=60)
    save(tmp_path / "version_1/checkpoints/last.ckpt", 90, age=30)
    assert newest_checkpoint(tmp_path) == best
    newer = save(tmp_path / "version_10/checkpoints/last.ckpt", 5, age=90)
    assert newest_checkpoint(tmp_path) == newer


def sharded(folder):
    folder.mkdir()
    for name in (".metadata", "__0_0.distcp", "__1_0.distcp"):
        (folder / name).write_bytes(b"1" * 100)
    meta = head()
    del meta["state_dict"], meta["optimizer_states"]
    torch.save(meta, folder / META)
    sizes = ", ".join(f'"{path.name}": {path.stat().st_size}' for path in folder.iterdir())
    (folder / SIZES).write_text("{" + sizes + "}")
    return folder


@pytest.mark.parametrize("name", [".metadata", "__1_0.distcp", META, SIZES])
def test_torn_shards_are_recognised(tmp_path, name):
    require_whole(sharded(tmp_path / "whole.ckpt"), resumes=True)
    folder = sharded(tmp_path / "torn.ckpt")
    (folder / name).unlink()
    with pytest.raises(Broken, match="torn"):
        require_whole(folder)


def test_cut_shard_is_recognised(tmp_path):
    folder = sharded(tmp_path / "torn.ckpt")
    (folder / "__0_0.distcp").write_bytes(b"1" * 60)
    with pytest.raises(Broken, match=r"__0_0\.distcp has not its 100 bytes"):
        require_whole(folder)
