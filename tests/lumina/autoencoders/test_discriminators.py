"""Discriminators: where windows lie, what they judge, and what they never see."""

import pytest
import torch
from torch.nn import functional as F

from lumina.autoencoders.discriminators import MultiWindowDiscriminator, PatchDiscriminator


def small(**options):
    return MultiWindowDiscriminator(**{"windows": (4, 8), "bands": 6, "channels": 3, **options})


def mask_of(lengths, frames):
    return torch.arange(frames) < torch.tensor(lengths)[:, None]


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_layout_is_the_published_one():
    parameters = dict(MultiWindowDiscriminator().named_parameters())
    convolutions = (9 + 1) * 128 + 2 * ((9 * 128 + 1) * 128 + 2 * 128)
    heads = [128 * 10 * window // 8 + 1 for window in (32, 64, 128)]
    assert sum(p.numel() for p in parameters.values()) == 3 * convolutions + sum(heads)


def test_windows_lie_anywhere_within_the_real_frames():
    mel, lengths = torch.zeros(4, 6, 12), [12, 9, 8, 5]
    seen = [set() for _ in range(4)]
    for seed in range(200):
        short, long = small().places(mel, mask_of(lengths, 12), source(seed))
        assert short.rows.tolist() == [0, 1, 2, 3] and long.rows.tolist() == [0, 1, 2]
        for row, start in zip(long.rows.tolist(), long.starts.tolist(), strict=True):
            seen[row].add(start)
    assert seen == [set(range(5)), {0, 1}, {0}, set()]
    first, second = (small().places(mel, None, source()) for _ in range(2))
    assert all(torch.equal(a.starts, b.starts) for a, b in zip(first, second, strict=True))
    assert len(set(small().places(torch.zeros(64, 6, 99), None, source())[0].starts.tolist())) > 30


def test_a_logit_is_the_sum_over_the_windows_and_a_long_one_is_left_out_alone():
    judge, mel = small().eval(), torch.randn(3, 6, 12)
    mask = mask_of([12, 5, 3], 12)
    places = judge.places(mel, mask, source())
    logits = judge(mel, places)
    starts = [clips.starts.tolist() for clips in places]
    windows = [mel[:1, :, starts[0][0] :][..., :4], mel[:1, :, starts[1][0] :][..., :8]]
    both = sum(part(window) for part, window in zip(judge.judges, windows, strict=True))
    alone = 2 * judge.judges[0](mel[1:2, :, starts[0][1] :][..., :4])
    torch.testing.assert_close(logits, torch.cat([both, alone]))
    changed = torch.where(mask[:, None], mel, torch.nan)
    assert torch.equal(judge(changed, places), logits)
    none = mask_of([3, 3, 3], 12)
    assert judge(mel, judge.places(mel, none, source())).shape == (0,)


def test_a_window_is_judged_by_convolutions_and_one_linear_layer():
    judge = small(windows=(8,)).eval().judges[0]
    mel = torch.randn(2, 6, 8)
    h = mel[:, None]
    for index, norm in ((0, None), (3, 6), (7, 10)):
        h = F.leaky_relu(F.conv2d(h, judge.layers[index].weight, judge.layers[index].bias, stride=2, padding=1), 0.2)
        h = h if norm is None else h / (1 + 0.8) ** 0.5
    assert h.shape == (2, 3, 1, 1)
    torch.testing.assert_close(judge(mel), judge.head(h.flatten(1))[:, 0])


def test_whole_channels_are_dropped_in_training():
    judge = small(windows=(8,), dropout=0.5, channels=32).judges[0]
    h = judge.layers[:3](torch.rand(1, 1, 6, 8))
    empty = (h == 0).all((2, 3)).sum()
    assert 4 < int(empty) < 28


def test_windows_without_frames_and_judging_without_places_are_refused():
    for windows in ((), (0, 32)):
        with pytest.raises(ValueError, match="must be numbers of frames"):
            MultiWindowDiscriminator(windows=windows)
    with pytest.raises(ValueError, match="bands=6, but the spectrograms have 64"):
        small().places(torch.zeros(1, 64, 8), None, source())
    with pytest.raises(ValueError, match="judges mel spectrograms, got pictures"):
        small().places(torch.zeros(1, 6, 8, 8), None, source())
    for data in (torch.zeros(3, 6, 8), torch.zeros(1, 1, 8, 8)):
        with pytest.raises(ValueError, match=r"judges pictures \[B, 3, H, W\]"):
            PatchDiscriminator(channels=4)(data)
    with pytest.raises(ValueError, match="its method `places` draws"):
        small()(torch.zeros(1, 6, 8))


def test_patches_of_pictures_are_judged_by_what_they_see():
    judge = PatchDiscriminator(channels=4).eval()
    inner = sum(16 * a * b + 2 * b for a, b in ((64, 128), (128, 256), (256, 512)))
    assert sum(p.numel() for p in PatchDiscriminator().parameters()) == 16 * 3 * 64 + 64 + inner + 16 * 512 + 1
    image = torch.randn(1, 3, 128, 128)
    logits = judge(image, judge.places(image, None, source()))
    assert logits.shape == (1, 1, 14, 14)
    changed = image.clone()
    changed[..., 70:] += 1
    same = judge(changed)[0, 0, 0] == logits[0, 0, 0]
    assert same[0] and not same[9]
