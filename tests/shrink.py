"""Every experiment at a size that a CPU trains in seconds.

Replaced are widths, depths, pretrained networks (tiny ones of the same classes), data, and numbers of steps; all else
is as the YAML has it: precision, clipping, accumulation, optimizer, schedule, callbacks.
"""

from __future__ import annotations

import gzip
import shlex
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image as Picture
from tiny import ROOT
from tiny_encoders import clap, laion_clap, t5
from tiny_shapes import write_catalogue, write_vrml
from tiny_sounds import write_tones
from tiny_views import write_objects
from tiny_vocoders import hifi_gan

from datamodules.openclipart import CLASSES
from datamodules.shapenet import SYNSETS
from lumina.config.stack import stack_configs

EXPERIMENTS = sorted((ROOT / "experiments").rglob("*.yaml"))
BACKBONE = {
    "dim": 24, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 8, "axes_dims": [0, 6, 6],
}  # fmt: skip
AT_MOST = {
    "batch_size": 4, "eval_batch_size": 4, "num_workers": 0, "points": 32, "eval_points": 32, "max_patches": 8,
    "every_n_steps": 2, "every_n_train_steps": 2, "count": 2, "limit_val_batches": 1,
    "max_steps": 2, "max_epochs": 1, "start": 1, "measured": 8,
}  # fmt: skip
TRAINED = {
    "MelVAE": {"width": 8, "multipliers": [1, 2], "blocks": 1, "groups": 4},
    "PictureVAE": {"block_out_channels": [8, 8, 8], "norm_num_groups": 4},
    "MultiWindowDiscriminator": {"channels": 4},
}
"""Arguments of small networks that are trained against each other."""
WORDS = ["<pad>", "<eos>", "<bos>", "<unk>", "a", "red", "cat", "blue", "line", "drawing"]


def command(path: Path) -> list[str]:
    """The ``lumina fit`` line in the head of the file, which tells with what the file is to be combined."""
    line = next(line for line in path.read_text().splitlines() if line.startswith("#   lumina fit"))
    words = shlex.split(line.removeprefix("#   lumina fit"))
    return [str(ROOT / word) if word.endswith(".yaml") else word for word in words]


def settings_of(path: Path) -> dict[str, Any]:
    """An experiment together with what it is combined with."""
    words = stack_configs(command(path))
    return yaml.safe_load(words[0].removeprefix("--config=") if len(words) == 1 else Path(words[1]).read_text())


def shrunk(path: Path, folder: Path) -> dict[str, Any]:
    """The settings of a small run of the experiment in ``folder``, where its data and networks are written."""
    settings = settings_of(path)
    model, data, trainer = settings["model"], settings["data"], settings["trainer"]
    if "backbone" in model:
        _small_backbone(model, path)
    for place, key, value in entries(settings):
        if key in AT_MOST and isinstance(value, int):
            place[key] = min(value, AT_MOST[key]) if value > 0 else value
        if key == "size" and np.max(value) > 64:
            place[key] = [32, 32] if isinstance(value, list) else 32
    _small_networks(model, folder)
    if "objective" in model:
        _small_sampling(model)
    WRITERS[data["class_path"].rpartition(".")[2]](settings, folder)
    if "strategy" not in trainer:
        trainer["devices"] = 1
    trainer |= {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}
    trainer["log_every_n_steps"] = 1
    trainer |= {"limit_test_batches": 2, "limit_predict_batches": 1, "num_sanity_val_steps": 0, "limit_val_batches": 1}
    if isinstance(trainer.get("val_check_interval"), int):
        trainer["val_check_interval"] = 2
    return settings


def source_of(path: Path) -> Path:
    """The experiment whose run another starts from, or else what it is an overlay on, or itself."""
    weights = str(settings_of(path)["model"].get("weights"))
    if weights.startswith("runs/"):
        others = (other for other in EXPERIMENTS if other.parent == path.parent)
        return next(other for other in others if f"runs/{name_of(settings_of(other))}" == weights)
    return Path(command(path)[1])


def name_of(settings: dict[str, Any]) -> str:
    """The folder of its runs, in ``runs``."""
    return settings["trainer"]["logger"]["init_args"]["name"]


def entries(node: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Container, key and value of everything below."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        yield node, key, value
        yield from entries(value)


def _small_backbone(model: dict[str, Any], path: Path) -> None:
    model["compile_blocks"] = False
    if model.get("weights") not in (None, "emoji"):
        model["weights"] = f"runs/{name_of(settings_of(source_of(path)))}"
    if model.get("weights") != "emoji":  # the bundled weights have their size
        stated = {key for key, value in model["backbone"].items() if value is not None}
        model["backbone"] |= {key: value for key, value in BACKBONE.items() if key in {*stated, "multiple_of"}}


def _small_networks(model: dict[str, Any], folder: Path) -> None:
    for place, key, value in entries(model):
        if (
            key == "class_path"
            and value.endswith(".KLAutoencoder")
            and not place["init_args"]["path"].startswith("package")
        ):
            place["init_args"]["path"] = str(write_vae(folder / "vae"))
        started = model.get("init_args", {}).get("weights")  # the bundled weights have their size
        if key == "class_path" and value.rpartition(".")[2] in TRAINED and not started:
            place.setdefault("init_args", {}).update(TRAINED[value.rpartition(".")[2]])
        if key == "class_path" and value.endswith(".HuggingFaceText") and model.get("weights") != "emoji":
            place["init_args"]["path"] = str(write_text_encoder(folder, place["init_args"]["path"]))
        if key == "class_path" and value.endswith(".LaionClapText"):
            file = laion_clap(folder / "laion_clap")
            place["init_args"] |= {"path": str(file), "tokenizer": str(file.with_name("tokenizer")), "max_tokens": 38}
        if key == "class_path" and value.endswith(".MelKLAutoencoder"):
            place["init_args"]["path"] = str(write_mel_vae(folder / "mel_vae"))
        if key == "class_path" and value.endswith(".PretrainedVocoder"):
            hifi_gan(folder / "vocoder")
            place["init_args"]["path"] = str(folder / "vocoder")


def _small_sampling(model: dict[str, Any]) -> None:
    sampler = model["objective"]["init_args"].get("sampler")
    if sampler:
        sampler["init_args"]["steps"] = 1
    for metric in model.get("metrics") or []:
        if metric["class_path"].endswith("ClassifierQuality"):
            metric.setdefault("init_args", {})["steps"] = 5
    needy = ("InceptionMetrics", "CaptionQuality")  # of Inception's weights, of hundreds of captions
    model["metrics"] = [m for m in model.get("metrics") or [] if not m["class_path"].endswith(needy)]


def write_vae(folder: Path) -> Path:
    """A tiny AutoencoderKL of SD's factor, as diffusers keeps it."""
    from lumina.frozen.autoencoders import RandomAutoencoder

    if not folder.exists():
        RandomAutoencoder()._network.on(torch.device("cpu")).save_pretrained(folder)
    return folder


def write_mel_vae(folder: Path) -> Path:
    """A tiny VAE of mel spectrograms, of the paper's factor and channels."""
    from lumina.autoencoders.folder import save_autoencoder
    from lumina.frozen.mel_autoencoders import RandomMelAutoencoder

    if not folder.exists():
        network = RandomMelAutoencoder()._network.on(torch.device("cpu"))
        network.scale_factor.fill_(1.0)
        save_autoencoder(network, folder)
    return folder


def write_text_encoder(folder: Path, name: str) -> Path:
    """A tiny one of the kind that the name tells, with a tokenizer of a few words, as transformers keeps it."""
    for part, write in {"clap": clap, "t5": t5}.items():
        if part in name:
            return write(folder / part)
    return write_gemma(folder / "text")


def write_gemma(folder: Path) -> Path:
    """A tiny Gemma with a tokenizer of ten words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GemmaConfig, GemmaModel, PreTrainedTokenizerFast

    if folder.exists():
        return folder
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    GemmaModel(GemmaConfig(vocab_size=len(WORDS), num_key_value_heads=1, head_dim=8, **sizes)).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=words, **special).save_pretrained(folder)
    return folder


def write_pictures(folder: Path, count: int, caption: str | None = None, seed: int = 0) -> list[Path]:
    """Pictures of noise, of several shapes; with captions beside them if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        Picture.fromarray(rng.integers(0, 256, (*rng.integers(40, 90, 2), 3), np.uint8)).save(path)
        if caption:
            path.with_suffix(".txt").write_text(caption)
    return paths


def _class_folders(settings: dict[str, Any], folder: Path) -> None:
    """Three classes of pictures, in train and val; the label table and the head know as many."""
    for split, count in (("train", 8), ("val", 4)):
        for seed, name in enumerate(("cat", "dog", "owl")):
            write_pictures(folder / "data/imagenet" / split / name, count, seed=seed)
    for place, key, _ in entries(settings["model"]):
        if key == "num_classes":
            place[key] = 3
    if "max_tokens" in settings["data"]["init_args"]:
        settings["data"]["init_args"]["max_tokens"] = 32


def _captioned(settings: dict[str, Any], folder: Path) -> None:
    """Pictures with captions, as a folder and as a table of the same."""
    arguments = settings["data"]["init_args"]
    names = [str(path) for path in write_pictures(folder / "data/pictures", 40, "a red cat")]
    lines = [f'{{"path": "{name}", "prompt": "a blue cat"}}' for name in names]
    (folder / "data/captions.jsonl").write_text("\n".join(lines))
    if "eval_sources" in arguments:  # the bundled emoji
        arguments |= {"sources": ["data/captions.jsonl"], "eval_sources": ["data/captions.jsonl"]}


def _shapenet(settings: dict[str, Any], folder: Path) -> None:
    import h5py

    (folder / "data").mkdir(exist_ok=True)
    with h5py.File(folder / "data/shapenet.hdf5", "w") as file:
        for kind in ("airplane", "chair"):
            for part, count in {"train": 8, "val": 4, "test": 4}.items():
                points = np.random.default_rng(0).normal(size=(count, 2048, 3))
                file[f"{SYNSETS[kind]}/{part}"] = points.astype(np.float32)


def _cap3d(settings: dict[str, Any], folder: Path) -> None:
    (folder / "data/cap3d").mkdir(parents=True, exist_ok=True)
    for number in range(24):
        torch.save(torch.randn(100, 6), folder / f"data/cap3d/uid{number}.pt")
    (folder / "data/cap3d/captions.csv").write_text("\n".join(f"uid{number},a red cat" for number in range(24)))
    settings["data"]["init_args"] |= {"holdout": 0.25, "points": 32}


def _furniture(settings: dict[str, Any], folder: Path) -> None:
    names = [f"{name} {number}" for number in range(9) for name in ("Chair", "Table", "Cabinet")]
    write_catalogue(folder / "furniture", names)
    settings["data"]["init_args"] |= {"root": "furniture", "sampled": 300, "cache": None}


def _parts(settings: dict[str, Any], folder: Path) -> None:
    for name in settings["data"]["init_args"]["classes"]:
        for number in range(5):
            write_vrml(folder / f"data/kicad/{name}/{number}.wrl")
    settings["data"]["init_args"] |= {"sampled": 300, "cache": None}


def _fashion(settings: dict[str, Any], folder: Path) -> None:
    write_fashion(folder)
    settings["data"]["init_args"]["root"] = str(folder)


def write_fashion(folder: Path) -> Path:
    """Noise in the files of Fashion-MNIST."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 600), ("t10k", 100)):
        images, labels = rng.integers(0, 256, (count, 28, 28), np.uint8), (np.arange(count) % 10).astype(np.uint8)
        with gzip.open(folder / f"{split}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">4i", 2051, count, 28, 28) + images.tobytes())
        with gzip.open(folder / f"{split}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">2i", 2049, count) + labels.tobytes())
    return folder


def _clip_art(settings: dict[str, Any], folder: Path) -> None:
    for seed, place in enumerate(CLASSES.values()):
        write_pictures(folder / "openclipart" / place, 8, seed=seed)
    settings["data"]["init_args"]["root"] = "openclipart"
    if "max_tokens" in settings["data"]["init_args"]:
        settings["data"]["init_args"]["max_tokens"] = 32


def _sounds(settings: dict[str, Any], folder: Path) -> None:
    """Tones of several lengths, each with its caption."""
    arguments = settings["data"]["init_args"]
    write_tones(folder / "data/sounds", [0.6, 0.8, 1.0, 1.3] * 6)
    arguments |= {"sources": ["data/sounds"], "root": None, "holdout": 0.25, "cache": None}
    if "window" in arguments:
        arguments["window"] = 1.1  # holds two of the three windows of a discriminator
    else:
        _short(settings)


def _music(settings: dict[str, Any], folder: Path) -> None:
    settings["data"]["init_args"] |= {"count": 8, "eval_count": 4}
    _short(settings)


def _short(settings: dict[str, Any]) -> None:
    quick = {"class_path": "lumina.audio.griffin_lim.GriffinLim", "init_args": {"iterations": 1}}
    settings["model"].get("modality", {"init_args": {}})["init_args"].setdefault("vocoder", quick)
    for place, key, value in entries(settings):
        if key in ("seconds", "longest"):
            place[key] = min(value, 1.0)


def _views(settings: dict[str, Any], folder: Path) -> None:
    """Balls from eight sides, with a reference."""
    write_objects(folder / "data/views", 12, azimuths=[range(0, 360, 45)], caption="a red cat")
    settings["data"]["init_args"] |= {"root": "data/views", "holdout": 0.25}


def _nothing(settings: dict[str, Any], folder: Path) -> None:
    """Digits come with scikit-learn, a cache is made by `lumina cache`."""


WRITERS: dict[str, Callable[[dict[str, Any], Path], None]] = {
    "ImageFolder": _class_folders,
    "LabelledPictures": _class_folders,
    "ImageText": _captioned,
    "ShapeNet": _shapenet,
    "Cap3D": _cap3d,
    "SweetHome": _furniture,
    "Meshes": _parts,
    "FashionMNIST": _fashion,
    "OpenClipart": _clip_art,
    "AudioText": _sounds,
    "RenderedMusic": _music,
    "MultiViewFolder": _views,
    "SingleViews": _views,
    "Digits": _nothing,
    "Cached": _nothing,
}
