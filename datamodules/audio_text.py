"""Captioned sounds from folders, tables, tar shards, Parquet or litdata, of one length or of many."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Generator, Tensor

from lumina.audio.clips import Clips
from lumina.audio.lengths import Grid, grid_lengths, sound_lengths
from lumina.audio.loudness import Loudness, require_loudness
from lumina.audio.reading import FIELDS, SUFFIXES
from lumina.audio.survey import lines, survey
from lumina.audio.texts import PLAIN, STRUCTURED, Captions, Origin, census_of
from lumina.config.locate import locate
from lumina.data.arrays import stamp
from lumina.data.batches import stacked
from lumina.data.budget import Budget
from lumina.data.datamodule import SplitDataModule
from lumina.data.holdout import held_out, require_share
from lumina.data.mixture import rates_of, require_shares
from lumina.data.sources import Absent, Parts, Source, Wanted
from lumina.interfaces import Items
from lumina.values import Item, Split

IDS = ("audio_filepath", "audiocap_id", "youtube_id", "ytid", "fname")
"""Names of the sound field in the tables of AudioCaps, MusicCaps and others; an id stands for a file of that name."""


class AudioText(SplitDataModule):
    """Sounds with captions.

    The form of each source is found from what is there:

    * a folder of sounds, each beside a ``.txt`` or ``.caption`` of the same name, in sub-folders too; or without texts,
      see ``captions``;
    * a folder of sounds with a ``metadata.jsonl`` or ``metadata.csv``, as Hugging Face's audiofolder has it;
    * ``.csv``, ``.tsv``, ``.jsonl`` or ``.json``: records such as ``{"audio": "a.wav", "caption": "a dog barks"}``,
      AudioCaps (``audiocap_id``, else ``youtube_id``), MusicCaps (``ytid``), Make-An-Audio's tables;
    * WebDataset's ``.tar`` shards, a file, a folder or a pattern (``shards/{000..099}.tar``, ``shards/*.tar``);
    * ``.parquet``, a file, a folder or a pattern: a column of encoded bytes, of ``{"bytes", "path"}``, or of paths;
    * a folder that ``Dataset.save_to_disk`` of Hugging Face's datasets has written;
    * a folder that litdata has optimised.

    Folders and shards may be called by their splits (`lumina.data.splits`). Where there is no validation data, a part
    of the training data is held out; where there is no test data, that of validation is taken.

    A sound is brought to one of few lengths (`lumina.audio.lengths.grid_lengths`), by silence at its end. A longer one
    than ``seconds`` is cut: at a random place in training, after its first part in evaluation; nothing else of its file
    is read. A silent sound is kept; a warning says if more than one in a hundred of 200 random ones are silent.

    A caption may be a list, of which training draws one each epoch and evaluation takes the first. An empty caption is
    kept, as an example without a condition; a sound without a text file is left out; a record without a caption is
    corrupt.

    Fields: ``sound`` float32 in [-1, 1], ``[B, N]`` where all sounds have one length, else a list of ``[N]``;
    ``length`` ``[B]`` int64, samples before the silence; ``caption`` and ``name``, lists of str; and ``structured``,
    structured captions (`lumina.text.structured`), ``<caption& all>`` where there is none or an invalid one.

    Args:
        sources: files, patterns or folders.
        rate: samples a second, that of the modality's mel spectrogram.
        seconds: of the longest sound.
        window: seconds of every sound: all come in this length, as for training an autoencoder; None = in their own.
        fineness: steps from a length to twice that length; fewer make fewer buckets, and more silence.
        cell: samples of a token: hop times the factor of the autoencoder.
        batching: ``"mixed"`` = any lengths in a batch; ``"buckets"`` = one length in a batch, which is faster without
            variable-length attention and reads the header of every sound once, before the first step.
        max_tokens: tokens of a batch, of up to batch_size sounds of any lengths; it too reads every header. None = a
            batch has batch_size sounds.
        cost: what ``max_tokens`` counts: ``"sum"`` = the tokens of the sounds, which are packed; ``"padded"`` = those
            of the longest times their number.
        loudness: ``"none"`` = as it is; ``"peak"`` = the greatest sample is 1; or a number, LUFS.
        captions: ``"texts"`` = of records or text files; ``"names"`` = the names of the files ("ambi choir" for
            ambi_choir.wav); ``"folders"`` = the names of the folders that they lie in.
        sound_key: name of the sound's field, in a tar the ending of its file, or a template such as
            ``"{youtube_id}_{start_time}.wav"``; None = a usual one (audio, path, audiocap_id, ytid, ...).
        caption_keys: names of the captions' fields, together a pool; None = a usual one (caption, text, prompt, ...).
        structured_key: name of the structured caption's field; None = a usual one.
        absent: what becomes of records of a table whose file is not there: ``"corrupt"``, of which few are allowed, or
            ``"left_out"``, counted before training, as of clips that can no longer be downloaded.
        shares: of each source in a training epoch, up to a common factor. An epoch has all of the first source, and
            so many of each other one, in turn, as its share says, or all of them: ``[1, 1]`` is half and half. None =
            an epoch has everything.
        root: where relative paths in records begin; None = the folder of the file that has the records.
        eval_sources: what to evaluate with; None = the validation and test data in ``sources``.
        holdout: share of the training samples held out where there is no validation data; chosen by name, whatever the
            seed.
        cache: folder for the lengths of sounds and the index of shards, which take long; None = gather each time.
        loading: of `lumina.data.datamodule.SplitDataModule`.

    Raises:
        ValueError: an argument is out of its range.
    """

    batch_keys: tuple[str, ...] = ("sound", "length", "caption", "structured", "name")

    def __init__(
        self,
        sources: list[Path],
        rate: int = 16_000,
        seconds: float = 20.0,
        window: float | None = None,
        fineness: int = 8,
        cell: int = 512,
        batching: Literal["mixed", "buckets"] = "mixed",
        max_tokens: int | None = None,
        cost: Literal["sum", "padded"] = "sum",
        loudness: Loudness = "none",
        captions: Origin = "texts",
        sound_key: str | None = None,
        caption_keys: list[str] | None = None,
        structured_key: str | None = None,
        absent: Absent = "corrupt",
        shares: list[float] | None = None,
        root: Path | None = None,
        eval_sources: list[Path] | None = None,
        holdout: float = 0.05,
        cache: Path | None = Path("~/.cache/lumina"),
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.rate, self.cell = rate, cell
        self.batching, self.max_tokens, self.cost = batching, max_tokens, cost
        self.loudness, self.shares, self.holdout = loudness, shares, holdout
        self.captions = Captions(
            origin=captions, plain=tuple(caption_keys) if caption_keys else None, structured=structured_key
        )
        named = captions == "texts"
        self.wanted = Wanted(
            suffixes=SUFFIXES,
            media=(*FIELDS, *IDS),
            medium=sound_key,
            captions=self.captions.plain if named else None,
            usual=PLAIN if named else (),
            more=(*STRUCTURED, "caption") if structured_key is None else (structured_key,),
            absent=absent,
            root=root and locate(root),
            cache=cache and locate(cache),
        )
        self.parts = Parts(sources, eval_sources, self.wanted, self.left_out)
        lengths = grid_lengths(rate, seconds if window is None else window, fineness, cell)
        self.grid = Grid(lengths if window is None else lengths[-1:], cell)
        self._known_lengths: dict[Source, npt.NDArray[np.int64]] = {}
        require_share(holdout)
        require_loudness(loudness)
        if shares is not None:
            require_shares(shares, sources)

    @property
    def train_source(self) -> Source:
        """What is for training, with what is held out of it."""
        return self.parts.train

    @cached_property
    def held_out(self) -> npt.NDArray[np.bool_]:
        """``[N]``, the samples of ``train_source`` that training leaves out."""
        names = [self.train_source.name(index) for index in range(len(self.train_source))]
        return held_out(names, self.holdout if self.parts.evaluation("validation") is None else 0.0)

    def prepare_data(self) -> None:
        """Gathers what takes long, on one process, for all to find in the cache."""
        clips = self._training()
        self.dataset("validation")
        found = survey(clips, self.wanted.cache)
        if found.too_silent:
            example = self.train_source.where(int(found.records[found.silent][0]))
            warnings.warn(
                f"{int(found.silent.sum())} of {len(found.silent)} sounds looked at are silent, {example} among them: "
                "they are kept; remove them unless their captions say so.",
                stacklevel=2,
            )

    def dataset(self, split: Split) -> Items:
        """The samples of a split.

        Raises:
            ValueError: a source is not there, cannot be read, or has not the fields.
        """
        if split == "train":
            return self._training()
        source = self.parts.evaluation(split)
        if source is None:
            return self._clips(self.train_source, self.held_out)
        return self._clips(source, np.ones(len(source), bool))

    def _training(self) -> Clips:
        self.left_out["captions"] = census_of(self.captions, self.train_source, self.wanted.cache)
        return self._clips(self.train_source, ~self.held_out)

    def _clips(self, source: Source, chosen: npt.NDArray[np.bool_]) -> Clips:
        lengths = None if self.batching == "mixed" and self.max_tokens is None else self._lengths_of(source)
        indices = chosen.nonzero()[0]
        own = None if lengths is None else lengths[indices]
        return Clips(source, indices, self.captions, self.grid, self.rate, self.loudness, own)

    def _lengths_of(self, source: Source) -> npt.NDArray[np.int64]:
        if source not in self._known_lengths:
            self._known_lengths[source] = sound_lengths(source, self.rate, self.wanted.cache)
        return self._known_lengths[source]

    def buckets(self, dataset: Items) -> Tensor | None:
        """The length of each sample, where a batch has one length."""
        return self._numbers(dataset) if self.batching == "buckets" else None

    def bucket_name(self, bucket: int) -> str:
        """In seconds."""
        return f"{self.grid.lengths[bucket] / self.rate:.2f} s"

    def budget(self, dataset: Items) -> Budget | None:
        """Tokens of each sample, where a batch has a number of them."""
        numbers = self._numbers(dataset)
        if self.max_tokens is None or numbers is None:
            return None
        lengths = torch.tensor(self.grid.lengths)[numbers] // self.grid.cell
        return Budget(lengths=lengths, max_tokens=self.max_tokens, cost=self.cost)

    def about(self, dataset: Items) -> Iterator[str]:
        """Hours of sound, and the share of silent ones in a random part."""
        if isinstance(dataset, Clips):
            yield from lines(dataset, survey(dataset, self.wanted.cache))

    def rates(self, dataset: Items) -> Tensor | None:
        """By the shares of the sources."""
        if self.shares is None or not isinstance(dataset, Clips):
            return None
        return rates_of(torch.from_numpy(dataset.source.origins()[dataset.indices]), self.shares)

    def _numbers(self, dataset: Items) -> Tensor | None:
        lengths = dataset.lengths if isinstance(dataset, Clips) else None
        return None if lengths is None else torch.from_numpy(self.grid.of_all(lengths))

    def stamp(self, dataset: Items) -> str | None:
        """Of the sources' files, and of which of their records it is."""
        if not isinstance(dataset, Clips):
            return None
        return stamp(dataset.source.stamp, dataset.indices.tobytes())

    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """A part at a random place and one of the captions; without a generator the first ones."""
        clip = item["sound"]
        choice = _below(len(item["caption"]), generator)
        return {
            **item,
            "sound": clip.read(_below(clip.room + 1, generator)),
            "caption": item["caption"][choice],
            "structured": item["structured"][choice],
        }

    def collate(self, items: list[Item]) -> Item:
        """Stacks sounds of one length, lists others."""
        batch: Item = {name: [item[name] for item in items] for name in self.batch_keys}
        return {**batch, "sound": stacked(batch["sound"]), "length": torch.tensor(batch["length"])}


def _below(count: int, generator: Generator | None) -> int:
    """A random number below ``count``; 0 without a generator."""
    return 0 if generator is None else int(torch.randint(count, (), generator=generator))
