"""The grid of lengths, and lengths from headers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_sounds import write_tone, write_tones

from lumina.audio.lengths import Grid, grid_lengths, sound_lengths
from lumina.audio.reading import FIELDS, SUFFIXES
from lumina.data.sources import Wanted, open_sources


def opened(path):
    return open_sources([path], Wanted(suffixes=SUFFIXES, media=FIELDS))


def test_clips_of_whole_seconds_are_on_the_grid():
    lengths = grid_lengths(16_000, 20)
    assert lengths == sorted(set(lengths)) and all(length % 512 == 0 for length in lengths)
    assert lengths[0] == 512 and lengths[-1] == 625 * 512
    grid = Grid(lengths)
    assert [lengths[grid.of(16_000 * s)] // 512 for s in (1, 2, 5, 10, 20)] == [31, 62, 156, 312, 625]


@pytest.mark.parametrize(("fineness", "most"), [(4, 1 / 4), (16, 1 / 16)])
def test_a_sound_is_filled_up_by_a_share_of_itself_and_loses_half_a_token(fineness, most):
    grid = Grid(grid_lengths(16_000, 20, fineness))
    sounds = np.arange(1, 320_000, 997)
    sizes = np.array([grid.lengths[grid.of(int(n))] for n in sounds])
    assert (sizes - sounds >= -256).all() and ((sizes - sounds) <= most * sounds + 512).all()
    assert [grid.of(int(n)) for n in sounds] == grid.of_all(sounds).tolist()
    assert grid.lengths[grid.of(10**9)] == grid.lengths[-1]


def test_log_normal_lengths_are_padded_by_less_than_a_twentieth():
    torch.manual_seed(0)
    seconds = torch.distributions.LogNormal(1.2, 0.8).sample((20_000,)).clamp(0.1, 20).numpy()
    samples = (seconds * 16_000).astype(np.int64)
    grid = Grid(grid_lengths(16_000, 20))
    sizes = np.array(grid.lengths)[grid.of_all(samples)]
    assert 1 - np.minimum(samples, sizes).sum() / sizes.sum() < 0.05
    whole = np.minimum(samples, 160_000).sum() / (len(samples) * 160_000)
    assert 1 - whole > 0.5  # what padding all to 10 s would cost


@pytest.mark.parametrize(("options", "told"), [({"seconds": 0}, "at least one token"), ({"fineness": 0}, "fineness 0")])
def test_no_grid(options, told):
    with pytest.raises(ValueError, match=told):
        grid_lengths(**{"rate": 16_000, "seconds": 10, **options})


def test_lengths_are_read_from_headers_and_cached(tmp_path):
    root = write_tones(tmp_path / "a", [0.5, 1.25])
    write_tone(root / "002.flac", 2, rate=44_100)
    (root / "002.txt").write_text("a tone of another rate")
    (root / "003.wav").write_bytes(b"no sound")
    (root / "003.txt").write_text("no sound")
    lengths = sound_lengths(opened(root), 16_000, tmp_path / "cache")
    assert lengths.tolist() == [8000, 20_000, 32_000, 0]
    (stored,) = (tmp_path / "cache").iterdir()
    written = stored.stat().st_mtime_ns
    assert sound_lengths(opened(root), 8000, tmp_path / "cache").tolist() == [4000, 10_000, 16_000, 0]
    assert stored.stat().st_mtime_ns == written
    write_tone(root / "003.wav", 1)
    assert sound_lengths(opened(root), 16_000, tmp_path / "cache").tolist() == [8000, 20_000, 32_000, 16_000]


def test_unreadable_sounds_go_with_the_most():
    grid = Grid([512, 1024, 2048])
    assert grid.of_all(np.array([0, 1024, 1000, 500])).tolist() == [1, 1, 1, 0]
    assert grid.of_all(np.array([0, 0])).tolist() == [0, 0]
