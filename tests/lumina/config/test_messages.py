"""One sentence for each slip, in the words of the user's file."""

from __future__ import annotations

import pytest
import torch
import yaml
from tiny import QUICKSTART

import modalities.image  # noqa: F401  # known, so that its arguments can be suggested
from lumina.commands.train import build
from lumina.config.messages import one_sentence, reason
from lumina.config.parser import parse_function
from lumina.errors import CorruptSample

ABSTRACT = "as class_path and init_args"
SLIPS = {
    "model.backbone.dim": ("many", "model.backbone.dim: expected a whole number, got many"),
    "model.backbone.num_layers": (None, "num_layers is null, but it must have a value; left out, it is 12"),
    "model.backbone": (None, "model.backbone is null, but it must have a value"),
    "model.modality.init_args.patch_size": (None, "model.modality.patch_size is null"),
    "model.modality.init_args.sizee": ([8, 8], "model.modality: Image takes no 'sizee'. Did you mean 'size'?"),
    "model.modality": ({}, f"model.modality: expected Modality, {ABSTRACT}, got {{}}"),
    "model.optimizer.init_args.lr": ("many", "model.optimizer: lr: expected a number"),
    "model.modality.class_path": ("Nothing", "model.modality: name the module of Nothing, too"),
    "model.objective.init_args.sampler.init_args.steps": ("x", "sampler: steps: expected a whole number, got x"),
    "model.conditioners": (3, "model.conditioners: expected a list, got 3"),
    "model.metrics": ([{"class_path": 5}], "model.metrics: a class_path must be the dotted name of a class"),
    "model": (3, "model must hold settings, KEY: VALUE"),
    "data.class_path": ("datamodules.digits.Digit", "no 'Digit' in datamodules.digits. Did you mean 'Digits'?"),
    "data": ([], f"data: expected DataModule, {ABSTRACT}, got []"),
    "data.init_args.num_workers": (None, "data.num_workers is null, but it must have a value; left out, it is 0"),
    "trainer": ([1], "trainer must hold settings, KEY: VALUE"),
    "trainer.max_steps": (None, "trainer.max_steps is null, but it must have a value"),
    "trainer.callbacks": (3, "trainer.callbacks: expected a list"),
}  # fmt: skip


@pytest.mark.parametrize("place", SLIPS)
def test_slip_is_told(place, tmp_path, capsys):
    value, told = SLIPS[place]
    settings = yaml.safe_load(QUICKSTART.read_text())
    *above, key = place.split(".")
    holder = settings
    for name in above:
        holder = holder[name]
    holder[key] = value
    (tmp_path / "slip.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises((SystemExit, ValueError)) as stop:
        build(["--config", str(tmp_path / "slip.yaml")])
    said = capsys.readouterr().err.splitlines()[-1] if stop.type is SystemExit else reason(stop.value)
    assert told in said
    assert len(said) < 250 and "<class" not in said and "NoneType" not in said


def test_an_option_that_is_a_list_is_told(capsys):
    def command(prompt: list[str] | None = None) -> None:
        """Looks."""

    with pytest.raises(SystemExit):
        parse_function(command, "look", ["--prompt=apple"])
    assert capsys.readouterr().err == "lumina: error: prompt: expected a list, got apple\n"


def test_a_class_without_its_module_is_told(capsys):
    def command(cell: torch.nn.Module) -> None:
        """Looks."""

    with pytest.raises(SystemExit):
        parse_function(command, "look", ["--cell=CellOfNoModule"])
    assert (
        capsys.readouterr().err
        == "lumina: error: cell: name the module of CellOfNoModule, too: package.module.CellOfNoModule\n"
    )


def test_other_messages_stay():
    assert one_sentence("nothing is\n  wrong") == "nothing is wrong"
    assert reason(KeyError("x")) == "KeyError: 'x'"
    assert reason(ValueError("size 3")) == "size 3"


def test_files_that_are_not_there_are_told_without_numbers(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        (tmp_path / "absent").read_text()
    assert reason(error.value) == f"No such file or directory: '{tmp_path}/absent'"
    assert str(CorruptSample("a.csv:2", error.value)) == f"a.csv:2: {reason(error.value)}"
