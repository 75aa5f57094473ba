"""Derives the arguments of `LuminaModule`, as plain data, from a folder of published weights."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lumina.backbone import NextDiTConfig
from lumina.files.weights import read_json
from lumina.frozen.autoencoders import KLAutoencoder
from lumina.weights.official import PATCH_SIZE, model_arguments
from lumina.weights.source import LABEL_TABLE, Weights

PIPELINES = ("LuminaPipeline", "LuminaText2ImgPipeline")  # the second is an older name
CLASSES = {"vae": "AutoencoderKL", "scheduler": "FlowMatchEulerDiscreteScheduler"}
FILES = {"vae": "config.json", "text_encoder": "config.json", "scheduler": "scheduler_config.json", "tokenizer": ""}
PLACED = {
    "vae": "config.json and diffusion_pytorch_model.safetensors",
    "text_encoder": "config.json, model*.safetensors* and tokenizer*",
}
TEXT_ENCODER = "google/gemma-2b"
VAES = {
    "sdxl": "stabilityai/sdxl-vae",
    "mse": "stabilityai/sd-vae-ft-mse",
    "ema": "stabilityai/sd-vae-ft-ema",
    "sd3": "the vae folder of stabilityai/stable-diffusion-3-medium-diffusers",
}
GUIDANCE = 4.0  # default of all released samplers
Arguments = dict[str, Any]


def published_arguments(weights: Weights, text_encoder: str | None = None, vae: str | None = None) -> Arguments:
    """The arguments for a diffusers pipeline or a folder of the authors' weights.

    Args:
        weights: of the backbone and, if there is one, its label table.
        text_encoder: replaces the folder's text encoder.
        vae: replaces the folder's VAE.

    Raises:
        FileNotFoundError: a part is missing; names it.
        ValueError: the weights are only a transformer, or belong to another pipeline, or a part has another class.
    """
    if weights.form == "pipeline":
        return _pipeline_arguments(weights.origin, weights.config, text_encoder, vae)
    if weights.form == "official":
        labels = len(weights.tensors.get(LABEL_TABLE, ()))
        return _official_arguments(weights.origin, weights.config, labels, text_encoder, vae)
    raise ValueError(
        f"{weights.origin} holds a transformer alone; give its pipeline's folder, the one with model_index.json."
    )


def _pipeline_arguments(folder: Path, config: NextDiTConfig, text_encoder: str | None, vae: str | None) -> Arguments:
    """Euler steps on the schedule of the scheduler's shift, with guidance 4."""
    name = read_json(folder / "model_index.json").get("_class_name")
    if name not in PIPELINES:
        raise ValueError(f"{folder} holds a {name}, expected a {PIPELINES[0]}; give the folder of a Lumina-Next model.")
    _check_parts(folder, [part for part, given in (("vae", vae), ("text_encoder", text_encoder)) if not given])
    scheduler = read_json(folder / "scheduler" / FILES["scheduler"])
    if scheduler.get("use_dynamic_shifting"):
        raise ValueError(
            f"{folder / 'scheduler'} shifts with the size of a picture; set use_dynamic_shifting to false."
        )
    transformer = read_json(folder / "transformer" / "config.json")
    tokenizer = None if text_encoder else str(folder / "tokenizer")
    vae = vae or str(folder / "vae")
    return {
        "modality": _latent_images(
            transformer["sample_size"] * KLAutoencoder(vae).factor, transformer["patch_size"], vae
        ),
        "backbone": backbone_arguments(config),
        "conditioners": [_text(text_encoder or str(folder / "text_encoder"), tokenizer)],
        "objective": _flow(float(scheduler.get("shift") or 1.0), "Euler", steps=30),
    }


def _official_arguments(
    folder: Path, config: NextDiTConfig, labels: int, text_encoder: str | None, vae: str | None
) -> Arguments:
    """Midpoint steps with guidance 4; labels and shift 1 if there is a label table, else captions and shift 4.

    The default text encoder and VAE are those in the folder, or else Gemma-2B and `official_vae`.
    """
    size = int(model_arguments(folder).get("image_size", 256 if labels else 1024))
    label = {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"num_classes": labels - 1}}
    encoder = text_encoder or _own(folder / "text_encoder") or TEXT_ENCODER
    return {
        "modality": _latent_images(
            size, PATCH_SIZE, vae or _own(folder / "vae") or official_vae(folder, config, labels)
        ),
        "backbone": backbone_arguments(config),
        "conditioners": [label if labels else _text(encoder)],
        "objective": _flow(1.0 if labels else 4.0, "Midpoint", steps=20),
    }


def where_to_put(folder: Path, arguments: Arguments) -> str:
    """A sentence on the networks that a released checkpoint lacks, of which it holds none itself.

    Args:
        folder: of the checkpoint.
        arguments: what `published_arguments` gave for it.
    """
    named = {"vae": arguments["modality"]["init_args"]["autoencoder"]["init_args"]["path"]}
    encoder = arguments["conditioners"][0]["init_args"].get("encoder")
    named |= {"text_encoder": encoder["init_args"]["path"]} if encoder else {}
    absent = {part: name for part, name in named.items() if not Path(name).is_dir()}
    places = "; ".join(f"place {PLACED[part]} of {name} in {folder / part}" for part, name in absent.items())
    return (
        f"{folder} holds a backbone alone, and {' or '.join(absent.values())} is not available from the Hugging Face "
        f"hub: {places}."
    )


def official_vae(folder: Path, config: NextDiTConfig, labels: int) -> str:
    """The VAE that a released checkpoint was trained with.

    Where nothing says it, that of its kind (SDXL's, SD's for class labels, SD3's for 16 channels), with a warning.

    Raises:
        ValueError: the checkpoint names an unknown one.
    """
    channels = (config.token_dim or 0) // PATCH_SIZE**2
    usual = "sd3" if channels == 16 else "ema" if labels else "sdxl"
    named = model_arguments(folder).get("vae")
    if named is None:
        warnings.warn(f"{folder} does not say which VAE it was trained with; {VAES[usual]} is taken.", stacklevel=2)
    elif named not in VAES:
        raise ValueError(
            f"{folder} was trained with the VAE {named!r}, none of {', '.join(VAES)}: put that into {folder}/vae."
        )
    return VAES[usual if named is None else named]


def backbone_arguments(config: NextDiTConfig) -> Arguments:
    """The config as plain data, without the widths that follow from the other parts."""
    measured = ("token_dim", "position_axes", "text_dim")
    return {name: value for name, value in asdict(config).items() if name not in measured}


def _latent_images(side: int, patch_size: int, vae: str) -> Arguments:
    autoencoder = {"class_path": "lumina.frozen.autoencoders.KLAutoencoder", "init_args": {"path": vae}}
    settings = {"size": [side, side], "patch_size": patch_size, "autoencoder": autoencoder}
    return {"class_path": "modalities.image.Image", "init_args": settings}


def _own(folder: Path) -> str | None:
    return str(folder) if folder.is_dir() else None


def _text(encoder: str, tokenizer: str | None = None) -> Arguments:
    settings = {"path": encoder, "tokenizer": tokenizer, "dtype": _precision(encoder)}
    network = {"class_path": "lumina.frozen.text_encoders.HuggingFaceText", "init_args": settings}
    return {"class_path": "lumina.conditioning.text.TextConditioner", "init_args": {"encoder": network}}


def _flow(shift: float, solver: str, steps: int) -> Arguments:
    sampler = {
        "schedule": {"class_path": "lumina.sampling.schedules.Rational", "init_args": {"sigma": shift}},
        "solver": {"class_path": f"lumina.sampling.solvers.{solver}"},
        "steps": steps,
        "guidance": {"class_path": "lumina.sampling.guidance.ClassifierFree", "init_args": {"scale": GUIDANCE}},
    }
    named = {"class_path": "lumina.sampling.sampler.Sampler", "init_args": sampler}
    return {"class_path": "lumina.objectives.flow_matching.FlowMatching", "init_args": {"sampler": named}}


def _check_parts(folder: Path, own: list[str]) -> None:
    parts = ["scheduler", *own, *(["tokenizer"] if "text_encoder" in own else [])]
    lacking = [f"{part}/{FILES[part]}" for part in parts if not (folder / part / FILES[part]).exists()]
    if lacking:
        raise FileNotFoundError(
            f"{folder} lacks {', '.join(lacking)}, a part of every {PIPELINES[0]}; fetch the missing folder from where "
            "the others come from."
        )
    for part in sorted(CLASSES.keys() & set(parts)):
        name = read_json(folder / part / FILES[part]).get("_class_name")
        if name != CLASSES[part]:
            raise ValueError(f"{folder / part} holds a {name}, expected a {CLASSES[part]}.")


def _precision(encoder: str) -> str:
    """The dtype in which a local text encoder was saved; bfloat16 for others."""
    path = Path(encoder) / "config.json"
    settings = read_json(path) if path.is_file() else {}
    name = str(settings.get("dtype") or settings.get("torch_dtype") or "bfloat16")
    return name if name in ("float32", "float16") else "bfloat16"
