"""Maps the class numbers of the data to those of the model by class name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any


def numbers_among(own: Sequence[str], names: Sequence[str]) -> list[int]:
    """The model's number for each class of the data.

    Args:
        own: names of the data's classes, in the order of their numbers.
        names: names of the model's classes, in the order of their numbers.

    Raises:
        ValueError: the model lacks a class of the data, or a name is duplicated.
    """
    if len(set(names)) < len(names):
        raise ValueError(
            f"the model's classes are {abbreviate(names)}: a name occurs twice; give each class a unique name."
        )
    if _only_numbers(own, names):
        return list(range(len(own)))
    unknown = [name for name in own if name not in names]
    if unknown:
        raise ValueError(
            f"the data has classes that the model does not know: {abbreviate(unknown)}. The data has "
            f"{abbreviate(own)}; the model has {abbreviate(names)}. Remove the unknown ones from the data, or start a "
            "new run with the checkpoint as model.weights, which initialises the new classes randomly."
        )
    missing = [name for name in names if name not in own]
    if missing:
        warnings.warn(f"the data has no samples of {abbreviate(missing)}, which the model knows.", stacklevel=3)
    return [names.index(name) for name in own]


def learn_classes(data: Any, classes: Sequence[str] | None, count: int | None, owner: str) -> list[str] | None:
    """The names of a model's classes, in the order of their numbers; the data uses these numbers from then on.

    Args:
        data: the datamodule.
        classes: class names of the model; None = use those of the data.
        count: number of classes of the model; None = as many as the data has.
        owner: name of the part that has the count, for messages.

    Returns:
        The names, or None if neither the model nor the data has any.

    Raises:
        ValueError: the classes of the data, or their number, do not match the model.
    """
    names = list(getattr(data, "class_names", ())) if classes is None else list(classes)
    if count is not None and names and count != len(names):
        where = "the data has" if classes is None else "its classes are"
        raise ValueError(
            f"{owner} has num_classes={count}, but {where} {len(names)}: {abbreviate(names)}. Omit num_classes: it "
            "is taken from the data."
        )
    if names:
        data.number_by(names)
    return names or None


def warn_of_one(names: Sequence[str], where: object) -> None:
    """Warns if there is only one class, which may be a parent folder of the intended classes."""
    if len(names) == 1 and names[0]:
        warnings.warn(f"all samples in {where} are of one class, {names[0]!r}.", stacklevel=3)


def abbreviate(names: Sequence[object], most: int = 12) -> str:
    """The first names, and the number of the others."""
    return ", ".join(str(name) for name in names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def _only_numbers(own: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the data's classes are plain numbers, which match any named classes of the model."""
    counted = list(own) == [str(number) for number in range(len(own))]
    return counted and len(own) <= len(names) and not any(name.isdecimal() for name in names)
