"""The data of a run, told once."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from datamodules.labelled_pictures import LabelledPictures
from lumina.callbacks.data_summary import DataSummary
from lumina.pictures.framing import CentreCrop


def write(folder, count, size=(32, 32)):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.new("RGB", size).save(folder / f"{number:03d}.png")
    return folder


class Nothing(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, _):
        return self.layer(torch.ones(1, 1)).sum()

    def validation_step(self, batch, _):
        pass

    def predict_step(self, batch, _):
        return torch.ones(1)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.filterwarnings("ignore")
def test_a_run_tells_its_data_once_and_a_prediction_what_it_leaves_out(tmp_path, capsys):
    for name in ("cat", "dog"):
        write(tmp_path / "data" / name, 10)
    write(tmp_path / "new", 3)
    (tmp_path / "data" / "notes.md").write_text("x")
    (tmp_path / "new" / "old.xcf").write_text("x")
    view = CentreCrop(16)
    options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=8, callbacks=[DataSummary()], enable_model_summary=False, **options)
    data = LabelledPictures(
        [tmp_path / "data"], train_framing=view, eval_framing=view, batch_size=4, cache=None, predict=tmp_path / "new"
    )
    trainer.fit(Nothing(), datamodule=data)
    told = capsys.readouterr().out
    assert told.count("training 18, validation 2") == 1
    assert "files ending in .md: 1, for example notes.md" in told
    assert "4 batches on each process, 4 optimizer steps; max_steps 8 are 2.0 epochs" in told
    trainer.predict(Nothing(), datamodule=data)
    assert "left out  files ending in .xcf: 1, for example old.xcf" in capsys.readouterr().out
