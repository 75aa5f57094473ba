"""Writes rendered clips as a data set: sound files, their captions and facts, and whose sounds they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from lumina.audio.writing import write_sound
from lumina.files.atomic import clear_leftovers, replacing
from lumina.music.notes import Clip
from lumina.music.recipes import Recipe
from lumina.music.soundfonts import credits_of, digest
from lumina.music.synthesizer import Synthesizer, render
from lumina.values import Split

SETTINGS, MANIFEST, CREDITS = "synthesis.json", "metadata.jsonl", "CREDITS.txt"
Format = Literal["flac", "wav"]


@dataclass(frozen=True, slots=True)
class SoundFolder:
    """A folder of rendered clips; what an interrupted run has written is kept.

    Each split is a folder with a ``metadata.jsonl``, as `datamodules` and Hugging Face's tools read it.

    Args:
        path: the folder.
        recipe: what the clips are.
        counts: clips of each split.
        format: of the files.
        settings: of the recipe, as plain data.
    """

    path: Path
    recipe: Recipe
    counts: Mapping[Split, int]
    format: Format
    settings: Mapping[str, Any]

    def write(self, synth: Synthesizer) -> int:
        """Renders the clips that are not there yet, and returns their number.

        Raises:
            ValueError: an earlier run wrote the folder with other settings.
        """
        self._begin(synth)
        rendered = 0
        with tqdm(total=sum(self.counts.values()), desc="Rendering", unit=" clips", disable=None) as bar:
            for split, count in self.counts.items():
                rows = []
                for file, clip in self._clips(split, count):
                    if not file.exists():
                        write_sound(render(clip, synth), synth.rate, file)
                        rendered += 1
                    rows.append(record(clip, file.name, split))
                    bar.update()
                with replacing(self.path / split / MANIFEST) as partial:
                    partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        return rendered

    def _begin(self, synth: Synthesizer) -> None:
        settings = {
            **self.settings,
            "rate": synth.rate,
            "format": self.format,
            "counts": dict(self.counts),
            "soundfont": synth.soundfont.name,
            "soundfont_sha256": digest(synth.soundfont),
            "tinysoundfont": version("tinysoundfont"),
        }
        known = _settings(self.path)
        other = [] if known is None else [key for key in settings if known.get(key) != settings[key]]
        if other:
            changes = "; ".join(f"{key} {known and known.get(key)}, now {settings[key]}" for key in other)
            raise ValueError(f"{self.path} was rendered with {changes}: choose another folder, or these settings.")
        for split in self.counts:
            (self.path / split).mkdir(parents=True, exist_ok=True)
            clear_leftovers(self.path / split, f".{self.format}")
        with replacing(self.path / CREDITS) as partial:
            partial.write_text(_credits(synth.soundfont), "utf-8")
        with replacing(self.path / SETTINGS) as partial:
            partial.write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n", "utf-8")

    def _clips(self, split: Split, count: int) -> Iterator[tuple[Path, Clip]]:
        for index in range(count):
            yield self.path / split / f"{index:06d}.{self.format}", self.recipe.clip(split, index)


def record(clip: Clip, file: str, split: Split) -> dict[str, Any]:
    """What a manifest says of a clip."""
    return {
        "path": file,
        "caption": clip.caption,
        "structured": clip.structured,
        "label": clip.label,
        "seconds": clip.seconds,
        "split": split,
        **clip.facts,
    }


def _settings(folder: Path) -> dict[str, Any] | None:
    """What an earlier run of this command wrote into a folder; None = nothing."""
    file = folder / SETTINGS
    if not file.is_file():
        return None
    try:
        known: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} cannot be read ({error}); choose a new or empty folder.") from error
    return known


def _credits(soundfont: Path) -> str:
    return (
        f"{credits_of(soundfont)}\nThe notes are random, or those of the scores that the manifests name; whoever made "
        "a score has rights of their own in it.\n"
    )
