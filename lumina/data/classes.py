"""Classes go by name: the numbers of the data's classes are brought to those of the model."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any


def numbers_among(own: Sequence[str], names: Sequence[str]) -> list[int]:
    """The number that a model gives to each of the data's classes.

    Args:
        own: names of the data's classes in the order of their numbers.
        names: of the model's classes in the order of theirs.

    Raises:
        ValueError: a class of the data is none of the model's, or a name stands twice.
    """
    if len(set(names)) < len(names):
        raise ValueError(f"the model's classes are {some(names)}: a name stands twice; give each class its own.")
    if _only_numbers(own, names):
        return list(range(len(own)))
    unknown = [name for name in own if name not in names]
    if unknown:
        raise ValueError(
            f"the data has classes that the model does not know: {some(unknown)}. The data has {some(own)}; the model "
            f"has {some(names)}. Remove the unknown ones from the data, or start a new run with the checkpoint as "
            "model.weights: it begins the new classes anew."
        )
    missing = [name for name in names if name not in own]
    if missing:
        warnings.warn(f"the data has no samples of {some(missing)}, which the model knows.", stacklevel=3)
    return [names.index(name) for name in own]


def learn_classes(data: Any, classes: Sequence[str] | None, count: int | None, owner: str) -> list[str] | None:
    """The names of a model's classes in the order of their numbers; the data goes by these numbers from then on.

    Args:
        data: the datamodule.
        classes: names that the model has already; None = it takes those of the data.
        count: classes that the model is built for; None = as many as the data has.
        owner: whose count it is, for messages.

    Returns:
        The names, or None where neither the model nor the data has any.

    Raises:
        ValueError: the data has other classes than the model, or another number of them.
    """
    names = list(getattr(data, "class_names", ())) if classes is None else list(classes)
    if count is not None and names and count != len(names):
        where = "the data has" if classes is None else "its classes are"
        raise ValueError(
            f"{owner} has num_classes={count}, but {where} {len(names)}: {some(names)}. Leave num_classes out: it is "
            "measured."
        )
    if names:
        data.number_by(names)
    return names or None


def warn_of_one(names: Sequence[str], where: object) -> None:
    """Says that there is but one class, which a folder around the classes may be, and not what was meant."""
    if len(names) == 1 and names[0]:
        warnings.warn(f"all samples in {where} are of one class, {names[0]!r}.", stacklevel=3)


def some(names: Sequence[object], most: int = 12) -> str:
    """The first names, and how many more there are."""
    return ", ".join(str(name) for name in names[:most]) + (f" and {len(names) - most} more" if names[most:] else "")


def _only_numbers(own: Sequence[str], names: Sequence[str]) -> bool:
    """Whether the data merely numbers its classes, which the model may then call what it likes."""
    counted = list(own) == [str(number) for number in range(len(own))]
    return counted and len(own) <= len(names) and not any(name.isdecimal() for name in names)
