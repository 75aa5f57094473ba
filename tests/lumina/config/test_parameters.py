"""Options of base classes are said once and are still options of every class below, with type, default and help."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
import yaml
from jsonargparse import ArgumentParser
from tiny import QUICKSTART

import datamodules
from datamodules.digits import Digits
from datamodules.meshes import Meshes
from datamodules.shapenet import ShapeNet
from lumina.clouds.point_clouds import PointClouds, Variation
from lumina.commands.train import build
from lumina.config.parameters import parameters_of
from lumina.data.datamodule import SplitDataModule
from lumina.interfaces import DataModule


def _known():
    for module in iter_modules(datamodules.__path__):
        for found in vars(import_module(f"datamodules.{module.name}")).values():
            if isinstance(found, type) and issubclass(found, DataModule) and not inspect.isabstract(found):
                yield found


KNOWN = sorted(set(_known()), key=lambda one: one.__name__)


def options(owner):
    """Of the parser: type, default and help by name."""
    parser = ArgumentParser()
    parser.add_class_arguments(owner, "data")
    actions = {action.dest.removeprefix("data."): action for action in parser._actions}
    return {name: (str(one._typehint), one.default, one.help) for name, one in actions.items() if name in names(owner)}


def names(owner):
    return set(parameters_of(owner))


@pytest.mark.parametrize("owner", KNOWN)
def test_every_datamodule_has_the_options_of_its_bases(owner):
    found = options(owner)
    for base in (SplitDataModule, PointClouds) if issubclass(owner, PointClouds) else (SplitDataModule,):
        for name, option in options(base).items():
            assert found[name] == option, name
    assert all(help for _, _, help in found.values())


def test_a_slip_in_python_names_the_option():
    for owner, own in ((Digits, {}), (ShapeNet, {"root": Path("a")}), (Meshes, {"root": Path("a")})):
        with pytest.raises(TypeError, match="batch_sise"):
            owner(**own, batch_sise=2)
        with pytest.raises(TypeError, match="batch_size"):
            owner(**own)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("batch_sise", 2, "Meshes takes no 'batch_sise'. Did you mean 'batch_size'?"),
        ("normalization", "none", "Meshes takes no 'normalization'. Did you mean 'normalisation'?"),
        ("num_workers", "many", "expected a whole number, got many"),
        ("normalisation", "other", "got other"),
    ],
)
def test_a_slip_in_yaml_names_the_option(option, value, told, tmp_path, capsys):
    settings = yaml.safe_load(QUICKSTART.read_text())
    settings["data"] = {
        "class_path": "datamodules.meshes.Meshes",
        "init_args": {"root": "a", "batch_size": 2, option: value},
    }
    (tmp_path / "slip.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(SystemExit):
        build(["--config", str(tmp_path / "slip.yaml")])
    assert told in capsys.readouterr().err.splitlines()[-1]


class Own(PointClouds):
    def __init__(self, root: str, points: int = 64, **loading):
        super().__init__(points=points, **loading)

    def shapes(self, split):
        raise NotImplementedError


def test_a_class_may_have_another_default_than_its_base():
    assert options(Own)["points"][1] == 64
    assert parameters_of(Own)["points"].default == 64
    assert Own("a", batch_size=2).points == 64


def test_parameters_go_as_far_as_keywords_do():
    found = parameters_of(Own)
    assert list(found)[:2] == ["root", "points"] and {"batch_size", "variation", "seed"} < set(found)
    assert found["variation"].annotation == Variation | None and found["seed"].default == 0
    assert list(parameters_of(SplitDataModule)) == [
        "batch_size",
        "eval_batch_size",
        "num_workers",
        "seed",
        "max_corrupt",
    ]

    def function(one, *rest, two=2, **others): ...

    assert list(parameters_of(function)) == ["one", "two"]
    assert dict(parameters_of(int)) == {} == dict(parameters_of(object))
