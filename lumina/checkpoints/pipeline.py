"""A whole folder for `diffusers.LuminaPipeline`: transformer, VAE, text encoder, tokenizer and scheduler."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lumina.backbone import NextDiT
from lumina.conditioning.text import TextConditioner
from lumina.files.weights import read_json
from lumina.frozen.autoencoders import KLAutoencoder
from lumina.frozen.text_encoders import HuggingFaceText
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Rational, Uniform
from lumina.weights.diffusers import save_diffusers
from lumina.weights.tensors import OUTPUT_ROWS, empty_backbone, fill

FACTOR = 8  # the pipeline takes it for granted
MAX_TOKENS = 256  # the same
LAYER = -2  # the same


def save_pipeline(module: LuminaModule, folder: Path) -> list[str]:
    """Writes the folder, every network in the dtype of the module's parameters (the VAE in float32).

    Args:
        module: text-to-image with flow matching in the latents of an AutoencoderKL.
        folder: where to.

    Returns:
        What the pipeline does otherwise than this framework, a sentence each.

    Raises:
        ValueError: naming a part that the pipeline does not have.
    """
    modality: Any = module.modality
    vae, encoder, sampler = _autoencoder(module), _encoder(module), _sampler(module)
    dtype = next(module.backbone.parameters()).dtype
    network = _second_last(encoder, encoder._network.on(torch.device("cpu"), dtype))
    sample_size = _side(modality) // vae.factor
    save_diffusers(_with_sigma(module.backbone), folder / "transformer", modality.patch_size, sample_size)
    network.save_pretrained(folder / "text_encoder")
    encoder.tokenizer.save_pretrained(folder / "tokenizer")
    _save_vae(vae, folder / "vae")
    shift, notes = _shift(sampler)
    _write(folder / "scheduler" / "scheduler_config.json", _scheduler(shift))
    _write(folder / "model_index.json", _index(network, encoder.tokenizer))
    return [*notes, *_differences(vae, encoder, network, sample_size)]


def _autoencoder(module: LuminaModule) -> KLAutoencoder:
    vae = getattr(module.modality, "autoencoder", None)
    if not isinstance(vae, KLAutoencoder):
        raise ValueError(
            f"diffusers' pipeline needs an AutoencoderKL, this model's {type(module.modality).__name__} has "
            f"{'none' if vae is None else type(vae).__name__}; export it with --to lumina."
        )
    if vae.shift:
        raise ValueError(f"diffusers' pipeline does not shift latents, this model's VAE does (by {vae.shift}).")
    return vae


def _encoder(module: LuminaModule) -> HuggingFaceText:
    encoders = [part.encoder if isinstance(part, TextConditioner) else part for part in module.conditioners]
    if len(encoders) != 1 or not isinstance(encoders[0], HuggingFaceText):
        names = ", ".join(type(part).__name__ for part in encoders) or "nothing"
        raise ValueError(
            f"diffusers' pipeline supports exactly one HuggingFaceText conditioner; this model has {names}."
        )
    if not encoders[0].tokenizer("")["input_ids"]:
        raise ValueError(
            'the tokenizer finds no token in "", the pipeline\'s own negative prompt, which makes NaN there; '
            "a tokenizer that adds a token at the start is needed."
        )
    return encoders[0]


def _sampler(module: LuminaModule) -> Sampler:
    if not isinstance(module.objective, FlowMatching):
        raise ValueError(
            f"diffusers' pipeline samples FlowMatching, this model learnt {type(module.objective).__name__}."
        )
    return module.objective.sampler


def _side(modality: Any) -> int:
    height, width = modality.size
    if height != width or modality.patch_size != 2:
        raise ValueError(
            f"diffusers' pipeline knows square training sizes and patches of 2, this model has {height}x{width} and "
            f"{modality.patch_size}."
        )
    return int(height)


def _with_sigma(model: NextDiT) -> NextDiT:
    """The same model with a second half of outputs, which the pipeline discards."""
    if model.config.learn_sigma:
        return model
    state = model.state_dict()
    wide = {name: torch.cat((state[name], torch.zeros_like(state[name]))) for name in OUTPUT_ROWS}
    return fill(empty_backbone(replace(model.config, learn_sigma=True)), state | wide)


def _second_last(encoder: HuggingFaceText, network: Any) -> Any:
    """A network whose second-to-last hidden states, which the pipeline uses, are those of the encoder's layer.

    If the encoder uses the output of the last layer, the network gets one more layer, whose output is not used.
    """
    if encoder.layer == LAYER:
        return network
    ids = torch.tensor([encoder.tokenizer("an apple")["input_ids"]])
    longer, depth = copy.deepcopy(network), network.config.num_hidden_layers
    layers = [part for part in longer.modules() if isinstance(part, nn.ModuleList) and len(part) == depth]
    if encoder.layer == -1 and len(layers) == 1:
        layers[0].append(copy.deepcopy(layers[0][-1]))
        longer.config.num_hidden_layers = depth + 1
        with torch.no_grad():
            wanted = network(ids, output_hidden_states=True).hidden_states[-1]
            if torch.equal(longer(ids, output_hidden_states=True).hidden_states[LAYER], wanted):
                return longer
    raise ValueError(
        f"diffusers' pipeline reads hidden_states[{LAYER}] of the text encoder, this model hidden_states["
        f"{encoder.layer}] of {type(network).__name__}, which cannot be brought to that place."
    )


def _save_vae(vae: KLAutoencoder, folder: Path) -> None:
    vae._network.on(torch.device("cpu")).save_pretrained(folder)
    settings = read_json(folder / "config.json")
    _write(folder / "config.json", settings | {"scaling_factor": vae.scaling})


def _shift(sampler: Sampler) -> tuple[float, list[str]]:
    names = f"{type(sampler.solver).__name__} on the {type(sampler.schedule).__name__} schedule"
    shift = sampler.schedule.sigma if isinstance(sampler.schedule, Rational) else 1.0
    if names in ("Euler on the Rational schedule", "Euler on the Uniform schedule"):
        return shift, []
    supported = isinstance(sampler.schedule, (Rational, Uniform))
    return shift, [
        f"It samples with Euler {'on the same schedule' if supported else 'in equal steps'}, this model with {names}."
    ]


def _differences(vae: KLAutoencoder, encoder: HuggingFaceText, network: Any, sample_size: int) -> list[str]:
    notes = [
        "It guides the first three latent channels only, and makes prompts lower-case.",
        "Of N steps its last is of size 0.001: N + 1 steps there are N here.",
    ]
    kind = type(network).__name__
    if not kind.startswith("Gemma"):
        notes.append(f"It warns that its text encoder is no Gemma; {kind} runs there all the same.")
    if encoder.max_tokens != MAX_TOKENS:
        notes.append(f"It cuts prompts at {MAX_TOKENS} tokens, this model at {encoder.max_tokens}.")
    if vae.factor != FACTOR:
        notes.append(
            f"It takes {FACTOR} pixels for a latent cell where this VAE has {vae.factor}: ask it for "
            f"{sample_size * FACTOR} pixels (its default) to get {sample_size * vae.factor}."
        )
    return notes


def _scheduler(shift: float) -> dict[str, Any]:
    return {"_class_name": "FlowMatchEulerDiscreteScheduler", "num_train_timesteps": 1000, "shift": shift}


def _index(network: Any, tokenizer: Any) -> dict[str, Any]:
    return {
        "_class_name": "LuminaPipeline",
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "text_encoder": ["transformers", type(network).__name__],
        "tokenizer": ["transformers", type(tokenizer).__name__],
        "transformer": ["diffusers", "LuminaNextDiT2DModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }


def _write(path: Path, settings: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=2) + "\n")
