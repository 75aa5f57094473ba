"""What to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lumina.generation.conditions import check, check_canvas, classes
from lumina.generation.prompt_file import read_prompts
from lumina.generation.requests import Request, integers, number_of, numbered, parse_size
from lumina.module import LuminaModule

UNASKED = 16  # samples where neither prompt nor label says how many


@dataclass(frozen=True, kw_only=True)
class What:
    """What to draw.

    Args:
        prompt: one text or several.
        prompts: a file with a prompt a line (.txt); or with an object a line (.jsonl) or a list of them (.json):
            prompt, and if need be negative, seed, size, points.
        negative: what to stay away from; guidance leads from this to the prompt.
        label: classes to draw by name or number, one (cat) or several ([cat,dog]); None = all classes in turn.
        count: samples of each prompt or label; None = 1. Where neither is given: samples in all; None = 16.
        size: HEIGHTxWIDTH in pixels, 1024x4096 being a wide panorama; None = the trained size.
        points: of each cloud, where the model draws point clouds; None = as many as in training.
        compose: ROWSxCOLUMNS of regions on one picture, each with a prompt of its own, row by row.
        seed: of the first sample's noise; each next one's is one more, so that it can be drawn again alone.

    Raises:
        ValueError: for what cannot be understood.
    """

    prompt: list[str] | None = None
    prompts: Path | None = None
    negative: str = ""
    label: list[int | str] | str | int | None = None
    count: int | None = None
    size: tuple[int, int] | str | None = None
    points: int | None = None
    compose: tuple[int, int] | str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in (("count", self.count), ("points", self.points)):
            if value is not None and value < 1:
                raise ValueError(f"{name}={value} must be at least 1.")
        rows, columns = self.grid or (0, 0)
        if self.grid and (min(self.grid) < 1 or self.prompts or len(self.prompt or ()) != rows * columns):
            raise ValueError(
                f"compose={rows}x{columns} needs at least 1 row and 1 column, and --prompt {rows * columns} times, "
                f"once a region; got {len(self.prompt or ())}{' and a file' if self.prompts else ''}."
            )

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of regions."""
        if self.compose is None:
            return None
        rows, columns = integers(self.compose, 2, "compose", "ROWSxCOLUMNS, 2x2 say")
        return rows, columns

    def requests(self, module: LuminaModule) -> list[Request]:
        """One for each sample.

        Raises:
            ValueError: for what the model does not know, or lacks.
        """
        texts = self._texts()
        labels = self._labels()
        check(module, text=bool(texts), negative=bool(self.negative), label=bool(labels))
        asked = texts or [self._default()]
        check_canvas(module.modality, asked)
        names = classes(module)
        numbers = [number_of(label, names) for label in labels]
        if labels:
            asked = [_of_class(request, number, names) for request in asked for number in numbers]
        samples = numbered(asked, self.count or (1 if texts or labels else UNASKED), self.seed)
        if labels or not names:
            return samples
        return [_of_class(sample, place % len(names), names) for place, sample in enumerate(samples)]

    def _labels(self) -> list[int | str]:
        if self.label is None:
            return []
        return self.label if isinstance(self.label, list) else [self.label]

    def _texts(self) -> list[Request]:
        default = self._default()
        if self.grid:
            return [replace(default, prompts=tuple(self.prompt or ()))]
        literal = [replace(default, prompts=(text,)) for text in self.prompt or ()]
        return literal + (read_prompts(self.prompts, default) if self.prompts else [])

    def _default(self) -> Request:
        size = None if self.size is None else parse_size(self.size)
        return Request(negative=self.negative, size=size, points=self.points)


def _of_class(request: Request, number: int, names: Sequence[str]) -> Request:
    """With the name too, unless classes are but numbered."""
    counted = list(names) == [str(place) for place in range(len(names))]
    return replace(request, label=number, name=None if counted else names[number])
