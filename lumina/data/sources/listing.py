"""Lists the files below a folder and follows links safely."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from lumina.data.census import Census

NOWHERE = "broken links"
AGAIN = "links to files or folders already listed"
SPECIAL = "entries that are neither files nor folders"
CLOSED = "folders that cannot be read"

Identity = tuple[int, int]
"""Device and inode of a folder."""


def files_below(folder: Path, census: Census | None = None, once: tuple[str, ...] = ()) -> list[str]:
    """All files below a folder, sorted and relative to it, without hidden ones.

    Links are followed. No folder is read twice, so circular links are harmless, and links to parent folders are
    skipped.

    Args:
        folder: the folder.
        census: counts what is left out; None = not counted.
        once: suffixes in lower case; a link to such a file is skipped if the file itself is listed.
    """
    listing = _Listing(folder, Census() if census is None else census)
    listing.read("")
    while listing.links:
        listing.follow(sorted(listing.links))
    return listing.all(once)


class _Listing:
    def __init__(self, folder: Path, census: Census) -> None:
        self.folder, self.census = folder, census
        self.files: list[str] = []
        self.links: list[str] = []
        self.linked: list[str] = []
        self.read_folders = {_identity(os.stat(around)) for around in folder.resolve().parents if around.exists()}

    def read(self, start: str) -> None:
        """Lists a folder recursively; links are collected for `follow`."""
        waiting = [start]
        while waiting:
            below = waiting.pop()
            try:
                identity = _identity(os.stat(self.folder / below))
                entries = list(_visible(self.folder / below))
            except OSError:
                self.census.leave_out(CLOSED, [below])
                continue
            if identity in self.read_folders:
                self.census.leave_out(AGAIN, [below])
                continue
            self.read_folders.add(identity)
            for entry in entries:
                name = os.path.join(below, entry.name)
                if entry.is_symlink():
                    self.links.append(name)
                elif entry.is_dir():
                    waiting.append(name)
                elif entry.is_file():
                    self.files.append(name)
                else:
                    self.census.leave_out(SPECIAL, [name])

    def follow(self, links: list[str]) -> None:
        """Lists the targets of links."""
        self.links = []
        for link in links:
            try:
                facts = os.stat(self.folder / link)
            except OSError:
                self.census.leave_out(NOWHERE, [link])
                continue
            if stat.S_ISREG(facts.st_mode):
                self.linked.append(link)
            elif stat.S_ISDIR(facts.st_mode):
                self.read(link)
            else:
                self.census.leave_out(SPECIAL, [link])

    def all(self, once: tuple[str, ...]) -> list[str]:
        """All files, without links to listed files with the suffixes ``once``."""
        root, again = self.folder.resolve(), []
        if linked := {link for link in self.linked if link.lower().endswith(once)} if once else set():
            themselves = {str(root / file) for file in self.files}
            again = sorted(link for link in linked if os.path.realpath(self.folder / link) in themselves)
        self.census.leave_out(AGAIN, again)
        return sorted([*self.files, *(set(self.linked) - set(again))])


def _visible(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from (entry for entry in entries if not entry.name.startswith("."))


def _identity(facts: os.stat_result) -> Identity:
    return facts.st_dev, facts.st_ino
