"""``lumina caption``: structured captions of a table's plain ones, written by a language model."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from lumina.config.device import choose_device
from lumina.config.parser import parse_function
from lumina.data.text_table import TextTable
from lumina.files.atomic import replacing
from lumina.frozen.chat import Chat
from lumina.frozen.text_encoders import Precision
from lumina.text.structured import whole
from lumina.text.writer import checked, messages

SHOWN = 3
"""Answers that were not taken, of which the report shows this many."""


def main(arguments: list[str]) -> None:
    """Parses the options and writes the table."""
    caption(**parse_function(caption, "lumina caption", arguments))


def caption(
    table: Path,
    output: Path,
    model: str,
    column: str = "caption",
    batch_size: int = 16,
    max_tokens: int = 256,
    dtype: Precision = "bfloat16",
    device: str = "auto",
) -> None:
    """Adds the column ``structured``: which sounds a caption names and when they are heard, by a language model.

    Where its answer is not of the grammar, or of other sounds than the caption, ``<caption& all>`` is written; the
    report counts such rows. A command that was stopped goes on where it was when it is given again.

    Args:
        table: a .csv, .tsv, .jsonl, .json or .parquet file.
        output: the file to write, of the same form; its other columns are those of the table.
        model: a folder or an id on the Hugging Face hub, of a language model with a chat template.
        column: that holds the captions.
        batch_size: captions that are asked about at once.
        max_tokens: of an answer.
        dtype: precision of the model.
        device: auto (a GPU if there is one), cpu, cuda, cuda:1, ...

    Raises:
        ValueError: the output exists or is of another form, or a number is below 1.
    """
    if min(batch_size, max_tokens) < 1:
        raise ValueError(f"batch_size={batch_size} and max_tokens={max_tokens} must be at least 1.")
    if output.suffix.lower() != table.suffix.lower():
        raise ValueError(f"the output {output} must end in {table.suffix}, like the table {table}.")
    if output.exists():
        raise ValueError(f"{output} exists; remove it, or choose another --output.")
    rows = TextTable(table)
    captions = rows.texts(column)
    settings = {"model": model, "max_tokens": max_tokens, "dtype": dtype, "prompt": _prompt()}
    answers = Answers(output.with_name(f".{output.name}.answers"), settings)
    missing = [text for text in dict.fromkeys(captions) if text.strip() and text not in answers.found]
    if missing:
        chat = Chat(model, choose_device(device), getattr(torch, dtype), max_tokens)
        for batch in tqdm(_parts(missing, batch_size), desc="captions", total=-(-len(missing) // batch_size)):
            answers.add(dict(zip(batch, chat.answers([messages(text) for text in batch]), strict=True)))
    judged = {text: _judged(answers.found.get(text, ""), text) for text in dict.fromkeys(captions)}
    rows.write(output, "structured", [judged[text][0] for text in captions])
    answers.remove()
    _report(output, captions, judged, answers.found)


def _prompt() -> str:
    """A name of what the model is asked, which changes with it."""
    return hashlib.sha256(json.dumps(messages("")).encode()).hexdigest()[:16]


class Answers:
    """Answers by caption, in a file that grows with each batch.

    Args:
        path: of the file, perhaps of a command that was stopped.
        settings: what decides the answers.

    Raises:
        ValueError: the file was begun with other settings.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings, self.found = path, settings, dict[str, str]()
        # what follows the last end of a line was cut off when its writer ended
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        if lines and json.loads(lines[0]) != settings:
            raise ValueError(f"{path} was begun with other settings, {lines[0]}: remove it, or give those again.")
        for line in lines[1:]:
            self.found.update(json.loads(line))
        if self.found:
            self._begin()

    def add(self, answers: dict[str, str]) -> None:
        """Adds answers; they are on the disk when this returns."""
        if not self.found:
            self._begin()
        self.found |= answers
        _append(self.path, [{text: answer} for text, answer in answers.items()])

    def remove(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        with replacing(self.path) as new:
            _append(new, [self.settings, *({text: answer} for text, answer in self.found.items())])


def _append(path: Path, records: Sequence[dict[str, Any]]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)
        file.flush()
        os.fsync(file.fileno())


def _parts(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    yield from (texts[first : first + size] for first in range(0, len(texts), size))


def _judged(answer: str, text: str) -> tuple[str, str]:
    """The structured caption to write, and why it is not the model's; "" = it is."""
    if not text.strip():
        return "", "empty"
    try:
        return checked(answer, text), ""
    except ValueError as error:
        return whole(text), str(error)


def _report(output: Path, captions: Sequence[str], judged: dict[str, tuple[str, str]], answers: dict[str, str]) -> None:
    counts = Counter("empty" if judged[text][1] == "empty" else bool(judged[text][1]) for text in captions)
    print(f"{len(captions):,} rows in {output}: {counts[False]:,} structured by the model")
    print(f"  {counts[True]:>12,}  '<caption& all>', as the answer was not taken")
    print(f"  {counts['empty']:>12,}  without a caption")
    refused = [(text, why) for text, (_, why) in judged.items() if why and why != "empty"]
    for text, why in refused[:SHOWN]:
        print(f"  e.g. {text[:60]!r}: {answers[text][:80]!r}: {why}")
