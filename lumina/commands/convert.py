"""``lumina convert``: converts trained weights between formats."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from lumina.checkpoints.export import save_export
from lumina.checkpoints.own_modules import load_own_module, own_class
from lumina.checkpoints.pipeline import save_pipeline
from lumina.checkpoints.pretrained import build_module
from lumina.checkpoints.program import save_program
from lumina.config.parser import ShortErrorParser
from lumina.files.folders import require_free
from lumina.training.module import TrainedModule
from lumina.weights.source import read_weights


def main(arguments: list[str]) -> None:
    """Parses source, output and options, and converts."""
    parser = ShortErrorParser(prog="lumina convert")
    parser.add_function_arguments(convert, as_positional=True)
    convert(**vars(parser.instantiate(parser.parse_args(arguments))))


def convert(
    source: str,
    output: Path,
    to: Literal["lumina", "diffusers", "program"] = "lumina",
    dtype: Literal["float32", "bfloat16", "float16"] = "float32",
    copy: bool = True,
    text_encoder: str | None = None,
    vae: str | None = None,
) -> None:
    """Writes a trained model to a folder, for `lumina sample --weights` or for diffusers' LuminaPipeline.

    A run that trains something else, an autoencoder say, becomes the folder by which experiments name it.

    Args:
        source: a checkpoint file or run folder (its averaged weights are used), an exported folder, a diffusers
            pipeline, a folder of the authors' weights, or the name of a bundled model.
        output: the output folder; it must be new or empty.
        to: ``lumina`` = model.yaml and model.safetensors; ``diffusers`` = a folder for LuminaPipeline.from_pretrained;
            ``program`` = model.pt2 of a recognition model, which torch.export.load reads without this package.
        dtype: of the written weights.
        copy: with ``--to lumina``, copy a VAE or text encoder in a local folder; otherwise only its path is stored.
        text_encoder: folder or Hugging Face id, for the authors' weights, which contain no text encoder.
        vae: folder or Hugging Face id, for the authors' weights, which contain no VAE.

    Raises:
        ValueError: ``output`` is in use, or the format does not support a part of the model.
    """
    require_free(output)
    weights, notes = read_weights(source), list[str]()
    if own_class(weights):
        _export_own(load_own_module(weights), output, to, dtype)
        return
    module = build_module(weights, getattr(torch, dtype), text_encoder, vae)
    if to == "lumina":
        save_export(module, output, copy)
    elif to == "diffusers":
        notes = save_pipeline(module, output)
    else:
        print(f"checked against the model: probabilities differ by at most {save_program(module, output):.1e}")
    _list(output)
    if notes:
        print("\n- ".join(["What diffusers' LuminaPipeline does otherwise:", *notes]))


def _export_own(module: TrainedModule, output: Path, to: str, dtype: str) -> None:
    """Writes what a module of another class exports, in the one form that it has."""
    if to != "lumina" or dtype != "float32":
        raise ValueError(f"{type(module).__name__} has one form, in float32: leave out --to and --dtype.")
    module.export(output)
    _list(output)


def _list(folder: Path) -> None:
    parts = sorted(path.name for path in folder.iterdir())
    print(f"{folder}: {', '.join(parts)}")
