"""An argument parser with one-line errors."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Collection
from typing import Any, NoReturn

from lightning.pytorch.cli import LightningArgumentParser

from lumina.config.messages import one_sentence


class ShortErrorParser(LightningArgumentParser):
    """Prints what is wrong and the nearest name, instead of forty lines of usage before it; takes no abbreviations."""

    def __init__(self, *arguments: Any, prog: str = "lumina", description: str = "", **options: Any) -> None:
        """As LightningArgumentParser."""
        super().__init__(*arguments, prog=prog, description=description, allow_abbrev=False, **options)

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:
        """Prints one sentence and exits with code 2."""
        if not self.exit_on_error:  # a parser inside another one: the outer one knows the path of the key
            super().error(message, ex)
        print(f"lumina: error: {one_sentence(message)}{self._suggestion(message)}", file=sys.stderr)
        raise SystemExit(2)

    def _suggestion(self, message: str) -> str:
        if "required: fit." in message:
            return ". They come with --config: a YAML file, or an experiment's name, quickstart/digits say."
        if valueless := re.match(r"argument (--[\w.]+).*: expected one argument$", message):
            return f". If its value begins with a minus, write {valueless[1]}=VALUE."
        unknown = re.search(r"(?:option|key|argument)s?:? ['\"]?(?:--)?([\w.]+)", message)
        if unknown is None:
            return ""
        close = difflib.get_close_matches(unknown[1].split("=")[0], list(_keys(self)), n=1, cutoff=0.75)
        return f" Did you mean {close[0]!r}?" if close and close[0] != unknown[1] else ""


def _keys(parser: Any) -> set[str]:
    found = {action.dest for action in parser._actions}
    for action in parser._actions:
        for child in (getattr(action, "_name_parser_map", None) or {}).values():
            found |= _keys(child)
    return found


def parse_function(
    function: Callable[..., Any], name: str, arguments: list[str], skip: Collection[str] = ()
) -> dict[str, Any]:
    """Parses the options of a command from a function's typed arguments; its docstring is the help.

    Args:
        function: the command.
        name: as the user types it.
        arguments: what the user typed.
        skip: arguments of the function that are not options.

    Returns:
        Keyword arguments for ``function``.
    """
    parser = ShortErrorParser(prog=name)
    parser.add_function_arguments(function, as_positional=False, skip=set(skip))
    return dict(vars(parser.instantiate(parser.parse_args(arguments))))
