"""Small folders and tar files of media, and how a source sees them."""

import io
import tarfile

from lumina.data.sources import Wanted, open_sources

WANTED = {"suffixes": (".png",), "media": ("image", "file_name")}
IN_TAR = Wanted(suffixes=(".jpg", ".png"), media=("image",))


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"of {name}")
    return root


def opened(path, **wanted):
    return open_sources([path], Wanted(**WANTED, **wanted))


def read(source):
    return {source.name(i): source.fields(i) for i in range(len(source))}


def write_tar(path, names, links=(), mode="w"):
    with tarfile.open(path, mode) as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode("utf-8", "surrogateescape")))
        for name, target, kind in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            tar.addfile(member)
    return path


def opened_tar(path, **wanted):
    return open_sources([path], Wanted(suffixes=IN_TAR.suffixes, media=IN_TAR.media, **wanted))
