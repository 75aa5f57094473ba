"""The module that trains autoencoders: both sides learn, a step is a step, a killed run resumes bit for bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from same_state import assert_same
from torch.utils.data import Dataset

from lumina.audio.mel import mel_spectrogram
from lumina.autoencoders.adversary import Adversary
from lumina.autoencoders.diffusers_networks import MMAudioMelVAE, PictureVAE
from lumina.autoencoders.discriminators import MultiWindowDiscriminator, PatchDiscriminator
from lumina.autoencoders.folder import load_autoencoder, save_autoencoder
from lumina.autoencoders.losses import SquaredReconstruction
from lumina.autoencoders.mel_vae import MelVAE
from lumina.autoencoders.module import AutoencoderModule
from lumina.data.datamodule import SplitDataModule
from lumina.frozen.autoencoders import KLAutoencoder

ROOT = Path(__file__).parents[3]
FRAMES, HOP = 32, 256


class Noises(Dataset):
    def __len__(self):
        return 12

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        sound = torch.rand(FRAMES * HOP, generator=generator) - 0.5
        return {"sound": sound, "length": HOP * (FRAMES - 4 * (index % 3)), "name": str(index)}


class Sounds(SplitDataModule):
    batch_keys = ("sound", "length", "name")
    rate = 16_000

    def dataset(self, split):
        return Noises()


class Pictures(SplitDataModule):
    batch_keys = ("image",)

    def dataset(self, split):
        return [{"image": torch.rand(3, 16, 16) * 2 - 1} for _ in range(8)]


def network():
    return MelVAE(latent_channels=3, width=8, multipliers=(1, 2), blocks=1, groups=4)


def adversary(**options):
    judge = MultiWindowDiscriminator(windows=(8, 16), channels=4)
    return Adversary(judge, **{"weight": 0.5, "r1": 1.0, **options})


def make(**changes):
    torch.manual_seed(0)
    parts = {"network": network(), "adversary": adversary()}
    return AutoencoderModule(**{**parts, **changes})


def trainer(folder, **options):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False, "accelerator": "cpu"}
    quiet |= {"use_distributed_sampler": False, "default_root_dir": folder, "num_sanity_val_steps": 0, "devices": 1}
    return Trainer(**{**quiet, "max_steps": 3, "limit_val_batches": 0, **options})


def moved(module, before):
    return {name for name, parameter in module.named_parameters() if not torch.equal(parameter, before[name])}


def weights(module):
    return {name: parameter.detach().clone() for name, parameter in module.named_parameters()}


def test_both_sides_learn_in_steps_that_count_once(tmp_path):
    module = make()
    before = weights(module)
    run = trainer(tmp_path)
    run.fit(module, Sounds(batch_size=4))
    assert run.global_step == 3
    assert moved(module, before) == before.keys()


def test_the_adversary_starts_at_its_step_as_if_new(tmp_path):
    module = make(adversary=adversary(start=2))
    before = weights(module)
    run = trainer(tmp_path, max_steps=2)
    run.fit(module, Sounds(batch_size=4))
    names = {f"adversary.{name}" for name, _ in module.adversary.named_parameters()}
    assert moved(module, before) == before.keys() - names
    assert not any(parameter in run.optimizers[0].state for parameter in module.adversary.parameters())

    run = trainer(tmp_path)
    run.fit(make(adversary=adversary(start=2)), Sounds(batch_size=4))
    state = run.optimizers[0].state
    steps = {int(state[parameter]["step"]) for parameter in run.lightning_module.adversary.parameters()}
    assert steps == {1}


def test_before_its_start_an_adversary_changes_nothing(tmp_path):
    results = []
    for chosen in (adversary(start=100), None):
        module = make(adversary=chosen)
        trainer(tmp_path).fit(module, Sounds(batch_size=4))
        results.append(module.network.state_dict())
    assert all(torch.equal(results[0][name], tensor) for name, tensor in results[1].items())


def test_bands_are_measured_before_the_first_step_and_the_scale_while_training(tmp_path):
    module = make(adversary=None, optimizer=lambda parameters: torch.optim.SGD(parameters, 0.0))
    data = Sounds(batch_size=12)
    trainer(tmp_path, max_steps=2).fit(module, data)
    noises = [Noises()[index] for index in range(12)]
    frames = torch.cat([mel_spectrogram(n["sound"])[:, : n["length"] // HOP].T for n in noises])
    torch.testing.assert_close(module.network.band_mean[:, 0], frames.mean(0), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(module.network.band_std[:, 0], frames.std(0).clamp(min=0.1), atol=1e-3, rtol=1e-3)
    report = trainer(tmp_path, limit_test_batches=1).test(module, data, verbose=False)[0]
    assert report["test/latent_std"] == pytest.approx(1, abs=1e-3)
    names = ("loss", "l1_log10", "detail_bands", "detail_time", "kl", "latent_std")
    assert report.keys() == {f"test/{name}" for name in names}


def test_an_evaluation_does_not_depend_on_the_batch_size(tmp_path):
    module = make()
    run, found = trainer(tmp_path, limit_val_batches=1.0), []
    for size in (5, 12):
        found += run.validate(module, Sounds(batch_size=4, eval_batch_size=size), verbose=False)
    assert all(values.pop("validation/loss") > 0 for values in found)  # a mean of batches
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.parametrize("precision", ["bf16-mixed", "32-true"])
def test_precision_and_clipping(tmp_path, precision):
    module, run = make(), trainer(tmp_path, precision=precision, gradient_clip_val=1e-3)
    with torch.backends.mkldnn.flags(enabled=False):  # oneDNN's convolution in bf16 put out NaN at times
        run.fit(module, Sounds(batch_size=4))
    for part in (module.network, module.adversary):
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in part.parameters())
    assert module.clipped_apart == (module.network, module.adversary)


def test_a_batch_in_parts_is_one_step(tmp_path):
    run = trainer(tmp_path, accumulate_grad_batches=2, max_steps=2)
    run.fit(make(), Sounds(batch_size=3))
    assert run.global_step == 2 and run.fit_loop.epoch_loop.total_batch_idx == 3


def test_the_encoder_may_stay(tmp_path):
    trained = make()
    trainer(tmp_path).fit(trained, Sounds(batch_size=4))
    trained.export(tmp_path / "vae")
    module = make(weights=str(tmp_path / "vae"), train_encoder=False)
    trainer(tmp_path).fit(module, Sounds(batch_size=4))
    before, after = trained.network.state_dict(), module.network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    kept = {name for name in before if {"encoder", "quant_conv"} & {*name.split(".")}}
    assert same == kept | {"band_mean", "band_std", "scale_factor"}


def test_what_was_trained_is_exported_and_loads(tmp_path):
    module = make()
    with pytest.raises(ValueError, match="never measured"):
        module.export(tmp_path / "vae")
    trainer(tmp_path, max_steps=1).fit(module, Sounds(batch_size=4))
    module.export(tmp_path / "vae")
    network, mel = load_autoencoder(tmp_path / "vae").eval(), torch.randn(1, 80, 8)
    module.eval()
    assert torch.equal(network.encode(mel).mean, module.network.encode(mel).mean)
    assert float(network.scale_factor) == float(module.network.scale_factor) > 0
    with torch.no_grad():
        next(module.network.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="NaN or infinity"):
        module.export(tmp_path / "other")


def test_the_decoder_of_a_bundled_vae_is_trained_and_latents_stay_valid(tmp_path):
    pytest.importorskip("diffusers")
    emoji = "package:lumina/pretrained/emoji/vae"
    shape = {"block_out_channels": (24, 48, 64), "layers_per_block": 1, "norm_num_groups": 8}
    module = make(
        network=PictureVAE(**shape, latent_channels=4, mid_block_add_attention=False),
        adversary=None,
        weights=emoji,
        train_encoder=False,
    )
    trainer(tmp_path, max_steps=1).fit(module, Pictures(batch_size=4))
    module.export(tmp_path / "vae")
    before, after = KLAutoencoder(emoji), KLAutoencoder(str(tmp_path / "vae"))
    picture, latent = torch.rand(1, 3, 16, 16) * 2 - 1, torch.randn(1, 4, 4, 4)
    assert after.identity == before.identity and torch.equal(after.encode(picture), before.encode(picture))
    assert not torch.equal(after.decode(latent), before.decode(latent))


def test_pictures_are_trained_by_the_same_module(tmp_path):
    pytest.importorskip("diffusers")
    vae = PictureVAE(block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, mid_block_add_attention=False)
    module = make(network=vae, adversary=Adversary(PatchDiscriminator(channels=4, layers=1), r1=1.0))
    before = weights(module)
    trainer(tmp_path).fit(module, Pictures(batch_size=4))
    assert moved(module, before) == before.keys()
    module.export(tmp_path / "vae")
    assert (tmp_path / "vae/config.json").is_file()


def test_a_decoder_learns_to_draw_averages_of_latents_as_averages(tmp_path):
    pytest.importorskip("diffusers")

    def error(network):
        pictures = torch.stack([item["image"] for item in fixed])
        means = network.encode(pictures).mean
        return (network.decode((means[:4] + means[4:]) / 2) - (pictures[:4] + pictures[4:]) / 2).square().mean().item()

    def vae():
        return PictureVAE(
            block_out_channels=(8, 8), layers_per_block=1, norm_num_groups=4, mid_block_add_attention=False
        )

    class Fixed(Pictures):
        def dataset(self, split):
            return fixed

    torch.manual_seed(0)
    fixed = Pictures(batch_size=8).dataset("train")
    first, data = make(network=vae(), adversary=None), Fixed(batch_size=8)
    trainer(tmp_path, max_steps=1).fit(first, data)
    first.export(tmp_path / "vae")
    options = {"weights": str(tmp_path / "vae"), "train_encoder": False, "reconstruction": SquaredReconstruction()}
    found = []
    for share in (0.0, 1.0):
        module = make(network=vae(), adversary=None, averages=share, **options)
        trainer(tmp_path, max_steps=60).fit(module, data)
        found.append(error(module.network.eval()))
    assert found[1] < found[0] < error(first.network.eval())


def test_networks_of_diffusers_are_trained_on_sounds_too(tmp_path):
    pytest.importorskip("diffusers")
    vae = MMAudioMelVAE(latent_channels=3, hidden_channels=8, channel_multipliers=(1, 2), layers_per_block=1)
    module = make(network=vae)
    before = weights(module)
    trainer(tmp_path).fit(module, Sounds(batch_size=4))
    assert moved(module, before) == before.keys()
    module.export(tmp_path / "vae")
    assert float(load_autoencoder(tmp_path / "vae").scale_factor) == pytest.approx(float(vae.scale_factor))


def test_what_does_not_fit_is_refused_before_the_first_step(tmp_path):
    with pytest.raises(ValueError, match="Pictures has no 'sound'"):
        trainer(tmp_path).fit(make(), Pictures(batch_size=4))
    with pytest.raises(ValueError, match="predicts nothing"):
        trainer(tmp_path).predict(make(), Sounds(batch_size=4))
    with pytest.raises(ValueError, match="precision=bf16-true: an autoencoder keeps its weights in float32"):
        trainer(tmp_path, precision="bf16-true").fit(make(), Sounds(batch_size=4))
    with pytest.raises(ValueError, match="train_encoder=false"):
        make(train_encoder=False)
    with pytest.raises(ValueError, match="measured=0"):
        make(measured=0)
    with pytest.raises(ValueError, match=r"averages=1\.5 must be a share"):
        make(averages=1.5)
    with pytest.raises(ValueError, match="averages are of pictures, and an adversary would"):
        make(adversary=None, averages=0.5)
    with pytest.raises(ValueError, match=r"set data\.batch_size to 2 or more"):
        shape = {"block_out_channels": (8, 8), "layers_per_block": 1, "norm_num_groups": 4}
        trainer(tmp_path).fit(make(network=PictureVAE(**shape), adversary=None, averages=0.5), Pictures(batch_size=1))
    with pytest.raises(ValueError, match="kl_weight=-1"):
        make(kl_weight=-1.0)
    for judge, words in (
        (MultiWindowDiscriminator(bands=64), "bands=64, but the spectrograms have 80"),
        (PatchDiscriminator(), "judges pictures"),
        (MultiWindowDiscriminator(windows=(33, 64)), "can judge none of the training samples"),
    ):
        with pytest.raises(ValueError, match=words):
            trainer(tmp_path).fit(make(adversary=Adversary(judge, start=100)), Sounds(batch_size=4))
    trainer(tmp_path, max_steps=1).fit(make(adversary=Adversary(judge, weight=0.0)), Sounds(batch_size=4))
    other = MelVAE(latent_channels=3, width=16, multipliers=(1, 2), blocks=1, groups=4)
    save_autoencoder(other, tmp_path / "other")
    with pytest.raises(ValueError, match=r"model\.network"):
        trainer(tmp_path).fit(make(weights=str(tmp_path / "other")), Sounds(batch_size=4))


DIES = """
from lightning.pytorch import Callback

class Dies(Callback):
    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == 5:
            raise ValueError("killed")
"""


@pytest.fixture
def experiment(tmp_path):
    from shrink import shrunk

    path = ROOT / "experiments/toy/audio_vae.yaml"
    settings = shrunk(path, tmp_path)
    settings["trainer"] |= {"max_steps": 8, "val_check_interval": 3}
    (tmp_path / "dies.py").write_text(DIES)
    file = tmp_path / "vae.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


def test_killed_and_resumed_is_never_killed(experiment, run_in, tmp_path):
    run_in("fit", "--config", experiment)
    with pytest.raises(SystemExit):
        run_in("fit", "--config", experiment, "--trainer.callbacks+=dies.Dies")
    run_in("fit", "--config", experiment, "--ckpt_path=runs/audio_vae/version_1")
    whole, resumed = (
        torch.load(tmp_path / f"runs/audio_vae/version_{n}/checkpoints/last.ckpt", weights_only=True) for n in (0, 2)
    )
    assert whole["global_step"] == resumed["global_step"] == 8
    assert any(name.startswith("adversary") for name in whole["optimizer_states"][0]["state"])
    for part in ("state_dict", "ema", "optimizer_states", "lr_schedulers"):
        assert_same(whole[part], resumed[part])


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 2])
def test_two_processes_train_one_model(experiment, tmp_path, start):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    options = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_steps=4"]
    options += [f"--model.adversary.init_args.start={start}", "--model.lr_scheduler=null"]
    command = [sys.executable, "-m", "lumina", "fit", "--config", str(experiment), *options]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=300)
    state = torch.load(next(tmp_path.rglob("last.ckpt")), weights_only=True)
    assert state["global_step"] == 4
    own = state["optimizer_states"][0]["state"]
    steps = {int(value["step"]) for name, value in own.items() if name.startswith("adversary")}
    assert steps == {4 - start}
    assert float(state["state_dict"]["network.scale_factor"]) > 0


APART = """
import torch
from lightning.pytorch import Callback
from lumina.autoencoders.mel_vae import MelVAE

class Apart(MelVAE):
    def begin(self, batches):
        super().begin(batches)
        for parameter in self.linear.parameters():
            parameter.data *= 1 + torch.distributed.get_rank()

class Compares(Callback):
    def on_train_end(self, trainer, module):
        for parameter in module.network.parameters():
            others = [torch.empty_like(parameter) for _ in range(2)]
            torch.distributed.all_gather(others, parameter.detach())
            assert torch.equal(*others)
"""


@pytest.mark.slow
def test_processes_begin_with_the_same_weights(experiment, tmp_path):
    (tmp_path / "apart.py").write_text(APART)
    options = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_steps=2", "--model.lr_scheduler=null"]
    options += ["--model.network.class_path=apart.Apart", "--trainer.callbacks+=apart.Compares"]
    command = [sys.executable, "-m", "lumina", "fit", "--config", str(experiment), *options]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=300)
