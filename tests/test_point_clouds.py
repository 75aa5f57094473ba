"""Point clouds from files to files: train, evaluate, sample at another density, on a dashboard."""

from __future__ import annotations

import json
import re

import pytest
import torch
from tiny_text import Letters

from lumina.backbone import NextDiTConfig
from lumina.checkpoints.pretrained import load_pretrained
from lumina.cli import main
from lumina.clouds.ply import read_ply
from lumina.conditioning.text import TextConditioner
from lumina.generation.how import How
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from modalities.point_cloud import PointCloud

pytest.importorskip("trimesh")
KEYS = {"mmd_cd_x1000", "cov_cd_percent", "one_nna_cd_percent", "acc_t_cd_percent", "acc_f_cd_percent", "jsd"}


def test_a_dashboard_shows_clouds_that_turn():
    wandb = pytest.importorskip("wandb")
    shown = PointCloud(50).wandb_media(torch.randn(2, 50, 3), ["a chair", "a table"])
    assert [type(cloud) for cloud in shown] == [wandb.Object3D] * 2
    assert [cloud._caption for cloud in shown] == ["a chair", "a table"]


def test_evaluation_reports_the_paper_s_units_beside_anchors(tiny_points, monkeypatch, capsys):
    monkeypatch.chdir(tiny_points)
    main(["test", "--ckpt_path", "runs/furniture/version_0", "--data.init_args.eval_points=100"])
    values = json.loads((tiny_points / "runs/furniture/version_0/evaluation/metrics.json").read_text())["metrics"]
    expected = {f"shape_bbox/{anchor}{key}" for anchor in ("", "train/", "gaussian/") for key in KEYS}
    assert set(values) == expected
    assert values["shape_bbox/train/mmd_cd_x1000"] < values["shape_bbox/gaussian/mmd_cd_x1000"]
    assert "shape_bbox/one_nna_cd_percent" in capsys.readouterr().out


def test_predictions_are_files_one_a_shape(tiny_points, monkeypatch):
    monkeypatch.chdir(tiny_points)
    main(["predict", "--ckpt_path", "runs/furniture", "--data.init_args.eval_batch_size=4"])
    assert len(list((tiny_points / "runs/furniture/version_0/predictions").rglob("*.ply"))) == 6


def test_samples_of_another_density_are_files_and_a_page(tiny_points, monkeypatch):
    monkeypatch.chdir(tiny_points)
    options = ["--label=[0,2]", "--points=300", "--rope=time_aware", "--proportional_attention=true", "--output=out"]
    main(["sample", "--ckpt_path", "runs/furniture/version_0", *options])
    settings = json.loads((tiny_points / "out/settings.json").read_text())
    assert [sample["points"] for sample in settings["samples"]] == [300, 300]
    assert settings["rope"] == "time_aware"
    clouds = [read_ply(tiny_points / "out" / sample["file"]) for sample in settings["samples"]]
    assert [cloud.shape for cloud in clouds] == [(300, 3)] * 2
    page = (tiny_points / "out/index.html").read_text()
    assert page.count('<canvas class="cloud"') == 2 and page.count("<script>") == 1 and "300 points" in page
    assert not re.search(r'(src|href)="(https?:)?//', page)


def test_a_trained_model_goes_on_with_more_points(tiny_points, monkeypatch):
    """As table 7 does: pre-training at one density, fine-tuning at another."""
    monkeypatch.chdir(tiny_points)
    (tiny_points / "denser.yaml").write_text(
        "model: {weights: runs/furniture, modality: {init_args: {points: 300}}}\n"
        "data: {init_args: {points: 300}}\n"
        "trainer: {max_steps: 1, logger: {init_args: {name: denser}}}\n"
    )
    configs = ["--config", "runs/furniture/version_0/config.yaml", "--config", "denser.yaml"]
    main(["fit", *configs, "--trainer.limit_val_batches=0"])
    first, second = (load_pretrained(tiny_points / "runs" / name) for name in ("furniture", "denser"))
    assert second.modality.points == second.backbone.x_embedder.trained == 300
    for name, parameter in first.named_parameters():
        torch.testing.assert_close(second.get_parameter(name), parameter, atol=2e-4, rtol=0)  # one step of 8e-5


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--size=8x8"], "size was given, but this model is of PointCloud"),
        (["--points=0"], "points=0 must be at least 1"),
        (["--rope=frequency_aware", "--points=300"], "use 'time_aware'"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(tiny_points, monkeypatch, capsys, options, reason):
    monkeypatch.chdir(tiny_points)
    with pytest.raises(SystemExit):
        main(["sample", "--ckpt_path", "runs/furniture/version_0", "--label=[0]", *options])
    assert reason in capsys.readouterr().err


def test_rules_for_more_positions_are_refused_where_points_are_positions():
    config = NextDiTConfig(dim=48, num_layers=1, num_heads=2, multiple_of=16)
    module = LuminaModule(PointCloud(8, "rope"), config, FlowMatching())
    with pytest.raises(ValueError, match="these tokens lie where their own coordinates say"):
        How(rope="time_aware").inference(module)
    assert How(proportional_attention=True).inference(module).proportional_base == 8


def test_a_text_conditional_model_learns_and_draws_with_rope():
    """As on Cap3D: captions by cross-attention, the points' own coordinates as positions."""
    config = NextDiTConfig(dim=48, num_layers=2, num_heads=2, multiple_of=16, rope_base=100.0)
    objective = FlowMatching(sampler=Sampler(Uniform(), Euler(), 2))
    module = LuminaModule(PointCloud(16, "rope"), config, objective, [TextConditioner(Letters(), dropout=0.0)])
    batch = {"points": torch.randn(4, 16, 3) * 0.1, "caption": ["a chair", "a table", "", "a lamp"]}
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    losses = []
    for step in range(40):
        tokens, generator = module.tokens(batch), torch.Generator().manual_seed(step)
        cond = module.conditioners.train_conditions(batch, 4, generator)
        loss = objective.loss(module.backbone, tokens, cond, batch, generator)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])  # small clouds: the noise can be read off the points
    assert all(layer.attention.gate.abs().max() > 0 for layer in module.backbone.layers)
    drawn = module.generate(module.modality.layout(4, {"points": 50}), batch, torch.Generator().manual_seed(0))
    assert drawn.shape == (4, 50, 3) and drawn.std() < 0.7
