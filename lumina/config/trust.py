"""Whom a configuration came from: the user, or a shared file.

What came with a shared file (the config of a run, the arguments in a checkpoint) is data. It may name parts of this
project, of torch and of Lightning; nothing else is imported for it, and it cannot switch on code from a model
repository. The user lifts this with ``--trust``; what the user writes may name the user's own classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from jsonargparse import set_parsing_settings
from jsonargparse._common import parsing_settings

from lumina.config.experiments import search_modules_in

TRUST = "--trust"
OURS = ("lumina", "modalities", "datamodules")
PACKAGES = (*OURS, "torch", "torchmetrics", "lightning")

_source: ContextVar[str | None] = ContextVar("source", default=None)
_trusted: ContextVar[bool] = ContextVar("trusted", default=False)

set_parsing_settings(  # what runs programs or unpickles is never imported, and jsonargparse leaves untyped values alone
    import_path_denylist=[], import_path_allowlist=[], instantiate_subclass_spec_in_any=False
)


class UntrustedError(ValueError):
    """A shared file asks for what only the user may."""


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Inside, shared files may name any class and ask for code from a model repository, as with ``--trust``."""
    token = _trusted.set(trust)
    try:
        yield
    finally:
        _trusted.reset(token)


@contextmanager
def asked_to_trust(arguments: Sequence[str]) -> Iterator[list[str]]:
    """A command's arguments without ``--trust``, which acts inside: own classes may lie in the working directory."""
    trust = TRUST in arguments
    if trust:
        search_modules_in(Path.cwd())
    with trusting(trust):
        yield [word for word in arguments if word != TRUST]


@contextmanager
def shared(source: str | Path | None) -> Iterator[None]:
    """Inside, all that is parsed and built came with a shared file.

    Args:
        source: the file, for messages; None = they are the user's own words.
    """
    if source is None or _trusted.get():
        yield
        return
    before, token = parsing_settings["import_path_verdicts"], _source.set(str(source))
    set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=list(PACKAGES))
    try:
        yield
    finally:
        parsing_settings["import_path_verdicts"] = before
        _source.reset(token)


def shared_file() -> str | None:
    """The shared file that is being read; None where the user's own words are, or where the file is trusted."""
    return _source.get()


def require_trust(what: str) -> None:
    """Refuses what a shared file asks for and only the user may.

    Args:
        what: that it does, after the file's name in the message.

    Raises:
        UntrustedError: unless the user wrote it, or trusts the file.
    """
    if _source.get() is not None:
        raise UntrustedError(f"{_source.get()} {what}; if you trust whoever made it, add {TRUST}.")
