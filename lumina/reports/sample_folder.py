"""The folder of samples: a file each, their settings, a sheet of them and a page about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lumina
from lumina.data.batches import select
from lumina.generation.requests import Request
from lumina.interfaces import Modality
from lumina.metrics.not_finite import NotFinite
from lumina.pictures.on_page import picture_on_page
from lumina.pictures.reading import load_image
from lumina.pictures.sheet import save_picture
from lumina.reports.page import Figure, write_page

ON_SHEET = 64  # samples on the contact sheet
START = 512  # pixels at most along the picture that samples start from, on the page


class SampleFolder:
    """Takes samples in as they come, so that an interrupted run keeps what it has drawn."""

    def __init__(
        self, folder: Path, modality: Modality, requests: Sequence[Request], settings: Mapping[str, Any]
    ) -> None:
        """Makes the folder.

        Args:
            folder: where everything goes.
            modality: knows how a sample becomes a file.
            requests: of all samples.
            settings: what all samples have in common, as plain data.
        """
        self.folder, self.modality = folder, modality
        self.settings = {"lumina": lumina.__version__, **settings}
        self.samples = [request.described() for request in requests]
        self.files: dict[int, Path] = {}
        self.sheet: dict[int, Any] = {}
        self.strange = NotFinite()
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, places: Sequence[int], samples: Sequence[Any]) -> None:
        """Writes ``samples``, which stand at ``places`` among the requests; each file says how it was made if it can.

        Those that hold NaN or infinity are left out.
        """
        finite = self.strange.sift(samples, [f"{place:05d}" for place in places])
        places, samples = select(list(places), finite), select(list(samples), finite)
        if not places:
            return
        written = self.modality.save(samples, self.folder, places, [self._texts(place) for place in places])
        self.files |= zip(places, written, strict=True)
        self.sheet |= zip(places[: ON_SHEET - len(self.sheet)], samples, strict=False)

    def finish(self) -> Path:
        """Writes the sheet, the settings and the page; gives the page.

        Raises:
            ValueError: no sample is a number.
        """
        if not self.files:
            raise ValueError(self.strange.told("are not written"))
        places = sorted(self.sheet)
        captions = [_words(self.samples[place]) for place in places]
        sheet = self.modality.picture([self.sheet[place] for place in places], captions if any(captions) else ())
        save_picture(sheet, self.folder / "grid.png")
        files = [self.files[place] for place in sorted(self.files)]
        told = [self.samples[place] for place in sorted(self.files)]
        samples = [{"file": file.name, **sample} for file, sample in zip(files, told, strict=True)]
        text = json.dumps({**self.settings, "samples": samples}, indent=2, ensure_ascii=False)
        (self.folder / "settings.json").write_text(text + "\n", encoding="utf-8")
        figures = [*self._start(), *map(self._figure, files, told)]
        title = f"{len(files)} sample{'s' if len(files) > 1 else ''}"
        return write_page(self.folder, title, _line(self.settings), figures)

    def _figure(self, file: Path, sample: Mapping[str, Any]) -> Figure:
        prompts = sample.get("prompt", [])
        words = [prompts] if isinstance(prompts, str) else list(prompts)
        words += [sample.get("class", f"label {sample['label']}")] if "label" in sample else []
        away = [sample["negative"]] if "negative" in sample else []
        shown = self.modality.shown(file, ", ".join(words))
        facts = [f"seed {sample['seed']}", shown.note, file.name]
        return Figure(shown=shown, words=words, away=away, facts=[fact for fact in facts if fact])

    def _start(self) -> list[Figure]:
        """The picture that the samples start from, as the page shows it."""
        if "image" not in self.settings:
            return []
        picture = load_image(Path(self.settings["image"]))
        picture.thumbnail((START, START))
        picture.save(self.folder / "start.png")
        words = "The picture that they start from"
        return [Figure(shown=picture_on_page(self.folder / "start.png", words), words=[words])]

    def _texts(self, place: int) -> dict[str, str]:
        sample = self.samples[place]
        prompt = sample.get("prompt", "")
        lines = [prompt if isinstance(prompt, str) else "\n".join(prompt)]
        lines += [f"Negative prompt: {sample['negative']}"] if "negative" in sample else []
        rest = {name: value for name, value in sample.items() if name in ("label", "class", "seed")}
        size = {"size (height x width)": sample["size"]} if "size" in sample else {}
        lines.append(_line({**rest, **size, **self.settings}))
        whole = {**self.settings, **sample}
        return {"lumina": json.dumps(whole, ensure_ascii=False), "parameters": "\n".join(lines)}


def _words(sample: Mapping[str, Any]) -> str:
    """What the sample shows: its prompt, or its class."""
    prompt = sample.get("prompt", "")
    told = [prompt if isinstance(prompt, str) else ", ".join(prompt), str(sample.get("class", sample.get("label", "")))]
    return ", ".join(part for part in told if part)


def _line(settings: Mapping[str, Any]) -> str:
    """In the form ``Seed: 3, Steps: 10``, without what is off."""
    told = {name: value for name, value in settings.items() if value is not None and value is not False}
    return ", ".join(f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in told.items())
