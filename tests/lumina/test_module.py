"""The one LightningModule, built from Python."""

from __future__ import annotations

import json
from functools import partial
from typing import ClassVar

import pytest
import torch
from lightning.pytorch import Trainer
from torch.utils.data import DataLoader
from torchmetrics.utilities import dim_zero_cat

from datamodules.digits import Digits
from lumina.backbone import NextDiTConfig
from lumina.callbacks.evaluation import EvaluationReport
from lumina.conditioning.label import LabelConditioner
from lumina.interfaces import Conditioner
from lumina.metrics.robust import RobustMetric
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from lumina.values import Conditioning, Prefix
from modalities.image import Image


def make(**changes):
    parts = {
        "modality": Image(size=(8, 8), channels=1, patch_size=2),
        "backbone": NextDiTConfig(dim=32, num_layers=2, num_heads=2),
        "objective": FlowMatching(),
        "conditioners": [LabelConditioner(10)],
    }
    return LuminaModule(**{**parts, **changes})


class ReferencePicture(Conditioner):
    """The picture of a field, clean, beside the one that is drawn."""

    route: ClassVar = "prefix"
    dim, dropout, key = 0, 0.5, "image"

    def connect(self, modality):
        self.tokens = lambda value: modality.tokenize(modality.compress({"image": value}), {})

    def forward(self, value, keep):
        return Conditioning(prefix=Prefix(tokens=self.tokens(value)))

    def example(self, count):
        return torch.rand(count, 1, 8, 8) * 2 - 1


def trainer(folder, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    return Trainer(**{**quiet, "use_distributed_sampler": False, "default_root_dir": folder, "max_steps": 3, **options})


def test_a_rise_of_a_single_step_is_refused_in_words():
    schedule = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=0.1, total_steps=10, pct_start=0.1)
    with pytest.raises(ValueError, match="max_steps"):
        make(lr_scheduler=schedule).configure_optimizers()


def test_missing_field_is_refused_before_the_first_step(tmp_path):
    module = make(conditioners=[LabelConditioner(10, key="breed")])
    with pytest.raises(ValueError, match=r"Digits has no 'breed'.*it has: image, label"):
        trainer(tmp_path).fit(module, Digits(batch_size=8))
    assert module.global_step == 0


def test_a_reference_picture_goes_through_the_modality(tmp_path):
    module = make(conditioners=[ReferencePicture()])
    assert not [name for name in module.state_dict() if name.startswith("conditioners")]
    trainer(tmp_path).fit(module, Digits(batch_size=8))
    pictures = Digits(batch_size=8).collate([{"image": torch.full((1, 8, 8), level)} for level in (-1.0, 1.0)])
    cond = module.eval().conditioners.conditions(pictures, 2, torch.device("cpu"))
    assert torch.equal(module.modality.decode(cond.prefix.tokens, {}), pictures["image"])
    canvas = module.modality.layout(2, {})
    drawn = module.generate(canvas, pictures, torch.Generator().manual_seed(0))
    assert drawn.shape == (2, 1, 8, 8) and drawn.isfinite().all()


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


class Broken(RobustMetric):
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


class Seen(RobustMetric):
    """Statistics of all that it is shown."""

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("samples", default=[], dist_reduce_fx="cat")

    def update(self, generated, batch):
        self.samples.append(generated.double().flatten(1))

    def results(self):
        samples = dim_zero_cat(self.samples)
        return {"count": len(samples), "mean": samples.mean().item(), "spread": samples.std(0).mean().item()}


def evaluated(folder, validate=False, **sizes):
    module = make(
        metrics=[Seen()],
        evaluate_in_validation=True,
        objective=FlowMatching(sampler=Sampler(Uniform(), Euler(), 1)),
    )
    with torch.no_grad():
        module.backbone.final_layer.linear.weight.normal_(generator=torch.Generator().manual_seed(0))
    run = trainer(folder)
    found = (run.validate if validate else run.test)(module, Digits(batch_size=8, **sizes), verbose=False)[0]
    assert found[("validation" if validate else "test") + "/count"] == 500
    return found


@pytest.mark.parametrize("validate", [True, False])
def test_an_evaluation_does_not_depend_on_the_batch_size(tmp_path, validate):
    torch.manual_seed(1)
    first = evaluated(tmp_path, validate, eval_batch_size=50)
    torch.manual_seed(1)
    assert evaluated(tmp_path, validate, eval_batch_size=7) == pytest.approx(first, rel=1e-5)


def fitted(folder, **options):
    torch.manual_seed(1)
    sizes = {"batch_size": options.pop("batch_size")}
    module = make(backbone=NextDiTConfig(dim=32, num_layers=2, num_heads=2, drop_path=0.3))
    trainer(folder, max_steps=4, gradient_clip_val=1.0, limit_val_batches=0, **options).fit(module, Digits(**sizes))
    return module.state_dict()


def test_a_batch_in_parts_trains_as_a_whole_one(tmp_path):
    whole, parts = fitted(tmp_path, batch_size=32), fitted(tmp_path, batch_size=8, accumulate_grad_batches=4)
    for name, weight in whole.items():
        torch.testing.assert_close(parts[name], weight, atol=2e-5, rtol=1e-3)


class Dropping(Image):
    """Draws from PyTorch's global generator, as layers do."""

    def tokenize(self, latent, batch):
        self.drawn = [*getattr(self, "drawn", []), torch.rand(()).item()]
        return super().tokenize(latent, batch)


def test_dropout_resumes_exactly(tmp_path):
    runs = []
    for steps, resumed in ((4, None), (2, None), (4, "half.ckpt")):
        module = make(modality=Dropping(size=(8, 8), channels=1, patch_size=2))
        run = trainer(tmp_path, max_steps=steps, limit_val_batches=0)
        run.fit(module, Digits(batch_size=8), ckpt_path=resumed and tmp_path / resumed)
        run.save_checkpoint(tmp_path / "half.ckpt")
        runs.append(module.modality.drawn[-steps:])
    assert runs[1] + runs[2][-2:] == runs[0] and len(set(runs[0])) == 4


@pytest.mark.parametrize("device", ["cpu", "meta"])  # on another device an error would end it, so it is never asked
def test_labels_are_checked_before_they_go_to_the_device(device):
    batch = {"image": torch.zeros(2, 1, 8, 8), "label": torch.tensor([3, 10])}
    with pytest.raises(ValueError, match=r"Got label 10, but the LabelConditioner has num_classes=10"):
        make().transfer_batch_to_device(batch, torch.device(device), 0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_wrong_label_leaves_the_device_usable(tmp_path):
    batch = {"image": torch.zeros(2, 1, 8, 8), "label": torch.tensor([3, 10])}
    with pytest.raises(ValueError, match=r"Got label 10, but the LabelConditioner has num_classes=10"):
        trainer(tmp_path, accelerator="gpu").fit(make(), DataLoader([batch], batch_size=None))
    assert torch.zeros(2, device="cuda").sum().item() == 0
