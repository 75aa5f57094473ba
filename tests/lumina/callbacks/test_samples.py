from __future__ import annotations

import pytest
import torch
from PIL import Image as Picture
from tiny import QUICKSTART, TINY

from lumina.callbacks.samples import SampleGrid
from lumina.conditioning.text import TextConditioner
from lumina.generation.wishes import Wishes
from lumina.module import LuminaModule
from lumina.reports.media import log_samples
from modalities.image import Image

STEPS = ["--trainer.max_steps=3", "--trainer.val_check_interval=2"]
GRID = "trainer:\n  callbacks:\n  - {class_path: lumina.callbacks.samples.SampleGrid, init_args: %s}\n"


@pytest.fixture
def drawn(run_in, tmp_path, monkeypatch):
    """Trains with a grid of these settings; gives what it drew: samples of each call, captions of each sheet."""
    calls, sheets = [], []
    generate = LuminaModule.generate

    def counted(self, tokens, batch, *arguments, **options):
        samples = generate(self, tokens, batch, *arguments, **options)
        calls.append((batch["label"].tolist(), samples))
        return samples

    def train(settings, *options):
        monkeypatch.setattr(LuminaModule, "generate", counted)
        monkeypatch.setattr(
            "modalities.image.Image.picture",
            lambda self, samples, captions, batch: sheets.append(captions) or torch.zeros(3, 9, 9, dtype=torch.uint8),
        )
        (tmp_path / "grid.yaml").write_text(GRID % settings)
        run_in("fit", "--config", QUICKSTART, "--config", tmp_path / "grid.yaml", *TINY, *STEPS, *options)
        return calls, sheets, sorted((tmp_path / "runs/digits/version_0/samples").iterdir())

    return train


@pytest.fixture
def beside(monkeypatch):
    """What goes to the dashboards beside the samples of each sheet."""
    batches = []

    def log(*arguments):
        batches.append(arguments[-1])
        return log_samples(*arguments)

    monkeypatch.setattr("lumina.callbacks.samples.log_samples", log)
    return batches


def test_items_from_all_over_the_split_a_batch_at_a_time(drawn, beside, monkeypatch):
    monkeypatch.setattr("modalities.image.Image.kept_keys", ("label",))
    calls, sheets, files = drawn("{every_n_steps: 2, count: 24}", "--data.init_args.eval_batch_size=10")
    assert [len(samples) for _, samples in calls] == [10, 10, 4] * 2
    labels = [number * 500 // 24 % 10 for number in range(24)]  # the held-out digits stand in the order 0, 1, ..., 9
    assert [label for part, _ in calls[:3] for label in part] == labels
    assert sheets == [[str(label) for label in labels]] * 2
    assert [[int(label) for label in batch["label"]] for batch in beside] == [labels] * 2
    assert [file.name for file in files] == ["step_0000002.png", "step_0000003.png"]  # the second at the end


def test_no_more_samples_than_validation_has_items(drawn, monkeypatch):
    """A first trial on a few pictures does not wait for 64 samples."""
    monkeypatch.setattr("datamodules.digits.HELD_OUT", 1)
    calls, _, _ = drawn("{every_n_steps: 2}")
    assert [len(samples) for _, samples in calls] == [10, 10]


def test_fixed_labels(drawn, beside, monkeypatch):
    monkeypatch.setattr("modalities.image.Image.fields", lambda self, count, _: {"number": list(range(count))})
    calls, sheets, _ = drawn("{every_n_steps: 2, wishes: {label: ['3', 5, 3]}}")
    assert sheets == [["3", "5", "3"]] * 2
    assert beside == [{"number": [0, 1, 2]}] * 2
    first = calls[0][1]
    assert not torch.equal(first[0], first[2])  # each has noise of its own


def test_what_the_model_does_not_know_is_refused_before_step_0(run_in, tmp_path, capsys):
    (tmp_path / "grid.yaml").write_text(GRID % "{wishes: {prompt: [a cat]}}")
    with pytest.raises(SystemExit):
        run_in("fit", "--config", QUICKSTART, "--config", tmp_path / "grid.yaml", *TINY, *STEPS)
    assert (
        "--prompt was given, but this model is of Image" in capsys.readouterr().err
        and not (tmp_path / "runs/digits/version_0/metrics.csv").exists()
    )


def test_several_grids_have_names(run_in, tmp_path, capsys):
    more = GRID.replace("callbacks:", "callbacks+:") % "{name: sevens, wishes: {label: [7, 7]}}"
    (tmp_path / "grid.yaml").write_text(more)
    run_in("fit", "--config", QUICKSTART, "--config", tmp_path / "grid.yaml", *TINY, *STEPS)
    run = tmp_path / "runs/digits/version_0"
    assert {path.name for path in run.iterdir() if path.is_dir()} == {"checkpoints", "samples", "sevens"}
    assert "runs/digits/version_0/samples, runs/digits/version_0/sevens" in capsys.readouterr().out
    keys = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["callbacks"]
    assert {"SampleGrid{'name': 'samples'}", "SampleGrid{'name': 'sevens'}"} <= keys.keys()


def test_wishes_and_a_file_of_them(tmp_path):
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "a cat", "seed": 7, "size": [16, 24]}\n{"prompt": "a dog"}\n')
    grid = SampleGrid(prompts=tmp_path / "prompts.jsonl", wishes={"prompt": "a bird", "size": "8x8"})
    asked = grid._what.read(Wishes(Image, [TextConditioner]))
    assert [(request.asked["prompt"], request.seed, request.asked["size"]) for request in asked] == [
        ("a bird", None, (8, 8)),
        ("a cat", 7, (16, 24)),
        ("a dog", None, (8, 8)),
    ]


def test_validate_draws_and_knows_the_step(tiny_run, run_in, tmp_path):
    before = set((tiny_run / "samples").iterdir())
    (tiny_run / "samples/step_0000006.png").unlink()
    run_in("validate", "--ckpt_path", tiny_run, "--trainer.limit_val_batches=1", TINY[-2])
    assert set((tiny_run / "samples").iterdir()) == before
    assert Picture.open(tiny_run / "samples/step_0000006.png").size[0] > 64
    assert (tiny_run / "metrics.csv").read_text().splitlines()[-1].split(",")[1] == "5"
