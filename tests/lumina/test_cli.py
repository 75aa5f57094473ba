"""The command line, as users type it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import entry_points

import pytest
import torch
import yaml
from PIL import Image
from tiny import QUICKSTART, TINY

from lumina.cli import main


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and "usage:" not in error
    return error


def test_both_names_are_one_entry():
    points = {p.name: p.value for p in entry_points(group="console_scripts") if p.value == "lumina.cli:main"}
    assert set(points) == {"lumina", "lightning"}


def test_python_dash_m():
    run = subprocess.run([sys.executable, "-m", "lumina", "--help"], capture_output=True, text=True, check=True)
    assert all(command in run.stdout for command in ("fit", "validate", "test", "predict", "sample", "report"))


def test_unknown_command(capsys):
    with pytest.raises(SystemExit):
        main(["fitt"])
    assert "unknown command 'fitt'. Did you mean 'fit'?" in capsys.readouterr().err


def test_lightning_hands_other_commands_to_another_package(tmp_path):
    (tmp_path / "other_sdk.py").write_text("import sys\ndef main():\n    print('other:', *sys.argv)\n")
    metadata = tmp_path / "other_sdk-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-sdk\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[console_scripts]\nlightning = other_sdk:main\n")
    code = "import sys; sys.argv[0] = 'lightning'; from lumina.cli import main; main()"
    command = [sys.executable, "-c", code, "login", "--now"]
    run = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)}
    )
    assert run.stdout == "other: lightning login --now\n"


def test_print_config_is_the_whole_experiment(capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(QUICKSTART), "--model.seed=7", "--print_config"])
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["seed"] == 7
    assert config["model"]["backbone"]["post_norm"] is True
    assert config["trainer"]["use_distributed_sampler"] is False


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--trainer.max_stpes=5", "Did you mean 'trainer.max_steps'?"),
        ("--model.backbone.num_head=3", "Did you mean 'model.backbone.num_heads'?"),
        ("--model.backbone.dim=131", "dim=131 is not divisible by num_heads=2"),
        ("--model.backbone.token_dim=5", "it is set automatically"),
        ("--model.modality.init_args.patch_size=3", "multiple of 3"),
        ("--data.init_args.batch_size=5000", "5000"),
        ("--data.init_args.batch_size=0", "batch_size"),
        ("--model.conditioners.init_args.num_classes=5", "num_classes"),
        ("--model.conditioners.init_args.key=caption", "has no 'caption'"),
        ("--config=absent.yaml", "absent.yaml"),
        ("--ckpt_path=absent.ckpt", "absent.ckpt"),
    ],
)
def test_bad_input_is_told_in_a_sentence(capsys, tmp_path, monkeypatch, option, told):
    monkeypatch.chdir(tmp_path)
    error = error_of(
        capsys, "fit", "--config", QUICKSTART, *TINY, "--trainer.fast_dev_run=1", "--model.metrics=[]", option
    )
    assert told in error


def test_misspelt_top_level_key(capsys, tmp_path, run_in):
    bad = tmp_path / "bad.yaml"
    bad.write_text("modle:\n")
    assert "modle" in error_of(capsys, "fit", "--config", QUICKSTART, "--config", bad)


def test_run_stores_what_it_needs(tiny_run):
    assert (tiny_run / "config.yaml").is_file()
    assert (tiny_run / "metrics.csv").is_file()
    assert (tiny_run / "checkpoints/last.ckpt").is_file()
    assert list((tiny_run / "samples").glob("*.png"))


def test_samples_are_a_function_of_the_seed(tiny_run, run_in, tmp_path):
    base = ["sample", "--ckpt_path", tiny_run, "--label=[3,5]", "--count=4", "--steps=2"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run_in(*base, "--output", tmp_path / name, "--seed", seed)
    pictures = {name: (tmp_path / name / "00000.png").read_bytes() for name in "abc"}
    assert pictures["a"] == pictures["b"] != pictures["c"]
    assert json.loads((tmp_path / "a/settings.json").read_text())["steps"] == 2


def test_samples_of_any_size_solver_and_schedule(tiny_run, run_in, tmp_path):
    run_in("sample", "--ckpt_path", tiny_run, "--count=2", "--size=[16,24]", "--solver=RK4", "--schedule=Rational",
           "--schedule.sigma=3", "--steps=2", "--guidance=1", "--rope=time_aware", "--proportional_attention=true",
           "--output", tmp_path / "s")  # fmt: skip
    assert Image.open(tmp_path / "s/00001.png").size == (24, 16)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--size=[9,8]", "8x8 would fit"),
        ("--solver=Eulr", "Eulr"),
        ("--solver=DDIM", "give DDIM the same path"),
        ("--count=0", "count=0"),
        ("--steps=0", "at least 1 step"),
        ("--label=[11]", "It knows 0, 1, 2, 3"),
        ("--rope=ntkk", "ntkk"),
        ("--guidnce=3", "Did you mean 'guidance'?"),
    ],
)
def test_bad_sample_options(capsys, tiny_run, tmp_path, option, told):
    size = [] if "size" in option else ["--size=[16,16]"]
    assert told in error_of(capsys, "sample", "--ckpt_path", tiny_run, "--steps=1", *size, "--output", tmp_path, option)


def test_wrong_checkpoints(capsys, tmp_path):
    broken, foreign = tmp_path / "broken.ckpt", tmp_path / "foreign.ckpt"
    broken.write_bytes(b"no checkpoint")
    torch.save({"weights": torch.zeros(3)}, foreign)
    assert "broken.ckpt is cut short, damaged or no checkpoint" in error_of(capsys, "sample", "--ckpt_path", broken)
    assert "was not written by `lumina fit`" in error_of(capsys, "sample", "--ckpt_path", foreign)
    assert "does not exist" in error_of(capsys, "sample", "--ckpt_path", tmp_path / "absent.ckpt")


def test_checkpoint_does_not_override_the_command_line(tiny_run, monkeypatch, capsys):
    monkeypatch.chdir(tiny_run.parents[2])
    with pytest.warns(UserWarning, match=r"model.seed: checkpoint 0, this run 3"):
        main(["validate", "--ckpt_path", "runs/digits", "--model.seed=3", "--trainer.enable_progress_bar=false"])


def test_evaluation_without_a_checkpoint(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "needs --ckpt_path" in error_of(capsys, "test", "--config", QUICKSTART)
    assert "--ckpt_path needs" in error_of(capsys, "test", "--ckpt_path")


def test_resumed_run_writes_into_its_own_folder(tiny_run, tmp_path, monkeypatch):
    shutil.copytree(tiny_run.parents[1], tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    before = sorted((tmp_path / "runs/digits/version_0/samples").iterdir())
    steps = ["--trainer.max_steps=9", "--trainer.val_check_interval=3"]
    main(["fit", "--config", str(QUICKSTART), *TINY, *steps, "--ckpt_path", "runs/digits"])
    assert sorted((tmp_path / "runs/digits/version_0/samples").iterdir()) == before
    assert (tmp_path / "runs/digits/version_1/metrics.csv").is_file()


def test_a_run_goes_on_with_its_own_settings(tiny_run, tmp_path, monkeypatch):
    shutil.copytree(tiny_run.parents[1], tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    main(["fit", "--ckpt_path", "runs/digits", "--trainer.max_steps=8"])
    old, new = (yaml.safe_load((tmp_path / f"runs/digits/version_{n}/config.yaml").read_text()) for n in (0, 1))
    assert new["trainer"].pop("max_steps") == 8 and old["trainer"].pop("max_steps") == 6
    assert new.pop("ckpt_path").endswith("version_0/checkpoints/last.ckpt") and old.pop("ckpt_path") is None
    assert new == old and new["model"]["backbone"]["dim"] == 32


def test_the_block_for_own_pictures_trains(tmp_path, monkeypatch):
    page = (QUICKSTART.parents[2] / "docs/training.md").read_text()
    block = next(part.split("```")[0] for part in page.split("```yaml\n") if "ImageFolder" in part)
    (tmp_path / "pets.yaml").write_text(block)
    for number, name in enumerate(["cat", "dog"] * 40):
        folder = tmp_path / "data/pets" / name
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (80, 70), (number, 2 * number, 90)).save(folder / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    small = [*TINY, "--data.init_args.batch_size=8", "--data.init_args.num_workers=0", "--trainer.accelerator=cpu"]
    main(["fit", "--config", str(QUICKSTART), "--config", "pets.yaml", *small, "--trainer.fast_dev_run=1"])


def test_help_names_known_classes_and_itself(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["fit", "--help"])
    told = capsys.readouterr().out
    assert stop.value.code == 0 and told.startswith("usage: lumina fit --config")
    assert "modalities.image.Image" in told and "datamodules.digits.Digits" in told
    assert "Lightning Trainer" not in told and "__main__" not in told


def test_a_reader_that_has_seen_enough_is_no_error():
    run = subprocess.run(
        f"{sys.executable} -m lumina --help | head -1", shell=True, capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("lumina") and not run.stderr


def test_what_is_not_written_for_users_is_one_sentence_too(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)

    def build(*_, **__):
        raise KeyError("weight")

    monkeypatch.setattr("lumina.commands.train.build", build)
    assert "lumina fit: error: KeyError: 'weight'" in error_of(capsys, "fit", "--config", QUICKSTART)
    monkeypatch.setenv("LUMINA_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main(["fit", "--config", str(QUICKSTART)])


def test_a_warning_is_one_line_without_code(tmp_path):
    warn = "warnings.warn_explicit('look here', UserWarning, 'lightning/trainer.py', 7)"
    script = "import warnings; from lumina import cli; cli._run('convert', ['convert', '--help'])"
    script = f"import atexit; atexit.register(lambda: {warn}); {script}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "warning: look here\n" in run.stderr and "trainer.py" not in run.stderr
