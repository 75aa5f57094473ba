"""Recognition from the command line: train, evaluate, predict, fine-tune at any resolution, export."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import ROOT

from lumina.checkpoints.pretrained import load_pretrained
from lumina.cli import main

pytest.importorskip("timm")

PRETRAIN, ANYRES = (ROOT / f"experiments/paper/table1_{name}.yaml" for name in ("pretrain", "anyres"))
CLASSES = ("blue", "green", "red")
SIZES = [(40, 40), (64, 32), (30, 70), (20, 20), (48, 64), (33, 47)]
SMALL = [
    "--model.backbone.dim=24", "--model.backbone.num_layers=2", "--model.backbone.num_heads=2",
    "--model.backbone.multiple_of=8", "--model.modality.init_args.patch_size=8",
    "--model.objective.init_args.head.init_args.num_classes=3",
    "--model.optimizer.init_args.fused=false",
    "--trainer.accelerator=cpu", "--trainer.devices=1", "--trainer.precision=32", "--trainer.enable_progress_bar=false",
    "--trainer.log_every_n_steps=1", "--trainer.num_sanity_val_steps=0", "--data.init_args.num_workers=0",
    "--data.init_args.cache=null",
]  # fmt: skip
DEIT = "lumina.pictures.augmentation.DeiTAugmentation"
AUGMENTATION = f"--data.init_args.augmentation={{class_path: {DEIT}, init_args: {{rand_augment: null}}}}"
FIXED = [
    "--model.modality.init_args.size=[32,32]", "--data.init_args.batch_size=8", "--data.init_args.eval_batch_size=5",
    "--data.init_args.train_framing.init_args.size=32", "--data.init_args.eval_framing.init_args.size=32",
    "--trainer.max_steps=30", "--trainer.val_check_interval=3", "--trainer.callbacks.every_n_train_steps=30",
    "--trainer.logger.init_args.name=fixed", "--model.optimizer.init_args.lr=0.003", "--model.lr_scheduler=null",
    AUGMENTATION, "--data.init_args.mixing.init_args.probability=0.5",
]  # fmt: skip


def draw(folder: Path) -> Path:
    """Pictures of one colour with noise: ``train/CLASS`` and ``val/CLASS``."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 18), ("val", 6)):
        for place, name in enumerate(CLASSES):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 120, (*SIZES[number % len(SIZES)], 3))
                pixels[..., 2 - place] += 120
                Image.fromarray(pixels.astype(np.uint8)).save(folder / part / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """Where a small run of the paper's recipe lies, beside its data."""
    folder = tmp_path_factory.mktemp("recognition")
    draw(folder / "data/imagenet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "--config", str(PRETRAIN), *SMALL, *FIXED])
    return folder


@pytest.fixture
def here(place, monkeypatch) -> Path:
    monkeypatch.chdir(place)
    return place


def report(run: Path) -> dict[str, float]:
    return json.loads((run / "version_0/evaluation/metrics.json").read_text())["metrics"]


def test_it_learns_and_is_evaluated(here, capsys, recwarn):
    main(["test", "--ckpt_path", "runs/fixed"])
    assert not [one for one in recwarn if "other arguments" in str(one.message)]
    found = report(here / "runs/fixed")
    assert found["count"] == 18 and found["top1"] > 0.8
    assert "top1" in capsys.readouterr().out


def test_native_aspect(here):
    view = "{class_path: modalities.recognition.DynamicPartition, init_args: {patch_size: 8, max_patches: 40}}"
    main(["test", "--ckpt_path", "runs/fixed", f"--data.init_args.eval_framing={view}"])
    assert report(here / "runs/fixed")["count"] == 18


def test_predicts_a_folder_of_pictures(here, recwarn):
    pictures = here / "pictures"
    (pictures / "deeper").mkdir(parents=True)
    Image.new("L", (50, 20), 128).save(pictures / "grey.png")
    Image.new("CMYK", (20, 50), (0, 200, 200, 0)).save(pictures / "printed.jpg")
    Image.new("RGBA", (30, 30), (0, 0, 255, 128)).save(pictures / "deeper/clear.png")
    Image.fromarray(np.full((9, 40), 40_000, np.uint16)).save(pictures / "deep.png")
    Image.new("RGB", (200, 1), "red").save(pictures / "line.png")
    (pictures / "empty.png").touch()
    whole = (here / "data/imagenet/val/red/0.png").read_bytes()
    (pictures / "cut.png").write_bytes(whole[: len(whole) // 2])
    options = ["--data.init_args.predict=pictures", "--data.init_args.max_corrupt=0.5"]
    (here / "data/imagenet").rename(here / "data/elsewhere")  # the data it was trained on need not be there
    main(["predict", "--ckpt_path", "runs/fixed", *options])
    (here / "data/elsewhere").rename(here / "data/imagenet")
    rows = list(csv.DictReader((here / "runs/fixed/version_0/predictions/rank_0/probabilities.csv").open(newline="")))
    assert [row["name"] for row in rows] == ["deep.png", "deeper/clear.png", "grey.png", "line.png", "printed.jpg"]
    found = {row["name"]: row["class"] for row in rows}
    assert found["deeper/clear.png"] == "blue" and found["line.png"] == found["printed.jpg"] == "red"
    for row in rows:
        assert sum(float(row[name]) for name in CLASSES) == pytest.approx(1, abs=1e-5)
    messages = [str(warning.message) for warning in recwarn if "cannot be read" in str(warning.message)]
    assert any("empty.png" in message for message in messages) and any("cut.png" in message for message in messages)


@pytest.mark.parametrize(("mixed_sizes", "cost"), [("packed", "sum"), ("padded", "padded")])
def test_fine_tunes_at_any_resolution(here, mixed_sizes, cost):
    options = [
        "--model.weights=runs/fixed", "--model.modality.init_args.size=[64,64]", "--data.init_args.batch_size=16",
        f"--model.backbone.mixed_sizes={mixed_sizes}", f"--data.init_args.cost={cost}", "--trainer.max_epochs=2",
        "--data.init_args.max_tokens=150", "--trainer.logger.init_args.name=any",
        "--model.optimizer.init_args.lr=0.001",
        "--data.init_args.train_framing.init_args.patch_size=8", "--data.init_args.eval_framing.init_args.patch_size=8",
        "--data.init_args.patch_size=8", "--data.init_args.augmentation=null",
        "--data.init_args.train_framing.init_args.max_patches=64",
        "--data.init_args.eval_framing.init_args.max_patches=64",
        "--trainer.callbacks.every_n_train_steps=8",
    ]  # fmt: skip
    main(["fit", "--config", str(PRETRAIN), "--config", str(ANYRES), *SMALL, *options])
    run = sorted(here.glob("runs/any/version_*"))[-1]
    before, after = load_pretrained(here / "runs/fixed").state_dict(), load_pretrained(run).state_dict()
    moved = [(after[name] - before[name]).abs().max() for name in before]
    assert 0 < max(moved) < 0.2  # it went on from there
    main(["test", "--ckpt_path", str(run)])
    metrics = json.loads((run / "evaluation/metrics.json").read_text())["metrics"]
    assert metrics["count"] == 18 and metrics["top1"] > 0.8


def test_fewer_classes_in_another_order_go_on_by_name(here):
    options = [
        "--model.weights=runs/fixed", "--model.objective.init_args.head.init_args.num_classes=2",
        "--trainer.max_steps=1", "--data.init_args.classes=[red,blue]", "--model.optimizer.init_args.lr=0",
        "--trainer.logger.init_args.name=fewer", "--trainer.callbacks.every_n_train_steps=1",
        "--trainer.limit_val_batches=0",
    ]  # fmt: skip
    main(["fit", "--config", str(PRETRAIN), *SMALL, *FIXED, *options])
    old, new = (load_pretrained(here / "runs" / name).objective.head.mlp[2].weight for name in ("fixed", "fewer"))
    torch.testing.assert_close(new, old[[CLASSES.index("red"), CLASSES.index("blue")]])


def test_accuracy_over_resolution(here, capsys):
    main(["analyze", "resolution", "--runs=[runs/fixed]", "--sizes=[32,64]", "--output=figure.png"])
    rows = list(csv.DictReader((here / "figure.csv").open(newline="")))
    assert [(row["rule"], row["size"]) for row in rows] == [
        ("none", "32"),
        ("none", "64"),
        ("ntk", "32"),
        ("ntk", "64"),
    ]
    assert rows[0]["top1"] == rows[2]["top1"] and float(rows[0]["top1"]) > 0.8  # no rule acts at the trained size
    assert Image.open(here / "figure.png").width > 500


def test_a_program_runs_without_the_model(here, capsys):
    main(["convert", "runs/fixed", "program", "--to=program"])
    assert "probabilities differ by at most" in capsys.readouterr().out
    extra = {"model.yaml": ""}
    program = torch.export.load("program/model.pt2", extra_files=extra).module()
    module, image = load_pretrained(here / "runs/fixed"), torch.rand(3, 3, 48, 16) * 2 - 1
    batch = {"image": image}
    samples = module.generate(module.tokens(batch), batch, torch.Generator())
    torch.testing.assert_close(program(image), torch.stack([sample.probabilities for sample in samples]))
    assert "classes:\n    - blue" in extra["model.yaml"]


def test_figure_20_needs_a_view(here, capsys):
    steps = ["--trainer.max_steps=2", "--trainer.callbacks.every_n_train_steps=1", "--trainer.val_check_interval=2"]
    quiet = ["--trainer.limit_val_batches=1", "--trainer.enable_progress_bar=false"]
    main(["fit", "--config", str(ROOT / "experiments/quickstart/recognition.yaml"), *steps, *quiet])
    with pytest.raises(SystemExit):
        main(["analyze", "resolution", "--runs=[runs/recognition]", "--sizes=[8,16]"])
    assert "figure 20 needs a datamodule with eval_framing" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["analyze", "resolution", "--runs=[runs/recognition]", "--sizes=[8,9]"])
    assert "image size 9x9 must be a positive multiple of 2" in capsys.readouterr().err


def test_padding_counts_where_it_is_computed(here, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(PRETRAIN), "--config", str(ANYRES), *SMALL, "--model.weights=null",
              "--model.backbone.mixed_sizes=padded", "--data.init_args.patch_size=8",
              "--data.init_args.augmentation=null"])  # fmt: skip
    assert "set data.cost to padded, or backbone.mixed_sizes to packed" in capsys.readouterr().err


def test_another_objective_is_refused(tiny_run, here, capsys):
    with pytest.raises(SystemExit):
        main(["test", "--config", str(here / "runs/fixed/version_0/config.yaml"), "--ckpt_path", str(tiny_run)])
    assert "was trained with the objective lumina.objectives.flow_matching.FlowMatching" in capsys.readouterr().err


def test_labels_are_needed_to_train_but_not_to_predict(here, capsys):
    data = "--data={class_path: datamodules.cached.Cached, init_args: {folder: x, batch_size: 2}}"
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(ROOT / "experiments/quickstart/recognition.yaml"), data])
    assert capsys.readouterr().err
