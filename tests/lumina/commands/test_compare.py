"""Two folders of sounds against each other."""

import json

import pytest
import torch
from tiny_features import tones

from lumina.audio.writing import write_sound
from lumina.cli import main
from lumina.metrics.audio.divergence import kl_divergence
from lumina.metrics.audio.quality import distance_of

pytest.importorskip("soundfile")
CPU = torch.device("cpu")
TINY = ["--features", "tiny_features.Tiny", "--device", "cpu"]


def write(folder, sounds):
    folder.mkdir()
    for number, sound in enumerate(sounds):
        write_sound(sound, 16_000, folder / f"{number:02}.wav", {})


@pytest.fixture
def folders(tmp_path):
    sounds = tones(12)["sound"], tones(12, seed=5)["sound"]
    write(tmp_path / "real", sounds[0])
    write(tmp_path / "generated", sounds[1])
    return tmp_path, sounds


def report(folder, *options):
    main(
        [
            "compare",
            str(folder / "real"),
            str(folder / "generated"),
            *TINY,
            "--output",
            str(folder / "out.json"),
            *options,
        ]
    )
    return json.loads((folder / "out.json").read_text())


def test_the_numbers_are_those_of_the_metrics(folders, capsys):
    folder, (real, generated) = folders
    found = report(folder)
    from tiny_features import Tiny

    heard = [Tiny().listen(list(sounds), 16_000, CPU) for sounds in (real, generated)]
    windows = [torch.cat([one.features for one in of]) for of in heard]
    tags = [torch.stack([one.tags.mean(0) for one in of]) for of in heard]
    assert found["tiny_frechet"] == pytest.approx(distance_of(windows[1], windows[0], None), rel=1e-2)  # 16 bits
    assert found["kl_tiny"] == pytest.approx(kl_divergence(*tags).mean().item(), rel=1e-2)
    assert found["tiny_frechet_windows"] == 48 and found["kl_tiny_pairs"] == 12
    assert 0 < found["tiny_frechet_halves_of_real"] and 0 <= found["tiny_copies"] <= 1
    assert "tiny_frechet_halves_of_real" in capsys.readouterr().out


def test_a_part_of_each_sound(folders):
    found = report(folders[0], "--seconds", str(64 / 16_000))
    assert found["tiny_frechet_windows"] == found["tiny_frechet_windows_real"] == 12


def test_copies_and_other_names(folders):
    folder, (real, _) = folders
    for file in (folder / "generated").iterdir():
        file.unlink()
    (folder / "generated").rmdir()
    write(folder / "other", real)
    (folder / "other").rename(folder / "generated")
    for file in (folder / "generated").iterdir():
        file.rename(file.with_name(f"copy_{file.name}"))
    found = report(folder)
    assert found["tiny_copies"] == 1 and found["tiny_frechet"] == pytest.approx(0, abs=1e-5)
    assert "kl_tiny" not in found


def test_what_cannot_be_read_is_named(folders):
    folder, _ = folders
    (folder / "real/99.wav").write_text("no sound")
    with pytest.warns(UserWarning, match=r"left out: .*99\.wav"):
        assert report(folder)["tiny_frechet_windows_real"] == 48


def test_no_sounds(tmp_path, capsys):
    (tmp_path / "real").mkdir()
    with pytest.raises(SystemExit):
        report(tmp_path)
    assert "holds no sounds that can be read; give a folder of .aif" in capsys.readouterr().err


def test_files_of_one_name_and_two_forms_all_count(folders):
    folder, (real, _) = folders
    write_sound(real[5], 16_000, folder / "real/00.flac", {})
    found = report(folder)
    assert found["tiny_frechet_windows_real"] == 52 and found["kl_tiny_pairs"] == 13


def test_the_sound_that_samples_start_from_is_not_judged(folders):
    folder, (_, generated) = folders
    write_sound(generated[0], 16_000, folder / "generated/start.wav", {})
    samples = [{"file": f"{number:02}.wav"} for number in range(12)]
    (folder / "generated/settings.json").write_text(json.dumps({"samples": samples}))
    assert report(folder)["sounds"] == 12
    (folder / "generated/settings.json").unlink()
    assert report(folder)["sounds"] == 13
