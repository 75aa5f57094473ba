import zipfile

import pytest

from lumina.scenes.beside import InArchive, InFolder

FILES = ("Wood.JPG", "textures/Stone.png", "a b.png", "deep/er/x.png")


@pytest.fixture(params=["folder", "archive"])
def beside(request, tmp_path):
    folder = tmp_path / "mesh"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    (tmp_path / "secret.png").write_bytes(b"secret")
    if request.param == "folder":
        yield InFolder(folder)
        return
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name in FILES:
            archive.writestr(f"m/mesh/{name}", name)
        archive.writestr("m/secret.png", "secret")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        yield InArchive(archive, "m/mesh")


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("Wood.JPG", "Wood.JPG"),
        ("wood.jpg", "Wood.JPG"),
        ("./Wood.JPG", "Wood.JPG"),
        ("TEXTURES\\stone.PNG", "textures/Stone.png"),
        ("stone.png", "textures/Stone.png"),
        ("C:\\Users\\me\\Wood.jpg", "Wood.JPG"),
        ("/usr/share/Wood.JPG", "Wood.JPG"),
        ("../../Wood.JPG", "Wood.JPG"),
        ("a%20b.png", "a b.png"),
        ('"a b.png"', "a b.png"),
        ("deep/er/x.png", "deep/er/x.png"),
    ],
)
def test_files_are_found_as_they_are_meant(beside, named, found):
    assert beside.find(named) == found
    assert beside.read(found) == found.encode()


@pytest.mark.parametrize("named", ["../secret.png", "", ".", "..", "/", "https://host/Wood.JPG", "textures", "no.png"])
def test_nothing_else_is_found(beside, named):
    found = beside.find(named)
    assert found in (None, "textures")
    if found:
        with pytest.raises((OSError, ValueError)):
            beside.read(found)


def test_files_that_swell_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m/zeros.png", bytes(300 << 20))
    with zipfile.ZipFile(tmp_path / "bomb.zip") as archive, pytest.raises(ValueError, match="unpack"):
        InArchive(archive, "m").read("zeros.png")


def test_files_of_implausible_size_are_refused(tmp_path):
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ValueError, match="bytes"):
        InFolder(tmp_path).read("huge.png")
