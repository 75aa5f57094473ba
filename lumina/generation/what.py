"""What to draw."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lumina.config.numbers import integers
from lumina.generation.prompt_file import read_prompts
from lumina.generation.requests import Regions, Request, completed, numbered
from lumina.generation.wishes import Wishes
from lumina.module import LuminaModule

UNASKED = 16  # samples where no condition says how many


class What:
    """What to draw.

    Args:
        prompts: a file with a prompt a line (.txt); or with an object a line (.jsonl) or a list of them (.json): any of
            the model's options here by their names, and if need be seed.
        count: samples of each prompt or label; None = 1. Where neither is given: samples in all; None = 16.
        compose: ROWSxCOLUMNS of regions on one picture, each with a prompt of its own, row by row.
        seed: of the first sample's noise; each next one's is one more, so that it can be drawn again alone.
        **wishes: of the model, by their names: ``prompt="a cat"``, ``size=(64, 64)``; several values as a list.

    Raises:
        ValueError: for what cannot be understood.
    """

    def __init__(
        self,
        prompts: Path | None = None,
        count: int | None = None,
        compose: tuple[int, int] | str | None = None,
        seed: int = 0,
        **wishes: Any,
    ) -> None:
        if count is not None and count < 1:
            raise ValueError(f"count={count} must be at least 1.")
        self.prompts, self.count, self.seed = prompts, count, seed
        self.wishes = {name: value for name, value in wishes.items() if value is not None}
        self.grid = None if compose is None else _grid(compose)

    def read(self, wishes: Wishes) -> list[Request]:
        """What is asked for, as far as that is known without the model itself.

        Raises:
            ValueError: for what such a model cannot be asked for.
        """
        single, several = Request(), dict[str, list[Any]]()
        for name, given in self.wishes.items():
            if wishes.find(name, "--").several:
                values = given if isinstance(given, (list, tuple)) else [given]
                several[name] = [wishes.read(name, value) for value in values]
            else:
                single = single.also(name, wishes.read(name, given))
        asked = self._lines(wishes, single, several)
        for name in wishes.all:
            values = several.pop(name, [])
            asked = [each for request in asked for each in _with_each(request, name, values)]
        for request in asked:
            wishes.modality.check_request(request.only(wishes.canvas))
        return asked

    def requests(self, module: LuminaModule) -> list[Request]:
        """One for each sample.

        Raises:
            ValueError: for what the model does not know, or lacks.
        """
        wishes = Wishes.of(module)
        asked = self.read(wishes)
        conditioned = any(request.only(wishes.conditions) for request in asked)
        return completed(module, numbered(asked, self.count or (1 if conditioned else UNASKED), self.seed))

    def _lines(self, wishes: Wishes, single: Request, several: dict[str, list[Any]]) -> list[Request]:
        """A request for each prompt, given or from the file; or one for all regions."""
        if self.grid is not None:
            return [self._regions(wishes, single, several)]
        line = wishes.line
        texts = [] if line is None else [single.also(line.name, value) for value in several.pop(line.name, [])]
        return texts + (read_prompts(self.prompts, wishes, single) if self.prompts else []) or [single]

    def _regions(self, wishes: Wishes, single: Request, several: dict[str, list[Any]]) -> Request:
        rows, columns = self.grid or (0, 0)
        name = next((name for name in wishes.regions if name in several), None)
        texts = several.pop(name) if name else []
        if min(rows, columns) < 1 or self.prompts or not name or len(texts) != rows * columns:
            options = " or ".join(f"--{name}" for name in wishes.regions) or "a prompt"
            raise ValueError(
                f"compose={rows}x{columns} needs at least 1 row and 1 column, and {options} {rows * columns} times, "
                f"once a region; got {len(texts)}{' and a file' if self.prompts else ''}."
            )
        return single.also(name, Regions(tuple(texts)))


def _grid(compose: Sequence[int] | str) -> tuple[int, int]:
    """Rows and columns of regions."""
    rows, columns = integers(compose, 2, "compose", "ROWSxCOLUMNS, 2x2 say")
    return rows, columns


def _with_each(request: Request, name: str, values: Sequence[Any]) -> list[Request]:
    """The request with each of the values, unless it has one already."""
    return [request] if not values or name in request.asked else [request.also(name, value) for value in values]
