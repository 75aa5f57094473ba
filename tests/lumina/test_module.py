"""The one LightningModule, built from Python."""

from __future__ import annotations

import json

import pytest
import torch
from lightning.pytorch import Trainer

from datamodules.digits import Digits
from lumina.backbone import NextDiTConfig
from lumina.callbacks.evaluation import EvaluationReport
from lumina.conditioning.label import LabelConditioner
from lumina.metrics.sample_metric import SampleMetric
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from modalities.image import Image


def make(**changes):
    parts = {
        "modality": Image(size=(8, 8), channels=1, patch_size=2),
        "backbone": NextDiTConfig(dim=32, num_layers=2, num_heads=2),
        "objective": FlowMatching(),
        "conditioners": [LabelConditioner(10)],
    }
    return LuminaModule(**{**parts, **changes})


def trainer(folder, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return Trainer(**{**quiet, "use_distributed_sampler": False, "default_root_dir": folder, "max_steps": 3, **options})


def test_widths_are_measured():
    config = make().backbone.config
    assert (config.token_dim, config.position_axes, config.text_dim) == (4, 2, None)


def test_stated_width_must_agree():
    with pytest.raises(ValueError, match=r"token_dim=5, but the modality and the conditioners have 4"):
        make(backbone=NextDiTConfig(dim=32, num_heads=2, token_dim=5))


def test_missing_field_is_refused_before_the_first_step(tmp_path):
    module = make(conditioners=[LabelConditioner(10, key="breed")])
    with pytest.raises(ValueError, match=r"Digits has no 'breed'.*it has: image, label"):
        trainer(tmp_path).fit(module, Digits(batch_size=8))
    assert module.global_step == 0


def test_checkpoint_of_a_module_built_in_python_loads_safely(tmp_path):
    module, run = make(), trainer(tmp_path)
    run.fit(module, Digits(batch_size=8))
    run.save_checkpoint(tmp_path / "x.ckpt", weights_only=False)
    checkpoint = torch.load(tmp_path / "x.ckpt", weights_only=True)
    make().load_state_dict(checkpoint["state_dict"])


def test_parameters_get_gradients_and_move(tmp_path):
    module = make()
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    trainer(tmp_path).fit(module, Digits(batch_size=64))
    still = [name for name, p in module.named_parameters() if torch.equal(p, before[name])]
    assert still == []


def test_loss_falls_below_that_of_knowing_nothing(tmp_path):
    run = trainer(tmp_path, max_steps=120, limit_val_batches=2)
    module = make(optimizer=lambda parameters: torch.optim.AdamW(parameters, 3e-3))
    data = Digits(batch_size=64)
    start = run.validate(module, data, verbose=False)[0]["validation/loss"]
    run.fit(module, data)
    assert run.validate(module, data, verbose=False)[0]["validation/loss"] < 0.6 * start


def test_same_seed_same_weights(tmp_path):
    results = []
    for _ in range(2):
        torch.manual_seed(1)
        module = make()
        trainer(tmp_path).fit(module, Digits(batch_size=16))
        results.append(module.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_activation_checkpointing_trains_the_same_weights(tmp_path):
    results = []
    for checkpointing in (False, True):
        torch.manual_seed(1)
        module = make(activation_checkpointing=checkpointing)
        trainer(tmp_path).fit(module, Digits(batch_size=16))
        results.append(module.state_dict())
    assert all(torch.allclose(results[0][name], results[1][name], atol=1e-6) for name in results[0])


class Broken(SampleMetric):
    full_state_update = False

    def update(self, generated, batch):
        pass

    def results(self):
        raise ValueError("too few samples")


class Count(Broken):
    def results(self):
        return {"count": 3.0}


def test_a_metric_that_fails_leaves_the_report_of_the_others(tmp_path):
    run = trainer(tmp_path, callbacks=[EvaluationReport()], limit_test_batches=1)
    with pytest.warns(UserWarning, match="Not computed: Broken: all, because too few samples"):
        run.test(make(metrics=[Broken(), Count()]), Digits(batch_size=2), verbose=False)
    report = json.loads((tmp_path / "evaluation/metrics.json").read_text())
    assert report["metrics"] == {"count": 3.0}
    assert report["not_computed"] == {"Broken: all": "too few samples"}
