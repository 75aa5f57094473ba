"""Clipping: fused optimizers, mixed precision, accumulation, one process and shards.

Run as a script, this file is one rank of the multi-process test: ``test_gradients.py OUTPUT``.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.plugins import MixedPrecision
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

from datamodules.digits import Digits
from lumina.backbone import NextDiTConfig
from lumina.conditioning.label import LabelConditioner
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.optimizers.gradients import Gradients
from modalities.image import Image

ROOT = Path(__file__).parents[3]


def trained(folder, fused=True, **options):
    """The weights after three steps, and the trainer."""
    torch.manual_seed(0)
    visible = {"lr": 1.0, "eps": 1.0, "weight_decay": 0.0}  # a small eps would divide the clipping out again
    module = LuminaModule(
        Image(size=(8, 8), channels=1, patch_size=2),
        NextDiTConfig(dim=32, num_layers=2, num_heads=2),
        FlowMatching(),
        [LabelConditioner(10)],
        optimizer=lambda parameters: torch.optim.AdamW(parameters, **visible, fused=fused),
    )
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    trainer = Trainer(
        **quiet,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        default_root_dir=folder,
        max_steps=3,
        limit_val_batches=0,
        log_every_n_steps=1,
        **{"devices": 1, **options},
    )
    trainer.fit(module, Digits(batch_size=16 // trainer.world_size))
    return {name: weight.detach() for name, weight in module.named_parameters()}, trainer


def assert_close(first, second, **tolerance):
    for name, weight in first.items():
        torch.testing.assert_close(second[name], weight, **tolerance)


@pytest.mark.parametrize("more", [{}, {"accumulate_grad_batches": 2}, {"gradient_clip_algorithm": "value"}])
def test_a_fused_optimizer_clips_under_mixed_precision_as_one_that_is_not(tmp_path, more):
    fused, trainer = trained(tmp_path, precision="bf16-mixed", gradient_clip_val=0.01, **more)
    plain, _ = trained(tmp_path, fused=False, precision="bf16-mixed", gradient_clip_val=0.01, **more)
    assert_close(fused, plain, atol=1e-5, rtol=1e-4)
    assert trainer.logged_metrics["train/grad_norm"] > 0.01  # before clipping


def test_a_fused_optimizer_clips_under_a_loss_scaler(tmp_path):
    def scaled(fused):
        plugin = MixedPrecision("16-mixed", "cpu", torch.amp.GradScaler("cpu", init_scale=2.0**12))
        return trained(tmp_path, fused, plugins=[plugin], gradient_clip_val=0.01)

    (fused, trainer), (plain, other) = scaled(True), scaled(False)
    assert_close(fused, plain, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(*(t.logged_metrics["train/grad_norm"] for t in (trainer, other)))
    assert trainer.logged_metrics["train/grad_norm"] < 10


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
def test_an_impossible_limit_is_refused_before_the_first_step(tmp_path, limit):
    with pytest.raises(ValueError, match=rf"gradient_clip_val {limit}: set a positive norm"):
        trained(tmp_path, gradient_clip_val=limit)


@pytest.mark.parametrize("limit", [0.1, 100.0])
@pytest.mark.parametrize(
    ("algorithm", "oracle"), [("norm", clip_grad_norm_), (None, clip_grad_norm_), ("value", clip_grad_value_)]
)
def test_clipping_is_that_of_pytorch(limit, algorithm, oracle):
    parameters = [nn.Parameter(torch.zeros(size)) for size in (3, 5, 7)]
    for parameter in parameters[:2]:  # one takes no part
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(parameter)))
    gradients, optimizer = Gradients(), torch.optim.SGD(parameters)
    own = [parameter.grad.clone() for parameter in parameters[:2]]
    norm = gradients.norm(optimizer)
    gradients.clip(optimizer, limit, algorithm)
    clipped = [parameter.grad for parameter in parameters[:2]]
    for parameter, gradient in zip(parameters, own, strict=False):
        parameter.grad = gradient
    torch.testing.assert_close(norm, torch.cat(own).norm())
    oracle(parameters, limit)
    torch.testing.assert_close(clipped, [parameter.grad for parameter in parameters[:2]])


def test_upstream_still_refuses_to_clip_for_a_fused_optimizer():
    optimizer = torch.optim.AdamW([nn.Parameter(torch.zeros(1))], fused=True)
    with pytest.raises(RuntimeError, match="does not allow for gradient clipping"):
        MixedPrecision("bf16-mixed", "cpu").clip_gradients(optimizer, 1.0)


@pytest.mark.slow  # starts two processes
def test_shards_are_clipped_as_whole_gradients(tmp_path):
    command = ["timeout", "-k", "5", "150", sys.executable, __file__, str(tmp_path / "sharded")]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170)
    assert run.returncode == 0, run.stderr[-3000:]
    expected = run_rank(tmp_path, strategy="auto", devices=1)
    for rank in range(2):
        found = torch.load(tmp_path / f"sharded.{rank}", weights_only=True)
        torch.testing.assert_close(found["norm"], expected["norm"], rtol=1e-3, atol=0.0)  # of bfloat16
        assert_close(found["weights"], expected["weights"], rtol=1e-3, atol=1e-4)


def run_rank(folder, **options):
    weights, trainer = trained(folder, precision="bf16-mixed", gradient_clip_val=0.01, **options)
    whole = {n: w.full_tensor() if isinstance(w, DTensor) else w for n, w in weights.items()}
    return {"rank": trainer.global_rank, "norm": trainer.logged_metrics["train/grad_norm"], "weights": whole}


if __name__ == "__main__":
    output = Path(sys.argv[1])
    strategy = ModelParallelStrategy(data_parallel_size=2, tensor_parallel_size=1)
    found = run_rank(output.parent, strategy=strategy, devices=2)
    torch.save(found, f"{output}.{found['rank']}")
