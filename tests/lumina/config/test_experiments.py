import subprocess
import sys
import zipfile

import pytest
from tiny import QUICKSTART, ROOT, TINY

from lumina.config.experiments import experiments, find_experiments

OWN = """
from modalities.image import Image


class Mine(Image):
    pass
"""


def test_names_files_and_paths_in_the_clone_find_the_experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("quickstart/digits", "quickstart/digits.yaml", "experiments/quickstart/digits.yaml", str(QUICKSTART)):
        assert find_experiments(["fit", "--config", name, "-c=toy/emoji"]) == [
            *("fit", "--config", str(QUICKSTART)),
            f"-c={ROOT / 'experiments/toy/emoji.yaml'}",
        ]


def test_a_file_goes_before_an_experiment_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    (tmp_path / "quickstart/digits").write_text("")
    assert find_experiments(["--config", "quickstart/digits"]) == ["--config", "quickstart/digits"]


@pytest.mark.parametrize("name, near", [("quickstart/digit", "quickstart/digits"), ("emoji_lora", "toy/emoji_lora")])
def test_the_nearest_experiment_is_named(name, near):
    with pytest.raises(FileNotFoundError, match=f"no such file.*nearest: .*{near}"):
        find_experiments(["--config", name])


def test_all_experiments_are_named_where_none_is_near(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"no such file in {tmp_path}.*; there are .*quickstart/digits"):
        find_experiments(["--config", "nowhere.yaml"])


def test_a_run_without_settings_is_told_where_they_come_from(run_in, capsys):
    with pytest.raises(SystemExit):
        run_in("fit")
    assert "--config: a YAML file" in capsys.readouterr().err


def test_every_yaml_has_a_name():
    assert set(experiments().values()) == set((ROOT / "experiments").rglob("*.yaml"))


def test_own_classes_lie_beside_the_yaml(tmp_path, run_in, monkeypatch):
    """A modality of one's own needs no installation and no PYTHONPATH."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "my_images.py").write_text(OWN)
    (folder / "mine.yaml").write_text(
        "model: {modality: {class_path: my_images.Mine, init_args: {size: [8, 8], channels: 1}}}"
    )
    options = ["--trainer.fast_dev_run=1", "--model.metrics=[]", *TINY]
    run_in("fit", "--config", "quickstart/digits", "--config", folder / "mine.yaml", *options)


@pytest.mark.slow
def test_the_wheel_alone_has_experiments_and_their_data(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, ROOT]
    subprocess.run(list(map(str, build)), check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"lumina/experiments/{name}.yaml" for name in experiments()} <= names
    assert "datamodules/data/fluent_emoji/train.parquet" in names
