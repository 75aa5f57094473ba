"""The options of a command line that draws samples: those of the model are known once it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from inspect import signature
from typing import Any

from jsonargparse import ArgumentParser

from lumina.generation.how import How
from lumina.generation.what import What
from lumina.generation.wishes import Wishes, known_wishes
from lumina.values import Wish


def parsed(parser: ArgumentParser, arguments: Sequence[str], wishes: Wishes | None) -> tuple[What, How, dict[str, Any]]:
    """What to draw, how to draw it, and the values of the parser's other options.

    Args:
        parser: knows the other options.
        arguments: of the command line.
        wishes: those of the model; None = no model is named, so those of all that are known.

    Raises:
        ValueError: an option belongs to another model, or is given twice.
    """
    own = known_wishes() if wishes is None else list(wishes.all.values())
    parser.add_class_arguments(What, as_positional=False)
    add_wishes(parser, own)
    parser.add_class_arguments(How, as_positional=False)
    _refuse_repetitions(arguments, own)
    if wishes is not None:
        _refuse_others(arguments, parser, wishes)
    options = dict(vars(parser.instantiate(parser.parse_args(arguments))))
    names = [*(name for name in signature(What).parameters if name != "wishes"), *(wish.name for wish in own)]
    what = What(**{name: options.pop(name) for name in names})
    how = How(**{field.name: options.pop(field.name) for field in fields(How)})
    return what, how, options


def add_wishes(parser: ArgumentParser, wishes: Iterable[Wish]) -> None:
    """Options of a command line; texts are taken literally."""
    for wish in wishes:
        form: dict[str, Any] = {"metavar": wish.form} if wish.form else {}
        if wish.type is str:
            action = "append" if wish.several else "store"
            parser.add_argument(f"--{wish.name}", action=action, help=wish.help, **form)
        else:
            kind = list[wish.type] | wish.type if wish.several else wish.type  # type: ignore[name-defined]
            parser.add_argument(f"--{wish.name}", type=kind, help=wish.help, **form)


def _refuse_repetitions(arguments: Sequence[str], wishes: Iterable[Wish]) -> None:
    """Refuses an option that is given twice where the second value would replace the first."""
    words = [word.partition("=")[0] for word in arguments]
    for wish in wishes:
        if words.count(f"--{wish.name}") > 1 and not (wish.several and wish.type is str):
            remedy = f"list the values: --{wish.name}=[A,B]" if wish.several else "give it once"
            raise ValueError(f"--{wish.name} was given {words.count(f'--{wish.name}')} times: {remedy}.")
    if "--guidance" in words and any(word.startswith("--guidance.") for word in words):
        raise ValueError("--guidance was given with one scale and with a scale for each condition: give one of both.")


def _refuse_others(arguments: Sequence[str], parser: ArgumentParser, wishes: Wishes) -> None:
    """Says of an option that only another model has whose it is; the parser refuses those that none has."""
    given = {word[2:].partition("=")[0] for word in arguments if word.startswith("--")}
    strange = given - {option[2:] for action in parser._actions for option in action.option_strings}
    if strange:
        for name in sorted({wish.name for wish in known_wishes()} & strange):
            wishes.find(name, "--")
