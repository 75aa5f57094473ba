import contextlib
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_shapes import write_box

from lumina.cli import main
from lumina.commands.render import Order, choose
from lumina.data.census import Census
from lumina.files.atomic import one_at_a_time
from lumina.scenes.layouts import find_view_sets, read_views
from lumina.scenes.sources import find_sources

pytest.importorskip("open3d")
TINY = ["--groups=2", "--views=2", "--size=16", "--rays=1"]


def line(folder, output, *options):
    return ["render", str(folder), str(output), *TINY, *map(str, options)]


def render(folder, output, *options):
    """In this process, which starts faster than others."""
    main(line(folder, output, "--workers=0", *options))


def digests(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [(str(file.relative_to(folder)), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files]


@pytest.fixture
def meshes(tmp_path):
    for number, name in enumerate(("oak_chair", "b/lamp", "b/table", "bed")):
        write_box(tmp_path / f"in/{name}.obj", (1, 2, 1 + number))
    return tmp_path / "in"


def test_any_number_of_processes_writes_the_same_bytes(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "one")
    out = capsys.readouterr().out
    assert "4 objects, 6 pictures of each; 4 captions, 'lamp' say\n" in out
    assert "one: 4 of 4 objects, 4 rendered now. " in out and "a second" in out
    main(line(meshes, tmp_path / "two", "--workers=2"))
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(find_view_sets(tmp_path / "one")) == 4
    render(meshes, tmp_path / "other", "--seed=1")
    assert {digest for _, digest in digests(tmp_path / "other")}.isdisjoint(d for _, d in digests(tmp_path / "one"))


def test_a_complete_folder_is_left_alone(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    before = [file.stat().st_mtime_ns for file in sorted((tmp_path / "out/bed").iterdir())]
    write_box(meshes / "new.obj")
    render(meshes, tmp_path / "out")
    assert "5 of 5 objects, 1 rendered now." in capsys.readouterr().out
    assert before == [file.stat().st_mtime_ns for file in sorted((tmp_path / "out/bed").iterdir())]


def test_another_mesh_of_a_name_is_told(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    before = digests(tmp_path / "out")
    write_box(meshes / "bed.obj", (5, 2, 1))
    with pytest.raises(SystemExit):
        render(meshes, tmp_path / "out")
    out = capsys.readouterr().out
    assert "skipped bed: " in out and "out/bed shows another mesh of that name: remove it" in out
    assert "3 of 4 objects, 0 rendered now; 1 could not be rendered." in out
    assert digests(tmp_path / "out") == before


def test_objects_of_no_mesh_are_told(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    render(meshes, tmp_path / "out", "--only=b/*", "--count=1")  # the others are of this folder too
    assert "of none of these meshes" not in capsys.readouterr().out
    write_box(meshes / "bed/parts/leg.obj")  # from now on bed.obj is called so
    with pytest.raises(SystemExit) as ended:
        render(meshes, tmp_path / "out", "--only=b*")
    out = capsys.readouterr().out
    assert ended.value.code == 1 and "1 object in " in out
    assert "out is of none of these meshes, for example bed: remove such folders, or choose another" in out
    assert "3 of 4 objects, 1 rendered now; 1 could not be rendered; 1 there of none of these meshes." in out


def test_what_an_unreadable_catalogue_holds_is_not_called_of_no_mesh(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    (meshes / "bed.obj").unlink()
    (meshes / "more.sh3f").write_text("damaged")
    render(meshes, tmp_path / "out")
    out = capsys.readouterr().out
    assert "catalogues that cannot be read: 1" in out and "of none of these meshes" not in out


def test_a_folder_has_one_name_wherever_it_is_called_from(tmp_path, meshes, capsys, monkeypatch):
    monkeypatch.chdir(meshes)
    render(".", tmp_path / "out")
    render(meshes, tmp_path / "out")
    render("b/..", tmp_path / "out")
    assert capsys.readouterr().out.count("4 of 4 objects, 0 rendered now.") == 2


def test_meshes_of_other_times_are_compared_by_the_processes_that_render(tmp_path, meshes, capsys, monkeypatch):
    render(meshes, tmp_path / "out")
    os.utime(meshes / "bed.obj", (1, 1))
    monkeypatch.setattr("lumina.scenes.sources.Source.digest", lambda source: pytest.fail("read in this process"))
    main(line(meshes, tmp_path / "out", "--workers=2"))
    assert "4 of 4 objects, 0 rendered now." in capsys.readouterr().out


def test_a_killed_run_goes_on_with_the_same_bytes(tmp_path, meshes):
    for number in range(30):
        write_box(meshes / f"more{number}.obj")
    command = [sys.executable, "-m", "lumina", *line(meshes, tmp_path / "out", "--workers=0")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not list((tmp_path / "out").glob("*/transforms.json")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    done = len(find_view_sets(tmp_path / "out"))
    assert 0 < done < 34
    for place in find_view_sets(tmp_path / "out"):
        assert len(read_views(place).views) == 6  # each is whole
    render(meshes, tmp_path / "out")
    render(meshes, tmp_path / "whole")
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def holds(process: int, file: Path) -> bool:
    """Whether a process has a file open; it may close any while this looks."""
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(descriptor) == str(file):
                return True
    return False


def test_two_processes_share_a_folder(tmp_path, meshes, capsys):
    """One run in a process of its own, and one in this process."""
    for number in range(12):
        write_box(meshes / f"more{number}.obj", (1, 2, 1 + number / 8))
    render(meshes, tmp_path / "alone")
    capsys.readouterr()
    command = [sys.executable, "-m", "lumina", *line(meshes, tmp_path / "out", "--workers=0")]
    lock = tmp_path / "out/.settings.json.lock"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        with one_at_a_time(tmp_path / "out/settings.json"):  # until the other one is about to begin
            while not holds(process.pid, lock):
                assert process.poll() is None
                time.sleep(0.01)
        render(meshes, tmp_path / "out")
        said = process.communicate(timeout=60)[0] + capsys.readouterr().out
    assert process.returncode == 0
    made = [int(number) for number in re.findall(r"of 16 objects, (\d+) rendered now", said)]
    assert len(made) == 2 and all(made) and sum(made) == 16  # both had a share, and nothing was rendered twice
    assert digests(tmp_path / "out") == digests(tmp_path / "alone")
    assert [len(read_views(place).views) for place in find_view_sets(tmp_path / "out")] == [6] * 16


def test_what_a_run_left_that_was_killed_after_an_object_is_cleared(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    before = digests(tmp_path / "out")
    (tmp_path / "out/.bed.lock").touch()
    capsys.readouterr()
    render(meshes, tmp_path / "out")
    assert digests(tmp_path / "out") == before
    assert "4 of 4 objects, 0 rendered now" in capsys.readouterr().out


def test_a_broken_mesh_costs_one_line(tmp_path, meshes, capsys):
    (meshes / "b/lamp.obj").write_text("v 0 0 0\n")
    with pytest.raises(SystemExit) as ended:
        render(meshes, tmp_path / "out")
    out = capsys.readouterr().out
    assert ended.value.code == 1 and out.count("lamp.obj: ") == 1
    assert "3 of 4 objects, 3 rendered now; 1 could not be rendered." in out
    write_box(meshes / "b/lamp.obj")
    render(meshes, tmp_path / "out")  # once it is mended it is rendered
    assert "4 of 4 objects, 1 rendered now." in capsys.readouterr().out


def test_substitutes_are_named_and_kept(tmp_path, meshes, capsys):
    file = meshes / "bed.obj"
    file.write_text("mtllib gone.mtl\n" + file.read_text())
    render(meshes, tmp_path / "out")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("bed: ")]
    assert len(said) == 1 and "gone.mtl" in said[0]
    assert "gone.mtl" in " ".join(read_views(tmp_path / "out/bed").about["substitutes"])
    assert read_views(tmp_path / "out/oak_chair").about["substitutes"] == []


def test_a_full_disk_is_told_and_nothing_half_stays(tmp_path, meshes, capsys):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, before[1]))  # bytes of a file
    try:
        with pytest.raises(SystemExit) as ended:
            render(meshes, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and "File too large" in error
    assert "0 of 4 objects, 0 rendered now. The same command goes on." in error
    assert [file.name for file in (tmp_path / "out").rglob("*") if file.is_file()] == ["settings.json"]
    render(meshes, tmp_path / "out")
    assert "4 of 4 objects, 4 rendered now." in capsys.readouterr().out


def test_captions_of_a_list(tmp_path, meshes, capsys):
    (tmp_path / "captions.csv").write_text("lamp,a lamp of glass, green\nbed,a bed\nghost,nothing\n")
    render(meshes, tmp_path / "out", f"--captions={tmp_path / 'captions.csv'}")
    out = capsys.readouterr().out
    assert "2 captions, 'a lamp of glass, green' say; 2 have none" in out
    assert "left out: lines of captions.csv without an object of that UID: 1" in out
    assert read_views(tmp_path / "out/b/lamp").caption == "a lamp of glass, green"
    (tmp_path / "captions.csv").write_text("lamp,a lamp of glass, blue\n")
    with pytest.raises(SystemExit):
        render(meshes, tmp_path / "out", f"--captions={tmp_path / 'captions.csv'}")
    assert "was rendered with captions captions.csv (" in capsys.readouterr().err


def test_one_object_is_one(tmp_path, meshes, capsys):
    render(meshes / "bed.obj", tmp_path / "out")
    out = capsys.readouterr().out
    assert "1 object, 6 pictures of each; 1 caption, 'bed' say" in out and "1 of 1 object, 1 rendered now" in out


def test_some_objects_alone(meshes):
    sources = find_sources(meshes, Census())
    assert [one.name for one in choose(sources, Order(only="b/*"))] == ["b/lamp", "b/table"]
    for several in (["*e*", "oak*"], "*e*,oak*"):
        assert [one.name for one in choose(sources, Order(only=several))] == ["b/table", "bed", "oak_chair"]
    two, three = (choose(sources, Order(count=count)) for count in (2, 3))
    assert len(two) == 2 and len(three) == 3 and set(two) < set(three)
    assert choose(sources, Order(count=99)) == sources


def test_the_axis_that_is_up(tmp_path):
    write_box(tmp_path / "in/a.obj", (1, 2, 4))
    for name, options in (("y", []), ("z", ["--up=z"])):
        render(tmp_path / "in", tmp_path / name, *options)
        content = json.loads((tmp_path / name / "a/transforms.json").read_text())
        assert content["mesh"]["up"] == name and content["mesh"]["scale"] == 0.25


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--groups=0"], "groups 0: set 1 to 10,000"),
        (["--views=300000000"], "views 300,000,000: set 1 to 10,000"),
        (["--size=100000"], "size 100,000: set 1 to 4,096"),
        (["--rays=1025"], "rays 1,025: set 1 to 1,024"),
        (["--elevation=[50,20]"], "the lower one first"),
        (["--azimuths=odd"], "expected one of"),
        (["--count=0"], "count 0: set 1 or more"),
        (["--workers=-1"], "workers -1: set 0 or more"),
        (["--only=[kitchen/*]"], "Of 4 objects none is called kitchen/*"),
        (["--captions=nowhere.csv"], "nowhere.csv"),
        (["--up=w"], "up"),
    ],
)
def test_wrong_options_are_refused(tmp_path, meshes, capsys, options, words):
    with pytest.raises(SystemExit) as ended:
        render(meshes, tmp_path / "out", *options)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and words in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_wrong_folders_are_refused(tmp_path, meshes, capsys):
    render(meshes, tmp_path / "out")
    for folder, output, options, words in (
        (tmp_path / "nowhere", tmp_path / "new", [], "There is nothing at"),
        (meshes / "b", tmp_path / "out", [], "was rendered with folder in, now b"),
        (
            meshes,
            tmp_path / "out",
            ["--size=32", "--seed=3"],
            "was rendered with size 16, now 32; seed 0, now 3: choose",
        ),
        (meshes, meshes, [], "is in use; choose a new or empty folder"),
    ):
        with pytest.raises(SystemExit) as ended:
            render(folder, output, *options)
        assert ended.value.code == 2 and words in capsys.readouterr().err
