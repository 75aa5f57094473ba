"""What an overlay changes, and what it leaves alone."""

from __future__ import annotations

import pytest
import yaml

from lumina.config.stack import stack_configs

BASE = """
model:
  optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 1e-3, weight_decay: 0.1}}
  backbone: {dim: 32, num_layers: 2}
  conditioners: [{class_path: a.A, init_args: {x: 1}}, {class_path: b.B}]
"""


@pytest.fixture
def stacked(tmp_path):
    def stack(*texts):
        files = [tmp_path / f"{number}.yaml" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        words = stack_configs(["fit", *(f"--config={file}" for file in files), "--model.seed=3"])
        assert words[0] == "fit" and words[-1] == "--model.seed=3" and len(words) == 3
        return yaml.safe_load(words[1].removeprefix("--config="))["model"]

    return stack


@pytest.mark.parametrize("name", ["torch.optim.AdamW", "torch.optim.SGD"])
def test_naming_a_class_starts_the_object_anew(stacked, name):
    model = stacked(BASE, f"model: {{optimizer: {{class_path: {name}, init_args: {{lr: 0.5}}}}}}")
    assert model["optimizer"] == {"class_path": name, "init_args": {"lr": 0.5}}


def test_without_a_class_only_what_is_named_changes(stacked):
    model = stacked(BASE, "model: {optimizer: {init_args: {weight_decay: 0}}, backbone: {dim: 64}}")
    assert model["optimizer"]["init_args"] == {"lr": "1e-3", "weight_decay": 0}  # safe_load's reading, not ours
    assert model["backbone"] == {"dim": 64, "num_layers": 2}


def test_lists_are_replaced_or_added_to(stacked):
    assert stacked(BASE, "model: {conditioners: [{class_path: c.C}]}")["conditioners"] == [{"class_path": "c.C"}]
    longer = stacked(BASE, "model: {conditioners+: [{class_path: c.C}]}")["conditioners"]
    assert [entry["class_path"] for entry in longer] == ["a.A", "b.B", "c.C"]
    assert stacked(BASE, "model: {conditioners: null}")["conditioners"] is None


def test_three_files_and_numbers_as_they_stand(stacked):
    model = stacked(BASE, "model: {backbone: {dim: 1}}", "model: {backbone: {dim: 2, eps: '5'}}")
    assert model["backbone"] == {"dim": 2, "num_layers": 2, "eps": "5"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("model: {}\nmodel: {}\n", "'model' stands twice, in lines 1 and 2"),
        ("a: [{lr: 1, lr: 2}]", "'lr' stands twice"),
        ("- 1", "holds a sequence"),
        ("a: [", "is not YAML"),
    ],
)
def test_what_is_no_experiment_is_refused(tmp_path, text, told):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"bad\.yaml") as error:
        stack_configs(["fit", "-c", str(file)])
    assert told in str(error.value)


def test_aliases_of_aliases_are_refused_at_once(tmp_path):
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30))]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    (tmp_path / "b.yaml").write_text("b: 1")
    with pytest.raises(ValueError, match="its aliases stand for more than"):
        stack_configs([f"--config={tmp_path / 'a.yaml'}", f"--config={tmp_path / 'b.yaml'}"])


def test_a_file_cannot_bring_another_one(tmp_path):
    (tmp_path / "a.yaml").write_text("config: b.yaml\n")
    with pytest.raises(ValueError, match=r"a\.yaml names another file as config"):
        stack_configs(["fit", "--config", str(tmp_path / "a.yaml")])
