"""Sound from files to files: train, adapt, sample any length, go on with a sound, fill a gap in one."""

from __future__ import annotations

import csv
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import lumina.commands.sample
from lumina.checkpoints.pretrained import build_module
from lumina.cli import main
from lumina.config.trust import trusting
from lumina.generation.how import How
from lumina.generation.what import What
from lumina.sampling import schedules, solvers
from lumina.sampling.paths import Straight
from lumina.weights.source import read_weights

SOUNDS = Path(__file__).parent / "data/sounds"
RATE = 16_000
CONFIG = f"""
model:
  modality:
    class_path: modalities.audio.Audio
    init_args:
      autoencoder: {{class_path: lumina.frozen.mel_autoencoders.RandomMelAutoencoder, init_args: {{channels: 4}}}}
      vocoder: {{class_path: lumina.audio.griffin_lim.GriffinLim, init_args: {{iterations: 1}}}}
      seconds: 1.0
  backbone: {{dim: 32, num_layers: 2, num_heads: 2, multiple_of: 16}}
  conditioners:
    - class_path: lumina.conditioning.text.TextConditioner
      init_args: {{encoder: tiny_text.Letters, drop_group: text}}
    - class_path: lumina.conditioning.structured.StructuredText
      init_args: {{encoder: tiny_text.Letters}}
  objective:
    class_path: lumina.objectives.flow_matching.FlowMatching
    init_args:
      sampler:
        class_path: lumina.sampling.sampler.Sampler
        init_args:
          schedule: lumina.sampling.schedules.Uniform
          solver: lumina.sampling.solvers.Euler
          steps: 2
          guidance: {{class_path: lumina.sampling.guidance.ClassifierFree, init_args: {{scale: 3.0}}}}
  optimizer: {{class_path: torch.optim.AdamW, init_args: {{lr: 0.01}}}}
data:
  class_path: datamodules.audio_text.AudioText
  init_args:
    {{batch_size: 4, sources: [{SOUNDS}], captions: names, seconds: 1.0, holdout: 0.3, cache: null, num_workers: 0}}
trainer:
  accelerator: cpu
  max_steps: 8
  val_check_interval: 8
  check_val_every_n_epoch: null
  enable_progress_bar: false
  enable_model_summary: false
  logger: {{class_path: lightning.pytorch.loggers.CSVLogger, init_args: {{save_dir: runs, name: sounds}}}}
  callbacks:
    - {{class_path: lumina.callbacks.samples.SampleGrid, init_args: {{count: 2}}}}
    - class_path: lumina.callbacks.samples.SampleGrid
      init_args: {{name: asked, wishes: {{prompt: [a bell], seconds: 0.7}}}}
    - {{class_path: lightning.pytorch.callbacks.ModelCheckpoint, init_args: {{save_last: true}}}}
"""


@pytest.fixture(scope="module", autouse=True)
def _models_are_read_once():
    built = {}

    def build(weights):
        if weights.origin not in built:
            built[weights.origin] = build_module(weights)
        return built[weights.origin]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lumina.commands.sample, "read_weights", cache(read_weights))
        patch.setattr(lumina.commands.sample, "build_module", build)
        patch.setattr(lumina.commands.sample, "load_pretrained", lambda source: build(read_weights(source)))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run, and a sound of two seconds on the grid of 16 bits."""
    folder = tmp_path_factory.mktemp("audio")
    (folder / "sounds.yaml").write_text(CONFIG)
    noise = np.random.default_rng(0).integers(-9000, 9000, 2 * RATE, np.int16)
    soundfile.write(folder / "two.wav", noise, RATE, "PCM_16")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        main(["fit", "--config", "sounds.yaml"])
    return folder


@pytest.fixture
def draw(trained, monkeypatch, request):
    """Runs `lumina sample`; gives its sounds as 16-bit integers, its records and its folder."""
    monkeypatch.chdir(trained)
    count = iter(range(99))

    def run(*options, model="runs/sounds"):
        out = trained / re.sub(r"\W", "_", f"{request.node.name}_{next(count)}")
        main(["sample", "--weights", model, "--trust", "--output", str(out), *map(str, options)])
        told = json.loads((out / "settings.json").read_text())["samples"]
        return [soundfile.read(out / record["file"], dtype="int16")[0] for record in told], told, out

    return run


@pytest.fixture
def hear(trained, monkeypatch):
    """A sound by the same way, without files."""
    monkeypatch.chdir(trained)

    def run(weights="runs/sounds", how=None, **what):
        with trusting():
            (sound,) = lumina.commands.sample.draw(weights, What(prompt="a", **what), how)
        return sound.numpy()

    return run


def validation_losses(file):
    with file.open() as rows:
        return [float(row["validation/loss"]) for row in csv.DictReader(rows) if row["validation/loss"]]


def same(first, second):
    return len(first) == len(second) and np.abs(first.astype(float) - second).max() <= 1


def test_training_draws_its_sheets(trained):
    for name in ("samples", "asked"):
        assert (trained / f"runs/sounds/version_0/{name}/step_0000008.png").is_file()


def test_half_precision_hears_the_same(trained, monkeypatch):
    monkeypatch.chdir(trained)
    main(["fit", "--config", "sounds.yaml", "--trainer.precision=bf16-true", "--trainer.logger.init_args.name=half"])
    whole, half = (validation_losses(trained / f"runs/{name}/version_0/metrics.csv") for name in ("sounds", "half"))
    assert half == pytest.approx(whole, rel=0.02)


def test_predictions_tell_their_samples(trained, monkeypatch):
    monkeypatch.chdir(trained)
    main(["predict", "--ckpt_path", "runs/sounds", "--trust"])
    names = []
    for path in trained.glob("runs/sounds/version_0/predictions/rank_0/*.wav"):
        with soundfile.SoundFile(path) as file:
            names.append(json.loads(file.comment)["name"])
    assert len(set(names)) == len(names) >= 2 and all((SOUNDS / name).is_file() for name in names)


def test_a_page_with_players(draw):
    sounds, told, out = draw("--prompt", "a bell", "--prompt", "an <owl>", "--seconds", "1.003")
    assert [len(sound) for sound in sounds] == [16_048] * 2
    assert [record["seconds"] for record in told] == [1.003] * 2 and told[1]["prompt"] == "an <owl>"
    page = (out / "index.html").read_text()
    assert page.count("<audio controls") == page.count("data:image/png") == 2 and (out / "grid.png").is_file()
    assert "1.00 s, peak" in page and not re.search(r'(src|href)="(https?:)?//', page)
    with soundfile.SoundFile(out / "00001.wav") as file:
        assert json.loads(json.loads(file.comment)["lumina"])["prompt"] == "an <owl>"


def test_sounds_depend_neither_on_the_batch_nor_on_their_neighbours(draw, trained):
    records = [{"prompt": "a", "seconds": 0.5}, {"prompt": "b"}, {"prompt": "c", "seconds": 1.2, "seed": 40}]
    records.append({"prompt": "a", "structured": "<a& start>@<b& end>", "seconds": 0.5, "seed": 0})
    (trained / "asked.jsonl").write_text("\n".join(map(json.dumps, records)))
    sounds, told, _ = draw("--prompts", "asked.jsonl")
    assert [len(sound) for sound in sounds] == [8000, 16_000, 19_200, 8000]
    assert [record["seed"] for record in told] == [0, 1, 40, 0]
    (alone,), _, _ = draw("--prompt", "c", "--seconds", "1.2", "--seed=40")
    assert same(sounds[2], alone) and not same(sounds[0], sounds[3])


def test_a_sound_goes_on_after_what_was_kept(draw, trained):
    kept = soundfile.read("two.wav", dtype="int16")[0]
    sounds, told, out = draw("--prompt=a", "--prompt=b", "--audio=two.wav", "--keep=0:", "--seconds=3")
    for sound in sounds:
        assert len(sound) == 3 * RATE and np.array_equal(sound[: 2 * RATE], kept)
    assert not same(*sounds) and told[0]["keep"] == "0:" and (out / "start.wav").is_file()


def test_a_gap_is_filled(draw, trained):
    kept = soundfile.read("two.wav", dtype="int16")[0]
    (sound,), _, _ = draw("--prompt=a", "--audio=two.wav", "--keep=0:0.6,1.5:2")
    assert np.array_equal(sound[:9600], kept[:9600]) and np.array_equal(sound[24_000:], kept[24_000:])
    assert (sound[10_000:23_000] != kept[10_000:23_000]).mean() > 0.9


def test_a_record_goes_on_with_a_sound_of_its_own(draw, trained):
    records = [{"prompt": "a", "audio": "two.wav", "keep": "0:1", "seconds": 1.5}, {"prompt": "a"}]
    (trained / "own.json").write_text(json.dumps(records))
    sounds, _, _ = draw("--prompts", "own.json")
    assert [len(sound) for sound in sounds] == [24_000, 16_000]
    assert np.array_equal(sounds[0][:RATE], soundfile.read("two.wav", dtype="int16")[0][:RATE])


def test_sound_to_sound(hear):
    def started(strength):
        return hear(how=How(steps=4, guidance=1), audio="two.wav", strength=strength)

    start, near, far = started(0.0), started(0.1), started(0.9)
    assert np.allclose(started(1.0), hear(how=How(steps=4, guidance=1), seconds=2), atol=1e-4)

    def distance(sound):  # of levels, as phases are new ones
        levels = (np.log(np.abs(x).reshape(-1, 500).mean(1) + 1e-4) for x in (sound, start))
        return np.abs(next(levels) - next(levels)).mean()

    assert len(start) == 2 * RATE and 0 < distance(near) < distance(far)


def test_guidance_and_a_negative_prompt_are_heard(hear):
    plain, none, strong, away, empty = (
        hear(seconds=0.5, **more)
        for more in ({}, {"how": How(guidance=1)}, {"how": How(guidance=7)}, {"negative": "zz"}, {"negative": ""})
    )
    assert np.array_equal(plain, empty)
    assert not any(np.allclose(plain, other, atol=1e-4) for other in (none, strong, away))


@pytest.mark.parametrize("name", ["Euler", "Midpoint", "Heun", "RK3", "RK4", "Dopri5", "DDIM"])
def test_every_solver(hear, name):
    solver = getattr(solvers, name)(*([Straight()] if name == "DDIM" else []))
    sound = hear(how=How(solver=solver, steps=2), seconds=0.5)
    assert len(sound) == 8000 and sound.any()


@pytest.mark.parametrize("name", ["Uniform", "Rational", "Sigmoid", "Cosine", "Linear", "EDM"])
def test_every_schedule_and_a_rule_for_longer_sounds(hear, name):
    sound = hear(how=How(schedule=getattr(schedules, name)(), rope="time_aware", steps=2), seconds=1.5)
    assert len(sound) == 24_000 and sound.any()


def test_adapters_are_trained_and_heard(hear, trained):
    adapted = "model: {weights: runs/sounds, lora: {rank: 2}}\ntrainer: {logger: {init_args: {name: adapted}}}\n"
    (trained / "adapted.yaml").write_text(adapted)
    main(["fit", "--config", "sounds.yaml", "--config", "adapted.yaml", "--trainer.limit_val_batches=0", "--trust"])
    assert not np.allclose(hear(seconds=0.5), hear("runs/adapted", seconds=0.5), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--seconds=0",), "seconds=0 must be at least 0.5 and at most 60"),
        (("--seconds=-1",), "seconds=-1 must be at least 0.5"),
        (("--seconds=1e9",), "seconds=1e+09 must be at least 0.5"),
        (("--seconds=nan",), "seconds: expected a number, got nan"),
        (("--seconds=long",), "seconds"),
        (("--keep=0:1",), "give --audio"),
        (("--audio=two.wav", "--keep=0:3"), "goes beyond the 2 s"),
        (("--audio=two.wav", "--keep=1"), "is not understood"),
        (("--audio=two.wav", "--seconds=5"), "give --keep 0:"),
        (("--audio=two.wav", "--keep=0:2"), "leaves nothing of 2 s to draw"),
        (("--audio=two.wav", "--strength=1.5"), "strength=1.5 must be"),
        (("--audio=absent.wav",), "absent.wav"),
        (("--audio=sounds.yaml",), "--audio cannot be read"),
        (("--size=8x8",), "--size was given, but this model is of Audio"),
    ],
)
def test_wrong_wishes_are_refused_before_weights_are_loaded(trained, monkeypatch, capsys, options, told):
    monkeypatch.chdir(trained)
    monkeypatch.setattr("lumina.frozen.network.Frozen.on", None)
    monkeypatch.setattr("lumina.commands.sample.SampleFolder", None)
    with pytest.raises(SystemExit):
        main(["sample", "--weights", "runs/sounds", "--trust", "--prompt=a", *options])
    error = capsys.readouterr().err
    assert told in error and "Traceback" not in error and len(error) < 400


def test_the_bundled_model_draws_without_a_network(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = Path(lumina.__file__).parent / "pretrained/music"
    assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < 15e6
    main(["sample", "--weights", "music", "--prompt", "a soft flute melody", "--seconds", "1.003", "--steps", "3"])
    sound, rate = soundfile.read(tmp_path / "samples/00000.wav")
    assert (len(sound), rate) == (16_048, 16_000)
    assert 0.01 < np.abs(sound).max() <= 1 and np.abs(sound[-1600:]).max() > 1e-3  # not silent, nor at its end
