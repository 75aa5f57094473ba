"""Whether an experiment names the module that it trains."""

from __future__ import annotations

import pytest

from lumina.config.module_choice import arguments_of_module, names_module

NAMED = "model:\n  class_path: own.Module\n  init_args: {width: 3}\n"
FLAT = "model: {modality: {class_path: modalities.image.Image}}\n"


@pytest.mark.parametrize(
    ("text", "named"), [(NAMED, True), (FLAT, False), ("", False), ("- 1", False), ("model: 3", False), ("a: [", False)]
)
def test_the_yaml_says(tmp_path, text, named):
    file = tmp_path / "experiment.yaml"
    file.write_text(text)
    for option in (["--config", str(file)], [f"--config={file}"], ["fit", f"-c={file}", "--trainer.max_steps=3"]):
        assert names_module(option) is named
    if "\n" in text:
        assert names_module([f"--config={text}"]) is named


def test_options_say():
    assert names_module(["--model=own.Module"]) and names_module(["--model.class_path", "own.Module"])
    assert not names_module(["--model.backbone.dim=3"]) and not names_module(["--config=nowhere.yaml"])
    assert not names_module(["--config"])


def test_arguments_are_found_in_place():
    for model in ({"width": 3}, {"class_path": "own.Module", "init_args": {"width": 3}}):
        arguments_of_module(model)["width"] = 4
        assert 4 in (model.get("width"), model.get("init_args", {}).get("width"))
