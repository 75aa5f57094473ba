"""One sample that is asked for, and how its size and its seed are told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from lumina.data.classes import some

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One sample.

    Attributes:
        prompts: the text; several are told of the regions of a grid, none where the model knows no text.
        negative: text to stay away from.
        label: number of the class, where the model knows classes.
        name: of the class.
        size: None = the trained size.
        points: of a cloud; None = as many as in training.
        seed: of the noise; None until `numbered` has chosen it.
    """

    prompts: tuple[str, ...] = ()
    negative: str = ""
    label: int | None = None
    name: str | None = None
    size: Size | None = None
    points: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Refuses texts that no file can hold.

        Raises:
            ValueError: for invalid Unicode (lone surrogates), as a wrong encoding on the command line makes it.
        """
        for text in (*self.prompts, self.negative):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ValueError(f"the text {text!r} is not Unicode ({error.reason}); give it in UTF-8.") from error

    @property
    def canvas(self) -> dict[str, Any]:
        """What `Modality.layout` is asked for."""
        return {name: value for name, value in (("size", self.size), ("points", self.points)) if value is not None}

    def described(self) -> dict[str, Any]:
        """What was asked for, as plain data for files."""
        prompt = self.prompts[0] if len(self.prompts) == 1 else list(self.prompts)
        size = None if self.size is None else f"{self.size[0]}x{self.size[1]}"
        told = {"prompt": prompt, "negative": self.negative, "label": self.label, "class": self.name}
        whole = {**told, "size": size, "points": self.points, "seed": self.seed}
        return {name: value for name, value in whole.items() if value not in (None, "", [])}


def numbered(asked: Sequence[Request], count: int, seed: int) -> list[Request]:
    """``count`` samples of each request, each with a seed of its own, by which it can be drawn again alone.

    The seeds count up from ``seed``, or from that of the request where it has one.

    Raises:
        ValueError: for a negative seed.
    """
    samples: list[Request] = []
    for request in asked:
        for number in range(count):
            own = seed + len(samples) if request.seed is None else request.seed + number
            if own < 0:
                raise ValueError(f"seed={own} must not be negative.")
            samples.append(replace(request, seed=own))
    return samples


def number_of(label: int | str, classes: Sequence[str]) -> int:
    """The number of a class by its name, or, where no class is named by a number, by the number itself.

    Args:
        label: as the user gave it.
        classes: names in the order of their numbers.

    Raises:
        ValueError: there is no such class; the message lists those that there are.
    """
    asked = str(label).strip()
    if asked in classes:
        return classes.index(asked)
    numbered = asked.isdecimal() and not any(name.isdecimal() for name in classes)
    if numbered and int(asked) < len(classes):
        return int(asked)
    close = difflib.get_close_matches(asked, classes, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"label={asked}: the model knows no such class.{hint} It knows {some(classes)}.")


def parse_size(size: Sequence[int] | str) -> Size:
    """``HEIGHTxWIDTH`` or ``[HEIGHT, WIDTH]`` in pixels.

    Raises:
        ValueError: for anything else, and for more pixels than a picture file may have when it is read.
    """
    height, width = integers(size, 2, "size", "HEIGHTxWIDTH in pixels, 1024x4096 say")
    if height * width > (Image.MAX_IMAGE_PIXELS or float("inf")):
        raise ValueError(f"size {height}x{width} has more than {Image.MAX_IMAGE_PIXELS} pixels; ask for fewer.")
    return height, width


def integers(value: Sequence[int] | str, count: int, name: str, form: str) -> tuple[int, ...]:
    """``count`` whole numbers from 0 on out of a list, or out of a text that has ``x`` or ``,`` between them.

    Raises:
        ValueError: saying which ``form`` the option ``name`` has.
    """
    parts = re.split(r"\s*[x×,]\s*", str(value).strip(" []()").lower())
    if len(parts) != count or not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts):
        raise ValueError(f"{name}={value!r} is not understood; it has the form {form}.")
    return tuple(int(part) for part in parts)
