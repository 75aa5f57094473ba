import multiprocessing
import os
import time

import numpy as np
import pytest

from lumina.data.arrays import cached, file_stamp


def gather(calls):
    def once():
        calls.append(1)
        return {"numbers": np.arange(1000)}

    return once


def wait_and_gather(folder, name):
    def once():
        with (folder / "calls").open("a") as file:
            file.write("called\n")
        time.sleep(0.5)
        return {"numbers": np.arange(10)}

    assert np.array_equal(cached(folder, name, once)["numbers"], np.arange(10))


def test_of_several_processes_one_gathers(tmp_path):
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=wait_and_gather, args=(tmp_path, "name")) for _ in range(3)]
    for process in others:
        process.start()
    for process in others:
        process.join(60)
    assert [process.exitcode for process in others] == [0, 0, 0]
    assert (tmp_path / "calls").read_text() == "called\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calls", "name.npz"]


def test_a_process_that_dies_lets_the_next_one_gather(tmp_path):
    context = multiprocessing.get_context("fork")
    process = context.Process(target=cached, args=(tmp_path, "name", lambda: os._exit(9)))
    process.start()
    process.join(60)
    assert process.exitcode == 9
    calls = []
    cached(tmp_path, "name", gather(calls))
    assert calls and not list(tmp_path.glob(".*"))


def test_gathered_once(tmp_path):
    calls = []
    for _ in range(3):
        assert np.array_equal(cached(tmp_path / "new", "name", gather(calls))["numbers"], np.arange(1000))
    assert len(calls) == 1
    cached(None, "name", gather(calls))
    assert len(calls) == 2


@pytest.mark.parametrize("damage", [b"", b"not an archive", None])
def test_a_damaged_file_is_made_anew(tmp_path, damage):
    calls = []
    cached(tmp_path, "name", gather(calls))
    path = tmp_path / "name.npz"
    path.write_bytes(path.read_bytes()[:300] if damage is None else damage)
    with pytest.warns(UserWarning, match=r"name.npz is damaged .* recreated"):
        assert np.array_equal(cached(tmp_path, "name", gather(calls))["numbers"], np.arange(1000))
    assert np.array_equal(cached(tmp_path, "name", gather(calls))["numbers"], np.arange(1000))
    assert len(calls) == 2


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match=r"set `cache` of the data or the metric to a writable folder"):
        cached(tmp_path / "file/cache", "name", gather([]))


def test_what_was_incomplete_is_completed(tmp_path):
    done = {"a": np.array([1, 0])}
    cached(tmp_path, "name", lambda: done)
    unchanged = cached(tmp_path, "name", lambda: {}, lambda known: known)
    assert unchanged["a"].tolist() == [1, 0]
    assert cached(tmp_path, "name", lambda: {}, lambda known: {"a": known["a"] + 1})["a"].tolist() == [2, 1]
    assert cached(tmp_path, "name", lambda: {})["a"].tolist() == [2, 1]


def test_a_stamp_changes_with_its_files(tmp_path):
    path, odd = tmp_path / "a", tmp_path / os.fsdecode(b"latin-\xe9")
    path.write_text("1")
    odd.touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    files = [path, odd, tmp_path / "dangling"]
    first = file_stamp(files)
    assert file_stamp(files) == first
    path.write_text("22")
    second = file_stamp(files)
    (tmp_path / "gone").touch()
    assert len({first, second, file_stamp(files), file_stamp(files[:2])}) == 4
