"""The command line: ``lumina``, ``python -m lumina`` and ``lightning`` are one entry.

``fit``, ``validate``, ``test`` and ``predict`` are LightningCLI's, over YAML experiments; the other commands live in
`lumina.commands` and answer without starting a trainer.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, entry_points

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
    "render": "pictures of meshes from many sides, with their cameras: PNG and transforms.json",
    "synthesize": "captioned music and sound events, rendered with a soundfont",
    "views": "views of objects from one layout of files into another: ours, nerfstudio's, Zero123's, COLMAP's",
    "caption": "structured captions of a table's plain ones, by a language model: which sounds, and when",
    "compare": "two folders of sounds: their Frechet distance, the divergence of their tags, copies",
    "curate": "the best pictures of a large table: filtered and ranked by their scores",
    "report": "metrics of several runs over their steps: one PNG, one CSV",
    "analyze": "the paper's figures: attention, activations, truncation, wavelengths, time, accuracy over resolution",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command; what a user can mend ends in one sentence and exit code 2."""
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # no library unpickles more than tensors, whatever it asks for
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _dispatch(arguments[0] if arguments else "--help", arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None


def _dispatch(command: str, arguments: list[str]) -> None:
    if command in ("-h", "--help"):
        print(_help())
    elif command == "--version":
        print(lumina.__version__)
    elif command in TRAINER_COMMANDS or command in COMMANDS:
        _run(command, arguments)
    else:
        _other_lightning(command, arguments)


def _run(command: str, arguments: list[str]) -> None:
    warnings.formatwarning = _one_line
    try:
        _refuse_foreign_packages()
        if {"-h", "--help"} & set(arguments):
            import_module("lumina.config.own_classes").import_own_classes()
        with import_module("lumina.config.trust").asked_to_trust(arguments) as words:
            own = command in COMMANDS
            main_of_command = import_module(f"lumina.commands.{command if own else 'train'}").main
            warnings.formatwarning = _one_line  # Lightning, once imported, would name its own files
            main_of_command(words[1:] if own else words)
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("LUMINA_TRACEBACK"):
            raise
        reason = import_module("lumina.config.messages").reason(error)
        print(f"lumina {command}: error: {reason}\n(LUMINA_TRACEBACK=1 shows where.)", file=sys.stderr)
        raise SystemExit(2) from error


def _one_line(message: Warning | str, *_: object, **__: object) -> str:
    """A warning as users read it, without the line of code that gave it."""
    return f"warning: {message}\n"


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
    try:
        ours = {point.value for point in distribution("lumina-nextdit").entry_points}
    except PackageNotFoundError:  # a checkout that is not installed
        ours = set()
    others = [p for p in entry_points(group="console_scripts", name="lightning") if p.value not in ours]
    if others and os.path.basename(sys.argv[0]) == "lightning":
        sys.argv = ["lightning", *arguments]
        others[0].load()()
        return
    close = get_close_matches(command, [*TRAINER_COMMANDS, *COMMANDS], n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    print(f"lumina: error: unknown command {command!r}.{meant}\n\n{_help()}", file=sys.stderr)
    raise SystemExit(2)


def _help() -> str:
    rows = [f"  {name:<12}{text}" for name, text in {**TRAINER_COMMANDS, **COMMANDS}.items()]
    head = f"lumina {lumina.__version__}: multi-modal diffusion transformers\n\nusage: lumina COMMAND [options]\n"
    trust = "--trust: a run, checkpoint or export of others may name classes of any package and run their code."
    return "\n".join([head, *rows, f"\n`lumina COMMAND --help` lists a command's options; all take\n{trust}"])
