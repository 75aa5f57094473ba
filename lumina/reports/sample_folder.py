"""The folder of samples: a file each, their settings, a sheet of them and a page about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lumina
from lumina.data.batches import select
from lumina.data.census import counted
from lumina.generation.description import Description
from lumina.interfaces import Modality
from lumina.metrics.not_finite import NotFinite
from lumina.pictures.sheet import save_picture
from lumina.reports.page import Figure, write_page
from lumina.values import Batch, Shown, Wish

ON_SHEET = 64  # samples on the contact sheet
SETTINGS = "settings.json"


class SampleFolder:
    """Takes samples in as they come, so that an interrupted run keeps what it has drawn.

    Args:
        folder: where everything goes; it is made.
        modality: knows how a sample becomes a file, and how a page shows it.
        descriptions: one of each sample.
        settings: what all samples have in common, as plain data.
    """

    def __init__(
        self, folder: Path, modality: Modality, descriptions: Sequence[Description], settings: Mapping[str, Any]
    ) -> None:
        self.folder, self.modality, self.descriptions = folder, modality, descriptions
        self.settings = {"lumina": lumina.__version__, **settings}
        self.files: dict[int, Path] = {}
        self.sheet: dict[int, Any] = {}
        self.strange = NotFinite()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, places: Sequence[int], samples: Sequence[Any], batch: Batch | None = None) -> None:
        """Writes ``samples``, which stand at ``places`` among the requests; each file says how it was made if it can.

        Those that hold NaN or infinity are left out.

        Args:
            places: of the samples.
            samples: decoded ones.
            batch: what they were made for, as `Modality.save` takes it.
        """
        finite = self.strange.sift(samples, [f"{place:05d}" for place in places])
        places, samples = select(list(places), finite), select(list(samples), finite)
        if not places:
            return
        texts = [self._texts(self.descriptions[place]) for place in places]
        written = self.modality.save(samples, self.folder, places, texts, select(batch, finite))
        self.files |= zip(places, written, strict=True)
        self.sheet |= zip(places[: ON_SHEET - len(self.sheet)], samples, strict=False)

    def finish(self) -> Path:
        """Writes the sheet, the settings and the page; gives the page.

        Raises:
            ValueError: no sample is a number.
        """
        if not self.files:
            raise ValueError(self.strange.message("are not written"))
        places = sorted(self.sheet)
        captions = [", ".join(self.descriptions[place].words) for place in places]
        sheet = self.modality.picture([self.sheet[place] for place in places], captions if any(captions) else ())
        save_picture(sheet, self.folder / "grid.png")
        written = [(self.files[place], self.descriptions[place]) for place in sorted(self.files)]
        samples = [{"file": file.name, **description.record} for file, description in written]
        text = json.dumps({**self.settings, "samples": samples}, indent=2, ensure_ascii=False)
        (self.folder / SETTINGS).write_text(text + "\n", encoding="utf-8")
        exhibits = self._exhibits()
        figures = [Figure(shown=shown, words=[shown.note] if shown.note else []) for shown in exhibits.values()]
        figures += [self._figure(file, description, exhibits) for file, description in written]
        return write_page(self.folder, counted(len(written), "sample"), _line(self.settings), figures)

    def _exhibits(self) -> dict[str, Shown]:
        """What samples were made from, each once."""
        exhibits = [exhibit for description in self.descriptions for exhibit in description.exhibits]
        asked = {_key(wish, value): (wish, value) for wish, value in exhibits}
        return {key: wish.exhibit(value, self.folder) for key, (wish, value) in asked.items() if wish.exhibit}

    def _figure(self, file: Path, description: Description, exhibits: Mapping[str, Shown]) -> Figure:
        shown = self.modality.shown(file, ", ".join(description.words))
        seed = f"seed {description.record['seed']}" if "seed" in description.record else ""
        made_from = [exhibits[_key(wish, value)].note for wish, value in description.exhibits]
        facts = [fact for fact in (seed, shown.note, file.name, *made_from) if fact]
        return Figure(shown=shown, words=description.words, away=description.away, facts=facts)

    def _texts(self, description: Description) -> dict[str, str]:
        lines = ["\n".join(description.words), *(f"Negative prompt: {words}" for words in description.away)]
        lines.append(_line({**description.facts, **self.settings}))
        whole = {**self.settings, **description.record}
        caption = {"caption": ", ".join(description.words)} if description.words else {}
        return {"lumina": json.dumps(whole, ensure_ascii=False), "parameters": "\n".join(lines), **caption}


def drawn(folder: Path) -> set[str] | None:
    """Names of the samples that `SampleFolder` wrote here, not what they start from; None = it wrote nothing here."""
    try:
        return {sample["file"] for sample in json.loads((folder / SETTINGS).read_text(encoding="utf-8"))["samples"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _key(wish: Wish, value: Any) -> str:
    return repr((wish.name, value))


def _line(settings: Mapping[str, Any]) -> str:
    """In the form ``Seed: 3, Steps: 10``, without what is off."""
    told = {name: value for name, value in settings.items() if value is not None and value is not False}
    return ", ".join(f"{name[:1].upper()}{name[1:].replace('_', ' ')}: {value}" for name, value in told.items())
