"""Pictures of any size: partition, logits that do not depend on the batch, tables and sheets."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import Generator

from lumina.backbone import NextDiTConfig
from lumina.data.datamodule import SplitDataModule
from lumina.module import LuminaModule
from lumina.objectives.recognition import Recognition as Objective
from modalities.recognition import DynamicPartition, PooledHead, Recognition

SIZES = [(16, 16), (8, 40), (24, 12), (4, 4)]


def module(mixed_sizes="packed", rope_rule="ntk", **options):
    torch.manual_seed(0)
    config = NextDiTConfig(
        dim=32, num_layers=2, num_heads=2, multiple_of=16, modulation="learned", mixed_sizes=mixed_sizes
    )
    made = LuminaModule(Recognition((8, 8), 3, 4, **options), config, Objective(PooledHead(3), rope_rule=rope_rule))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return made.eval()


def pictures():
    generator = torch.Generator().manual_seed(2)
    return [torch.rand(3, *size, generator=generator) * 2 - 1 for size in SIZES]


def logits(made, images):
    batch = {"image": images}
    samples = made.generate(made.tokens(batch), batch, Generator())
    return torch.stack([sample.probabilities.log() for sample in samples])


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize("rope_rule", ["none", "ntk"])
def test_the_batch_never_changes_a_picture(mixed_sizes, rope_rule):
    made, images = module(mixed_sizes, rope_rule), pictures()
    alone = torch.cat([logits(made, [image]) for image in images])
    assert (alone[0] - alone[1]).abs().max() > 0.01
    torch.testing.assert_close(logits(made, images), alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(logits(made, images[::-1]).flip(0), alone, atol=1e-5, rtol=0)


def test_a_rule_acts_on_larger_pictures_alone():
    plain, scaled, images = module(rope_rule="none"), module(rope_rule="ntk"), pictures()
    differ = [(logits(plain, [image]) - logits(scaled, [image])).abs().max() > 1e-6 for image in images]
    assert differ == [True, True, True, False]


def test_padded_and_packed_train_alike():
    gradients = []
    for mixed_sizes in ("packed", "padded"):
        made, batch = module(mixed_sizes).train(), {"image": pictures(), "label": torch.tensor([0, 1, 2, 0])}
        cond = made.conditioners.conditions(batch, 4, torch.device("cpu"))
        made.objective.loss(made.backbone, made.tokens(batch), cond, batch, Generator())["loss"].backward()
        gradients.append([parameter.grad for parameter in made.parameters()])
    for packed, padded in zip(*gradients, strict=True):
        torch.testing.assert_close(packed, padded, atol=1e-6, rtol=1e-4)


def test_pooling_leaves_padding_out():
    head = PooledHead(2)
    head.build(8)
    features = torch.randn(2, 3, 8)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    features[~mask] = 0
    torch.testing.assert_close(head(features, mask)[:1], head(features[:1, :2], None))
    torch.testing.assert_close(head(features, mask)[1:], head(features[1:], None))


def test_a_small_picture_keeps_its_resolution():
    view = DynamicPartition(16, 196)
    assert view.size(96, 128) == (96, 128)
    assert view.size(224, 224) == (224, 224)
    assert view.size(1, 4000) == (112, 448)  # 250 patches of its own, sides at most 1:4
    assert DynamicPartition(16, 196, enlarge=True).size(96, 128) == (192, 256)
    rows, columns = (side // 16 for side in view.size(4000, 3000))
    assert rows * columns <= 196 and rows / columns == pytest.approx(4 / 3)


def test_random_crops_have_the_shape_of_the_picture():
    image = Pillow.new("RGB", (120, 60))
    image.paste((255, 0, 0), (60, 0, 120, 60))
    view = DynamicPartition(4, 100, area=(0.1, 0.3))
    out = [view.apply(image, Generator().manual_seed(seed)) for seed in range(20)]
    assert {picture.size for picture in out} == {view.apply(image).size} == {view.size(60, 120)[::-1]}
    reds = [np.asarray(picture)[..., 0].mean() / 255 for picture in out]
    assert min(reds) < 0.1 and max(reds) > 0.8
    assert view.apply(image, Generator().manual_seed(3)).tobytes() == out[3].tobytes()


def test_a_table_of_probabilities(tmp_path):
    made = module(classes=["cat", "dog, small", "é"])
    batch = {"image": pictures()[:2], "name": ["a/1.png", "b.png"]}
    samples = made.generate(made.tokens(batch), batch, Generator())
    (path,) = made.modality.save(samples, tmp_path, [0, 1])
    made.modality.save(samples[:1], tmp_path, [2])
    rows = list(csv.DictReader(path.open(newline="")))
    assert [row["name"] for row in rows] == ["a/1.png", "b.png", "a/1.png"]
    for row, sample in zip(rows, samples, strict=False):
        values = [float(row[name]) for name in ("cat", "dog, small", "é")]
        torch.testing.assert_close(torch.tensor(values), sample.probabilities)
        assert row["class"] == sample.best[0] and float(row["probability"]) == max(values)
    made.modality.save(samples, tmp_path, [0, 1])
    assert len(list(csv.DictReader(path.open(newline="")))) == 2


class Data(SplitDataModule):
    label_names: tuple[str, ...] = ()
    max_tokens, patch_size = None, 16

    def __init__(self, *names, **options):
        super().__init__(batch_size=2)
        self.label_names = names
        vars(self).update(options)

    def dataset(self, split):
        raise NotImplementedError


def test_names_are_those_of_the_data():
    modality = Recognition((8, 8), patch_size=4)
    assert modality.resolve(Data("cat", "dog")) == {"classes": ["cat", "dog"]} == modality.resolve(Data("cat", "dog"))
    assert modality.decode(torch.zeros(1, 3), {"image": torch.zeros(1, 3, 8, 8)})[0].classes == ["cat", "dog", "2"]
    data = Data("dog", "cat")
    assert modality.resolve(data) == {"classes": ["cat", "dog"]} and data.class_names == ("cat", "dog")
    with pytest.raises(ValueError, match=r"model does not know: cow\. The data has cat, cow; the model has cat, dog"):
        modality.resolve(Data("cat", "cow"))
    numbered = Data("0", "1")  # numbers may be given any names
    assert modality.resolve(numbered) == {"classes": ["cat", "dog"]} and numbered.class_names == ("cat", "dog")


def test_folders_named_by_numbers_are_names():
    names = sorted(str(number) for number in range(12))
    modality = Recognition((8, 8), patch_size=4)
    assert modality.resolve(Data(*names)) == {"classes": names}
    assert modality.decode(torch.eye(12)[2:3] * 9, {"image": torch.zeros(1, 3, 8, 8)})[0].best[0] == "10"
    with pytest.raises(ValueError, match="does not know: 12"):
        modality.resolve(Data(*(str(number) for number in range(13))))


def test_tokens_are_counted_as_they_are_cut():
    with pytest.raises(ValueError, match="counts tokens in patches of 16 pixels, the modality cuts patches of 4"):
        Recognition((8, 8), patch_size=4).resolve(Data(max_tokens=100))


@pytest.mark.parametrize("options", [{"patch_size": 0}, {"max_patches": 0}, {"max_ratio": 0.5}, {"area": (0.5, 0.2)}])
def test_impossible_partitions_are_refused(options):
    with pytest.raises(ValueError, match="DynamicPartition got"):
        DynamicPartition(**{"patch_size": 16, "max_patches": 196} | options)


def test_the_truth_stands_beside_the_guess():
    modality = Recognition((8, 8), patch_size=2, classes=["cat", "dog"])
    batch = {**modality.example_batch(3), "label": torch.tensor([0, 0, -1])}
    logits = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.2, 0.8]]).log()
    assert [str(sample) for sample in modality.decode(logits, batch)] == ["cat: 90% ✓", "dog: 80%, is cat", "dog: 80%"]
    assert [str(sample) for sample in modality.decode(logits, modality.example_batch(3))][1] == "dog: 80%"


def test_a_table_for_the_dashboard():
    modality = Recognition((8, 8), patch_size=2, classes=["cat", "dog"])
    batch = {**modality.example_batch(1), "label": torch.tensor([1]), "name": ["a.png"]}
    pytest.importorskip("wandb")
    table = modality.wandb_media(modality.decode(torch.tensor([[0.75, 0.25]]).log(), batch))
    [[name, picture, guess, share, truth]] = table.data
    assert (name, guess, round(share, 2), truth) == ("a.png", "cat", 0.75, "dog") and picture._width == 68
