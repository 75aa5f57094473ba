"""A modality that lumina has never heard of, in three files, through the commands, without an edit in lumina."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from pathlib import Path

import pytest
from tiny import ROOT

from lumina.cli import main

FILES = Path(__file__).parent / "data/new_modality"
BLIND = (
    "generation",
    "reports",
    "callbacks",
    "commands/sample.py",
)  # of lumina/: know no medium, no condition


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the three files lie, and what `lumina fit` made of them."""
    folder = shutil.copytree(FILES, tmp_path_factory.mktemp("new") / "swings")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        main(["fit", "--config", "swings.yaml"])
        yield folder
    for name in ("curves", "swings"):
        sys.modules.pop(name, None)


@pytest.fixture
def sample(folder, monkeypatch, request):
    """Runs `lumina sample`; gives its folder and the records of its samples."""
    monkeypatch.chdir(folder)

    def run(*options):
        out = folder / f"out_{request.node.name}"
        main(["sample", "--weights", "runs/swings", "--trust", "--output", str(out), *map(str, options)])
        return out, json.loads((out / "settings.json").read_text())["samples"]

    return run


def values(file):
    return [float(line) for line in file.read_text().splitlines()]


def test_training_draws_its_sheets(folder):
    run = folder / "runs/swings/version_0"
    for name in ("samples", "asked"):
        assert [file.name for file in sorted((run / name).iterdir())] == ["step_0000002.png", "step_0000004.png"]


def test_evaluation_and_prediction(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    main(["test", "--ckpt_path", "runs/swings", "--trust"])
    main(["predict", "--ckpt_path", "runs/swings", "--trust"])
    files = sorted((folder / "runs/swings/version_0/predictions/rank_0").iterdir())
    assert [file.name for file in files] == [f"{number:05d}.txt" for number in range(10)]
    assert "10 predictions" in capsys.readouterr().out


def test_cached_latents_train_as_well(folder, monkeypatch):
    monkeypatch.chdir(folder)
    main(["cache", "--config", "swings.yaml", "--output", "cache"])
    cached = "--data={class_path: datamodules.cached.Cached, init_args: {root: cache, batch_size: 8}}"
    main(["fit", "--config", "swings.yaml", cached, "--trainer.logger.init_args.name=cached"])
    assert (folder / "runs/cached/version_0/asked/step_0000004.png").is_file()


def test_wishes_on_the_command_line(sample):
    out, told = sample("--pitch=[1,2.5]", "--length", "7", "--opening", "0.5,-0.25", "--count=2")
    asked = {"length": 7, "opening": [0.5, -0.25]}
    assert told == [
        {"file": f"{n:05d}.txt", "pitch": pitch, **asked, "seed": n} for n, pitch in enumerate((1.0, 1.0, 2.5, 2.5))
    ]
    drawn = [values(out / record["file"]) for record in told]
    assert [len(curve) for curve in drawn] == [7] * 4 and all(curve[:2] == [0.5, -0.25] for curve in drawn)
    assert drawn[0] != drawn[1]


def test_the_page_shows_what_the_modality_says(sample):
    out, _ = sample("--pitch=3")
    page = (out / "index.html").read_text()
    assert page.count('<svg class="curve"') == 1 and "3 swings" in page and "seed 0 · 12 values" in page
    assert page.count(".curve { fill: none") == 1 and (out / "grid.png").is_file()


def test_wishes_in_a_file(sample, folder):
    (folder / "asked.jsonl").write_text('{"pitch": 3, "length": 5}\n{"length": 6, "seed": 40}\n{"pitch": 1}\n')
    out, told = sample("--prompts", "asked.jsonl")
    assert [(record.get("pitch"), record["seed"]) for record in told] == [(3.0, 0), (None, 40), (1.0, 2)]
    assert [len(values(out / record["file"])) for record in told] == [5, 6, 12]


def test_nothing_asked_is_the_null_condition_whatever_its_neighbours(sample, folder):
    (folder / "mixed.json").write_text('[{"length": 12, "seed": 5}, {"pitch": 2}]')
    mixed, told = sample("--prompts", "mixed.json", "--guidance=2")
    shutil.move(mixed, folder / "mixed_out")
    alone, _ = sample("--seed=5", "--count=1", "--guidance=2")
    first = values(folder / "mixed_out" / told[0]["file"])
    assert first == pytest.approx(values(alone / "00000.txt"), abs=1e-5) and "pitch" not in told[0]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--length=0",), "length=0 must be at least 1"),
        (("--length=2", "--opening=1,2,3"), "the opening is longer than length=2"),
        (("--pitch=high",), "pitch"),
        (
            ("--size=8x8",),
            "--size was given, but this model is of Curves and takes pitch, length, opening: it is for",
        ),
        (("--lenth=3",), "Did you mean 'length'"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_drawn(folder, monkeypatch, capsys, options, told):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("lumina.commands.sample.SampleFolder", None)
    with pytest.raises(SystemExit) as stop:
        main(["sample", "--weights", "runs/swings", "--trust", *options])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and told in error and "Traceback" not in error and len(error) < 400


def test_help_lists_the_wishes_of_the_model(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit):
        main(["sample", "--weights", "runs/swings", "--trust", "--help"])
    told = capsys.readouterr().out
    assert "--pitch" in told and "values of each curve" in told and "--points" not in told


def test_help_without_a_model_lists_all_wishes(capsys):
    with pytest.raises(SystemExit):
        main(["sample", "--help"])
    told = capsys.readouterr().out
    assert all(f"--{name}" in told for name in ("prompt", "negative", "label", "size", "image", "box", "points"))


def test_what_draws_and_shows_samples_asks_for_no_class_of_modality_or_condition():
    """The rest of this file cannot see a branch that the made-up modality does not walk into."""
    kinds = {"Modality", "Conditioner"}
    for path in [*(ROOT / "lumina/conditioning").glob("*.py"), *(ROOT / "modalities").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and kinds & {getattr(base, "id", "") for base in node.bases}:
                kinds = kinds | {node.name}
    assert {"Image", "PointCloud", "TextConditioner", "LabelConditioner"} <= kinds
    for part in BLIND:
        place = ROOT / "lumina" / part
        for path in [place] if place.is_file() else place.rglob("*.py"):
            asked = {
                name.id
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass")
                for name in ast.walk(node)
                if isinstance(name, ast.Name)
            }
            assert not asked & kinds, f"{path} asks whether something is a {asked & kinds}: give the class a method"
