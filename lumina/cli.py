"""The command line: ``lumina``, ``python -m lumina`` and ``lightning`` are one entry.

``fit``, ``validate``, ``test`` and ``predict`` are LightningCLI's, over YAML experiments; the other commands live in
`lumina.commands` and answer without starting a trainer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import distribution, entry_points

import lumina

TRAINER_COMMANDS = {
    "fit": "train from a YAML experiment",
    "validate": "the validation loss of a checkpoint",
    "test": "the evaluation run: metrics of a checkpoint's averaged weights",
    "predict": "outputs of a checkpoint for every item of a data set",
}
COMMANDS = {
    "sample": "a checkpoint in, samples out",
    "convert": "trained weights in one form, out in another: ours, or a diffusers pipeline",
    "cache": "an experiment's data, compressed once: latents and text features",
    "curate": "the best pictures of a large table: filtered and ranked by their scores",
    "report": "metrics of several runs over their steps: one PNG, one CSV",
    "analyze": "the paper's figures: attention, activations, truncation, wavelengths, time, accuracy over resolution",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; what a user can mend ends in one sentence and exit code 2."""
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # no library unpickles more than tensors, whatever it asks for
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    command = arguments[0] if arguments else "--help"
    if command in ("-h", "--help"):
        print(_help())
    elif command == "--version":
        print(lumina.__version__)
    elif command in TRAINER_COMMANDS or command in COMMANDS:
        _run(command, arguments)
    else:
        _other_lightning(command, arguments)


def _run(command: str, arguments: list[str]) -> None:
    try:
        _refuse_foreign_packages()
        with import_module("lumina.config.trust").asked_to_trust(arguments) as words:
            if command in COMMANDS:
                import_module(f"lumina.commands.{command}").main(words[1:])
            else:
                import_module("lumina.commands.train").main(words)
    except (ValueError, OSError, ImportError) as error:
        if os.environ.get("LUMINA_TRACEBACK"):
            raise
        reason = import_module("lumina.parser").one_sentence(str(error))
        print(f"lumina {command}: error: {reason}\n(LUMINA_TRACEBACK=1 shows where.)", file=sys.stderr)
        raise SystemExit(2) from error


def _refuse_foreign_packages() -> None:
    """`modalities` and `datamodules` must be ours: the first is also the name of an unrelated package.

    Raises:
        ImportError: where another package has the name.
    """
    for name in ("modalities", "datamodules"):
        package = import_module(name)
        if getattr(package, "__lumina__", None) != lumina.__version__:
            raise ImportError(
                f"the installed package {name!r} ({package.__path__[0]}) is not lumina's; uninstall the package that "
                "brought it (`pip uninstall modalities`) and install lumina-nextdit again."
            )


def _other_lightning(command: str, arguments: list[str]) -> None:
    """Hands a subcommand that is not ours to the `lightning` command of another installed package, if there is one."""
    ours = {point.value for point in distribution("lumina-nextdit").entry_points}
    others = [p for p in entry_points(group="console_scripts", name="lightning") if p.value not in ours]
    if others and os.path.basename(sys.argv[0]) == "lightning":
        sys.argv = ["lightning", *arguments]
        others[0].load()()
        return
    print(f"lumina: error: unknown command {command!r}.\n\n{_help()}", file=sys.stderr)
    raise SystemExit(2)


def _help() -> str:
    rows = [f"  {name:<10}{text}" for name, text in {**TRAINER_COMMANDS, **COMMANDS}.items()]
    head = f"lumina {lumina.__version__}: multi-modal diffusion transformers\n\nusage: lumina COMMAND [options]\n"
    return "\n".join([head, *rows, "\n`lumina COMMAND --help` lists a command's options."])
