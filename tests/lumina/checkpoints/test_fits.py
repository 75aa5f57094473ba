"""Whether a checkpoint is of this run's model and strategy."""

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from tiny_checkpoint import head, save

from lumina.backbone import NextDiTConfig
from lumina.checkpoints.fits import require_fitting
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.survival.checkpoints import INDEX, META, SIZES
from modalities.image import Image


def module(**sizes):
    small = {"dim": 16, "num_layers": 1, "num_heads": 2, "multiple_of": 8} | sizes
    return LuminaModule(Image((8, 8), channels=1), NextDiTConfig(**small), FlowMatching())


def trainer(**options):
    return Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, **options)


def test_a_checkpoint_of_the_same_architecture_fits(tmp_path):
    path = save(tmp_path / "last.ckpt", state_dict=module().state_dict())
    require_fitting(path, module(), trainer())


@pytest.mark.parametrize(
    ("sizes", "told"), [({"dim": 32}, "of another shape"), ({"num_layers": 2}, "missing"), ({"bias": True}, "missing")]
)
def test_another_architecture_is_refused(tmp_path, sizes, told):
    path = save(tmp_path / "last.ckpt", state_dict=module().state_dict())
    with pytest.raises(ValueError, match=f"of this run's model, got .*{told}"):
        require_fitting(path, module(**sizes), trainer())


def test_shards_need_a_strategy_that_shards(tmp_path):
    folder = tmp_path / "last.ckpt"
    folder.mkdir()
    torch.save({k: v for k, v in head().items() if k not in ("state_dict", "optimizer_states")}, folder / META)
    (folder / INDEX).write_bytes(b"1")
    (folder / SIZES).write_text("{}")
    with pytest.raises(ValueError, match="only a sharded run reads: add --config base/fsdp2"):
        require_fitting(folder, module(), trainer())
    require_fitting(folder, module(), trainer(strategy=ModelParallelStrategy()))
