import tarfile

import pytest
from tiny_sources import opened_tar as opened
from tiny_sources import write_tar as write

from lumina.data.census import LeftOut


def content(source):
    read = {}
    for index in range(len(source)):
        with source.open(index) as file:
            read[source.name(index).partition(":")[2]] = (file.read().decode(), source.fields(index).get("txt"))
    return read


def test_names_with_dots_are_found(tmp_path):
    stems = [f"a.b/img_{n}" if n % 2 else f"a.b/img.v1.{n:03d}" for n in range(24)]
    source = opened(write(tmp_path / "a.tar", [stem + end for stem in stems for end in (".JPG", ".txt")]))
    assert content(source) == {stem: (f"{stem}.JPG", f"{stem}.txt") for stem in stems}
    assert not source.census.left_out


def test_a_further_field_of_a_sample_is_no_sample(tmp_path):
    names = ["x/one.jpg", "x/one.txt", "x/one.mask.png", "x/two.jpg", "x/two.txt"]
    path = write(tmp_path / "a.tar", names)
    assert list(content(opened(path))) == ["x/one", "x/two"]
    source = opened(path, usual=())
    assert list(content(source)) == ["x/one", "x/two"]
    masks = opened(path, medium="mask.png")
    assert content(masks) == {"x/one": ("x/one.mask.png", "x/one.txt")}
    assert masks.census.left_out["samples without a medium"] == LeftOut(1, "a.tar:x/two")


def test_links_are_followed(tmp_path):
    hard, soft = tarfile.LNKTYPE, tarfile.SYMTYPE
    links = [
        ("d/2.jpg", "./d/1.jpg", hard),
        ("d/2.txt", "d/1.txt", hard),
        ("d/3.jpg", "1.jpg", soft),
        ("d/3.txt", "../d/1.txt", soft),
        ("d/4.jpg", "gone.jpg", soft),
    ]
    source = opened(write(tmp_path / "a.tar", ["./d/1.jpg", "d/1.txt"], links))
    assert content(source) == {f"d/{n}": ("./d/1.jpg", "d/1.txt") for n in (1, 2, 3)}
    assert source.census.left_out == {"broken links": LeftOut(1, "a.tar:d/4.jpg")}


def test_what_is_left_out_is_counted_with_an_example_also_from_the_cache(tmp_path):
    names = ["1.jpg", "1.txt", "2.jpg", "3.txt", "4.jpg", "4.txt", "4.txt", "notes.md", "5.gif", "5.txt", "README"]
    path = write(tmp_path / "a.tar", names, [("pipe", "", tarfile.FIFOTYPE)])
    for _ in range(2):
        source = opened(path, cache=tmp_path / "cache")
        assert list(content(source)) == ["1", "4"]
        assert source.census.left_out == {
            "members that are neither files nor links": LeftOut(1, "a.tar:pipe"),
            "members with a duplicate name": LeftOut(1, "a.tar:4.txt"),
            "samples without a text or .json": LeftOut(1, "a.tar:2"),
            "samples without a medium": LeftOut(2, "a.tar:3"),
            "files ending in .gif": LeftOut(1, "a.tar:5.gif"),
            "files ending in .md": LeftOut(1, "a.tar:notes.md"),
            "files without an ending": LeftOut(1, "a.tar:README"),
        }


@pytest.mark.parametrize("keep", [1536 + 200, 512, 2560 + 10])
def test_a_tar_cut_anywhere_is_refused(tmp_path, keep):
    path = write(tmp_path / "a.tar", ["1.jpg", "1.txt", "2.jpg", "2.txt"])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"a\.tar is not a complete uncompressed tar \("):
        opened(path)


def test_a_tar_without_its_end_mark_is_whole_and_one_with_more_behind_it_is_not(tmp_path):
    one, other = (write(tmp_path / name, [f"{name}.jpg", f"{name}.txt"]) for name in ("1.tar", "2.tar"))
    whole, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(whole[:2048])
    assert len(opened(one)) == 1
    one.write_bytes(whole + second)
    with pytest.raises(ValueError, match=r"more data follows its end at byte .* as in concatenated tars"):
        opened(one)


def test_names_in_other_bytes_are_read(tmp_path):
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    source = opened(write(tmp_path / "a.tar", [f"{name}.jpg", "1.txt", "1.jpg"]), usual=(), cache=tmp_path / "cache")
    assert source.name(0) == f"a.tar:{name}" and len(source) == 2
