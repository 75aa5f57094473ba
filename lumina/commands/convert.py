"""``lumina convert``: trained weights in one form, out in another."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch

from lumina.checkpoints.export import save_export
from lumina.checkpoints.pipeline import save_pipeline
from lumina.checkpoints.pretrained import load_pretrained
from lumina.checkpoints.program import save_program
from lumina.commands.folders import require_free
from lumina.config.parser import ShortErrorParser


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
    """Writes a trained model as a folder: of ours, for `lumina sample --weights`, or for diffusers' LuminaPipeline.

    Args:
        source: a checkpoint file or run folder (its averaged weights are taken), an exported folder, a diffusers
            pipeline, a folder of the authors' weights, or the name of a bundled model.
        output: folder to write; it must not exist, or be empty.
        to: ``lumina`` = model.yaml and model.safetensors; ``diffusers`` = what LuminaPipeline.from_pretrained runs;
            ``program`` = of a recognition model, model.pt2, which torch.export.load reads without this package.
        dtype: of the weights that are written.
        copy: with ``--to lumina``, whether a VAE or text encoder that lies in a local folder is copied along; otherwise
            the output names its path.
        text_encoder: for the authors' weights, which lack one: a folder or Hugging Face id.
        vae: the same.

    Raises:
        ValueError: if ``output`` is in use, or the model has a part that the form cannot hold.
    """
    require_free(output)
    module = load_pretrained(source, getattr(torch, dtype), text_encoder=text_encoder, vae=vae)
    notes: list[str] = []
    if to == "lumina":
        save_export(module, output, copy)
    elif to == "diffusers":
        notes = save_pipeline(module, output)
    else:
        print(f"checked against the model: probabilities differ by at most {save_program(module, output):.1e}")
    parts = sorted(path.name for path in output.iterdir())
    print(f"{output}: {', '.join(parts)}")
    if notes:
        print("\n- ".join(["What diffusers' LuminaPipeline does otherwise:", *notes]))
