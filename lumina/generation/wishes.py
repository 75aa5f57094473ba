"""What users may ask of a model, by name: the wishes of its modality and of its conditioners."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from jsonargparse import ArgumentError

from lumina.config.messages import one_sentence
from lumina.config.own_classes import import_own_classes
from lumina.config.parser import ShortErrorParser
from lumina.interfaces import Conditioner, Modality
from lumina.module import LuminaModule
from lumina.values import Wish


class Wishes:
    """The wishes of one model.

    Attributes:
        modality: class of the model's modality.
        canvas: its wishes, by name.
        conditions: those of the conditioners, and those that serve in their place.
        avoided: what samples can be led away from.
        regions: names of the conditions that regions of a sample may have values of their own of.

    Args:
        modality: class of the model's modality.
        conditioners: classes of its conditioners; those that share a wish get the same value.
    """

    def __init__(self, modality: type[Modality], conditioners: Sequence[type[Conditioner]]) -> None:
        self.modality = modality
        self.canvas = _by_name(modality.wishes)
        self.conditions = _by_name(wish for kind in conditioners for wish in (kind.wish, *kind.stand_ins))
        self.avoided = _by_name(kind.avoid for kind in conditioners)
        texts = [kind for kind in conditioners if kind.route == "cross"]
        self.regions = list(_by_name(wish for kind in texts for wish in (kind.wish, *kind.stand_ins)))
        self._serving = _by_name(wish for kind in conditioners for wish in kind.stand_ins)

    @classmethod
    def of(cls, module: LuminaModule) -> Wishes:
        """Those of a model."""
        return cls(type(module.modality), [type(conditioner) for conditioner in module.conditioners])

    @property
    def all(self) -> dict[str, Wish]:
        """By name, in the order in which files tell them."""
        return self.conditions | self.avoided | self.canvas

    @property
    def line(self) -> Wish | None:
        """What a line of a text file is taken for: the first condition, a text if there is one.

        One that serves in place of others goes before those that do not.
        """
        wishes = self.conditions.values()
        return min(wishes, key=lambda wish: (wish.type is not str, wish.name not in self._serving), default=None)

    def find(self, name: str, option: str = "") -> Wish:
        """The wish of a name.

        Args:
            name: that of the option or field.
            option: what stands before it in messages.

        Raises:
            ValueError: this model has none of that name; the message says which one has, or which is meant.
        """
        if name in self.all:
            return self.all[name]
        owners = ", ".join(kind.__name__ for kind in _owners(name))
        close = difflib.get_close_matches(name, self.all, n=1)
        hint = f"it is for {owners}" if owners else f"did you mean {close[0]!r}?" if close else "leave it out"
        raise ValueError(
            f"{option}{name} was given, but this model is of {self.modality.__name__} and takes "
            f"{', '.join(self.all) or 'nothing'}: {hint}"
        )

    def read(self, name: str, value: Any) -> Any:
        """What a value that users gave asks for.

        Raises:
            ValueError: it is of another type, refused, or text that no file can hold.
        """
        wish = self.find(name)
        typed = _typed(wish, value)
        if isinstance(typed, str):
            try:
                typed.encode()
            except UnicodeEncodeError as error:
                raise ValueError(f"the text {typed!r} is not Unicode ({error.reason}); give it in UTF-8.") from error
        return wish.parse(typed)


def known_wishes() -> list[Wish]:
    """Those of all modalities and conditioners that are known, each name once."""
    return list(_by_name(wish for _, wish in _known()).values())


def _known() -> Iterator[tuple[type, Wish]]:
    import_own_classes()
    for modality in _subclasses(Modality):
        yield from ((modality, wish) for wish in modality.wishes)
    for conditioner in _subclasses(Conditioner):
        yield from ((conditioner, wish) for wish in (conditioner.wish, conditioner.avoid) if wish is not None)


def _owners(name: str) -> list[type]:
    return list(dict.fromkeys(kind for kind, wish in _known() if wish.name == name))


def _subclasses(kind: type[Any]) -> Iterator[type[Any]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _by_name(wishes: Iterable[Wish | None]) -> dict[str, Wish]:
    return {wish.name: wish for wish in wishes if wish is not None}


@cache
def _parser(wish: Wish) -> ShortErrorParser:
    parser = ShortErrorParser(exit_on_error=False)
    parser.add_argument(f"--{wish.name}", type=wish.type)
    return parser


def _typed(wish: Wish, value: Any) -> Any:
    if wish.type is str:
        if not isinstance(value, str):
            raise ValueError(f"{wish.name} must be a text, got {value!r}.")
        return value
    try:
        return _parser(wish).parse_object({wish.name: value})[wish.name]
    except ArgumentError as error:
        raise ValueError(one_sentence(str(error))) from error
