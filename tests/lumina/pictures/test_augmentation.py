"""DeiT's augmentation: what it may do to a picture and a batch, and that a generator alone decides it."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("timm")

from lumina.pictures.augmentation import DeiTAugmentation, Mixing
from lumina.pictures.reading import to_tensor
from lumina.randomness import Purpose, keyed_generator, seeded


def photo(width=32, height=24):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def draws():
    return random.random(), np.random.rand(), torch.rand(()).item()


def test_seeded_libraries_draw_from_the_generator_and_leave_no_trace():
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = [draws(), draws()]
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    with seeded(keyed_generator(Purpose.AUGMENTATION, 5)):
        inside = draws()
    assert draws() == expected[0]
    with pytest.raises(KeyError), seeded(keyed_generator(Purpose.AUGMENTATION, 5)):
        assert draws() == inside
        raise KeyError
    assert draws() == expected[1]


@pytest.mark.parametrize("size", [(32, 24), (7, 90), (1, 40), (300, 5)])
def test_pictures_of_any_size_keep_it(size):
    augmentation = DeiTAugmentation(erasing=1.0)
    for seed in range(20):
        varied = augmentation.apply(photo(*size), keyed_generator(Purpose.AUGMENTATION, seed))
        assert varied.shape == (3, size[1], size[0]) and varied.isfinite().all()


def test_the_generator_alone_decides():
    augmentation = DeiTAugmentation()
    first = [augmentation.apply(photo(), keyed_generator(Purpose.AUGMENTATION, seed)) for seed in range(10)]
    draws()
    again = [augmentation.apply(photo(), keyed_generator(Purpose.AUGMENTATION, seed)) for seed in range(10)]
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert len({varied.numpy().tobytes() for varied in first}) > 7  # an operation is left out in half of the cases


def test_flips_half_of_the_pictures_and_nothing_else():
    augmentation, plain = DeiTAugmentation(rand_augment=None, erasing=0.0), to_tensor(photo())
    seen = [augmentation.apply(photo(), keyed_generator(Purpose.AUGMENTATION, seed)) for seed in range(200)]
    mirrored = sum(torch.equal(varied, plain.flip(-1)) for varied in seen)
    assert 70 < mirrored < 130
    assert mirrored + sum(torch.equal(varied, plain) for varied in seen) == 200


def test_erases_one_rectangle():
    augmentation, plain = DeiTAugmentation(rand_augment=None, flip=False, erasing=1.0), to_tensor(photo())
    for seed in range(20):
        erased = (augmentation.apply(photo(), keyed_generator(Purpose.AUGMENTATION, seed)) != plain).all(0)
        rows, columns = erased.any(1), erased.any(0)
        assert erased.sum() == rows.sum() * columns.sum()
        assert 0.01 < erased.float().mean() < 0.36


def test_what_a_turn_leaves_open_is_grey():
    augmentation = DeiTAugmentation("rand-m9-n1-mstd0.5-inc1", erasing=0.0)
    grey = Image.new("RGB", (20, 20), (128, 128, 128))
    for seed in range(60):
        varied = augmentation.apply(grey, keyed_generator(Purpose.AUGMENTATION, seed))
        assert varied.amax() == varied.amin()


def batch(count=8, classes=5):
    """Each picture is as bright as the number of its class."""
    label = torch.randint(classes, (count,), generator=keyed_generator(Purpose.AUGMENTATION, 0))
    return label[:, None, None, None].float().expand(count, 3, 16, 12), label


@pytest.mark.parametrize(("mixup", "cutmix"), [(0.8, 0.0), (0.0, 1.0), (0.8, 1.0)])
def test_targets_are_the_shares_of_the_classes(mixup, cutmix):
    image, label = batch()
    kinds = set()
    for seed in range(20):
        mixed, target = Mixing(mixup, cutmix).apply(image, label, 5, keyed_generator(Purpose.AUGMENTATION, seed))
        assert target.shape == (8, 5) and target.dtype == torch.float32
        torch.testing.assert_close(target.sum(1), torch.ones(8))
        torch.testing.assert_close(mixed.mean((1, 2, 3)), target @ torch.arange(5.0))
        kinds.add("cutmix" if torch.equal(mixed, mixed.round()) else "mixup")
    assert kinds == {name for name, alpha in (("mixup", mixup), ("cutmix", cutmix)) if alpha}
    assert torch.equal(image, batch()[0])


def test_mixing_is_decided_by_the_generator_and_by_chance():
    image, label = batch()
    (first, _), (again, _), (other, _) = (
        Mixing().apply(image, label, 5, keyed_generator(Purpose.AUGMENTATION, seed)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    mixed, target = Mixing(probability=0.0).apply(image, label, 5, keyed_generator(Purpose.AUGMENTATION, 1))
    assert torch.equal(mixed, image) and torch.equal(target.argmax(1), label)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DeiTAugmentation(erasing=1.5), "erasing 1.5"),
        (lambda: DeiTAugmentation("often"), "rand_augment 'often'"),
        (lambda: DeiTAugmentation("rand-q9"), "rand_augment 'rand-q9'"),
        (lambda: Mixing(0.0, 0.0), "mixup 0.0, cutmix 0.0"),
        (lambda: Mixing(-1.0), "mixup -1.0"),
        (lambda: Mixing(switch=2.0), "switch 2.0"),
    ],
)
def test_impossible_requests_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_without_timm_the_extra_is_named(monkeypatch):
    for module in ("random_erasing", "mixup"):
        monkeypatch.setitem(sys.modules, f"timm.data.{module}", None)
    for make in (DeiTAugmentation, Mixing):
        with pytest.raises(ImportError, match=r"lumina-nextdit\[recognition\]"):
            make()
