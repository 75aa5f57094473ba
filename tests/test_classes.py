"""A class never goes without its name: from folders into runs, predictions, resumed runs and exports."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from datamodules.cached import Cached
from lumina.checkpoints.pretrained import load_pretrained
from lumina.cli import main

COLOURS = {"1": (200, 0, 0), "10": (0, 200, 0), "2": (0, 0, 200)}  # in the order of the sorted names
VIEW = {"class_path": "lumina.pictures.framing.CentreCrop", "init_args": {"size": 8, "share": 1.0}}
BACKBONE = {"dim": 24, "num_layers": 1, "num_heads": 2, "multiple_of": 8}
CALLBACK = {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"save_last": True}}


def draw(folder: Path, colours: dict[str, tuple[int, int, int]], count: int = 12) -> None:
    rng = np.random.default_rng(0)
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.array(colour) + rng.integers(0, 50, (8, 8, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")


def experiment(folder: Path, name: str, steps: int, model: dict, data: dict) -> Path:
    trainer = {
        "max_steps": steps, "accelerator": "cpu", "num_sanity_val_steps": 0, "limit_val_batches": 0,
        "enable_progress_bar": False, "enable_model_summary": False, "log_every_n_steps": 1,
        "logger": {
            "class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": "runs", "name": name},
        },
        "callbacks": [CALLBACK],
    }  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"model": model, "data": data, "trainer": trainer}))
    return path


def recognition(folder: Path) -> Path:
    model = {
        "modality": {
            "class_path": "modalities.recognition.Recognition", "init_args": {"size": [8, 8], "patch_size": 4},
        },
        "backbone": {**BACKBONE, "modulation": "learned"},
        "objective": {
            "class_path": "lumina.objectives.recognition.Recognition",
            "init_args": {"head": {"class_path": "modalities.recognition.PooledHead"}},
        },
        "metrics": [{"class_path": "lumina.metrics.accuracy.Accuracy"}],
        "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}},
    }  # fmt: skip
    data = {
        "class_path": "datamodules.labelled_pictures.LabelledPictures",
        "init_args": {
            "batch_size": 12, "sources": ["pictures"], "train_framing": VIEW, "eval_framing": VIEW, "holdout": 0.2,
            "cache": None,
        },
    }  # fmt: skip
    return experiment(folder, "recognition", 60, model, data)


def generation(folder: Path) -> Path:
    model = {
        "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "patch_size": 4}},
        "backbone": BACKBONE,
        "conditioners": [{"class_path": "lumina.conditioning.label.LabelConditioner"}],
        "objective": {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
    }
    data = {
        "class_path": "datamodules.image_folder.ImageFolder",
        "init_args": {"batch_size": 4, "root": "pictures", "size": 8, "holdout": 0.2},
    }
    return experiment(folder, "generation", 2, model, data)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    draw(folder / "pictures", COLOURS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for config in (recognition(folder), generation(folder)):
            main(["fit", "--config", str(config)])
    return folder


@pytest.fixture
def here(place, monkeypatch) -> Path:
    monkeypatch.chdir(place)
    return place


def report(here: Path) -> dict[str, float]:
    return json.loads((here / "runs/recognition/version_0/evaluation/metrics.json").read_text())["metrics"]


def test_predictions_have_the_names_of_the_folders(here):
    for number, (name, colour) in enumerate(COLOURS.items()):
        draw(here / "asked" / str(number), {name: colour}, count=1)
    main(["predict", "--ckpt_path", "runs/recognition", "--data.init_args.predict=asked"])
    table = here / "runs/recognition/version_0/predictions/rank_0/probabilities.csv"
    rows = list(csv.DictReader(table.open(newline="")))
    assert [row["class"] for row in rows] == [Path(row["name"]).parts[-2] for row in rows] == list(COLOURS)


def test_test_data_with_fewer_classes_go_by_name(here):
    draw(here / "fewer", {name: COLOURS[name] for name in ("10", "2")})
    with pytest.warns(UserWarning, match="no samples of 1, which the model knows"):
        main(["test", "--ckpt_path", "runs/recognition", "--data.init_args.sources=[fewer]"])
    assert report(here)["top1"] == 1


def test_test_data_with_other_classes_are_refused(here, capsys):
    draw(here / "other", {"1": COLOURS["1"], "3": COLOURS["2"]})
    with pytest.raises(SystemExit):
        main(["test", "--ckpt_path", "runs/recognition", "--data.init_args.sources=[other]"])
    assert "does not know: 3. The data has 1, 3; the model has 1, 10, 2" in capsys.readouterr().err


def test_a_program_knows_its_classes(here):
    main(["convert", "runs/recognition", "program", "--to=program"])
    files = {"classes.json": ""}
    torch.export.load(here / "program/model.pt2", extra_files=files)
    assert json.loads(files["classes.json"]) == list(COLOURS)


def test_labels_are_asked_for_by_name(here, capsys):
    options = ["sample", "--weights", "exported", "--steps=1"]
    main(["convert", "runs/generation", "exported"])
    main([*options, "--label", "10", "--output=one"])
    (sample,) = json.loads((here / "one/settings.json").read_text())["samples"]
    assert (sample["label"], sample["class"]) == (1, "10")
    main([*options, "--label=[2,1]", "--output=two"])
    samples = json.loads((here / "two/settings.json").read_text())["samples"]
    assert [sample["class"] for sample in samples] == ["2", "1"]
    with pytest.raises(SystemExit):
        main([*options, "--label=0", "--output=none"])
    assert "label=0: the model knows no such class" in capsys.readouterr().err


def resumed(here: Path, colours: dict[str, tuple[int, int, int]], name: str, *options: str) -> list[str]:
    """Trains for a step more on other folders; the classes of the run."""
    draw(here / name, colours)
    main(
        ["fit", "--config", "generation.yaml", f"--data.init_args.root={name}", "--trainer.max_steps=3",
         f"--trainer.logger.init_args.name={name}", *options]
    )  # fmt: skip
    return load_pretrained(here / "runs" / name).conditioners[0].classes


def test_a_resumed_run_keeps_the_numbers_of_its_classes(here):
    fewer = {"2": COLOURS["2"]}
    with pytest.warns(UserWarning, match="no samples of 1, 10"):
        classes = resumed(here, fewer, "resumed", "--ckpt_path=runs/generation")
    assert classes == list(COLOURS)


def test_a_renamed_class_is_refused_by_a_resumed_run(here, capsys):
    with pytest.raises(SystemExit):
        resumed(here, {"1": COLOURS["1"], "10": COLOURS["10"], "blue": COLOURS["2"]}, "renamed",
                "--ckpt_path=runs/generation")  # fmt: skip
    assert "does not know: blue. The data has 1, 10, blue; the model has 1, 10, 2" in capsys.readouterr().err


def test_classes_named_in_another_order_are_refused_by_a_resumed_run(here, capsys):
    order = "--model.conditioners=[{class_path: lumina.conditioning.label.LabelConditioner, init_args: {classes: "
    with pytest.raises(SystemExit):
        resumed(here, COLOURS, "order", "--ckpt_path=runs/generation", order + "['2','10','1']}}]")
    assert "numbers the classes of its conditioners.0 1, 10, 2; this run 2, 10, 1" in capsys.readouterr().err


def test_new_classes_start_anew_from_weights(here):
    new = {"0": COLOURS["1"], "10": COLOURS["10"]}
    with pytest.warns(UserWarning, match="knows the classes 1, 10, 2: 0 start anew, the others go on by name"):
        classes = resumed(here, new, "finetuned", "--model.weights=runs/generation",
                          "--model.optimizer.class_path=torch.optim.SGD", "--model.optimizer.lr=0")  # fmt: skip
    assert classes == ["0", "10"]
    old, table = (
        load_pretrained(here / "runs" / name).conditioners[0].table.weight for name in ("generation", "finetuned")
    )
    torch.testing.assert_close(table[1:], old[[1, 3]])  # "10", and that of no class
    assert not torch.equal(table[0], old[0])


def test_a_table_of_another_size_than_the_data_is_refused(here, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", "generation.yaml", "--model.conditioners.init_args.num_classes=4"])
    assert "LabelConditioner has num_classes=4, but the data has 3: 1, 10, 2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fit", "--config", "recognition.yaml", "--model.objective.init_args.head.init_args.num_classes=2"])
    assert "the head has 2 classes, but the data has 3: 1, 10, 2" in capsys.readouterr().err


def test_a_cache_keeps_the_names_and_the_size(here, capsys):
    main(["cache", "--config", "generation.yaml", "--output=cache"])
    data = Cached(batch_size=2, root=Path("cache"))
    assert data.class_names == tuple(COLOURS) and data.size == [8, 8]
    options = ["fit", "--config", "generation.yaml", "--data={class_path: datamodules.cached.Cached, init_args: "
               "{batch_size: 4, root: cache}}", "--trainer.logger.init_args.name=cached"]  # fmt: skip
    main(options)
    assert load_pretrained(here / "runs/cached").conditioners[0].classes == list(COLOURS)
    with pytest.raises(SystemExit):
        main([*options, "--model.modality.init_args.size=[16,16]"])
    assert "for pictures of 16x16 pixels, the data has 8x8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--data.init_args.size=16", "for pictures of 8x8 pixels, the data has 16x16: set modality.size and data.size"),
        ("--model.modality.init_args.channels=1", "for pictures of 1 channels, the data has 3: set modality.channels"),
    ],
)
def test_pictures_that_the_modality_is_not_for_are_refused(here, capsys, option, reason):
    with pytest.raises(SystemExit):
        main(["fit", "--config", "generation.yaml", option])
    assert reason in capsys.readouterr().err
