"""No result depends on the order of the samples, the batch size or the number of processes: every metric there is."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_features import Tiny, tones
from tiny_scenes import BallViews
from torch import nn

import lumina.metrics
from lumina.frozen.network import Frozen
from lumina.interfaces import SampleMetric
from lumina.metrics.accuracy import Accuracy
from lumina.metrics.audio.clap_score import ClapScore as SoundClapScore
from lumina.metrics.audio.classes import SoundClasses
from lumina.metrics.audio.event_order import EventOrder
from lumina.metrics.audio.quality import SoundQuality
from lumina.metrics.audio.real_sounds import RealSounds
from lumina.metrics.caption import CaptionQuality
from lumina.metrics.caption_judge import CaptionJudge
from lumina.metrics.captioned_pictures import CaptionedPictures
from lumina.metrics.classifier import ClassifierQuality, _network
from lumina.metrics.clip_score import ClipScore
from lumina.metrics.image import InceptionMetrics
from lumina.metrics.inception import SPATIAL, Features
from lumina.metrics.kernel_inception import KernelInceptionDistance
from lumina.metrics.point_clouds import PointCloudQuality
from lumina.metrics.reference import Gaussian, Reference
from lumina.metrics.suite import MetricSuite
from lumina.metrics.views.consistency import ViewConsistency
from lumina.metrics.views.nearest import NearestViews
from lumina.metrics.views.quality import ViewQuality

COUNT, CLASSES = 13, 7
POOL = 8  # features here, for speed


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@dataclass
class Guess:
    probabilities: torch.Tensor


class Described(nn.Module):
    """Stands for a pretrained network: features are a fixed map of the pixels."""

    def __init__(self, width):
        super().__init__()
        self.map = nn.Parameter(draw(3 * 8 * 8, width, seed=1), requires_grad=False)

    def rows(self, images):
        return torch.stack([image.flatten() for image in images]) @ self.map

    def describe(self, images):
        return self.rows(images)


class TwoFeatures(Described):
    def __init__(self):
        super().__init__(POOL + SPATIAL)

    def describe(self, images):
        return Features(*self.rows(images).split((POOL, SPATIAL), 1))

    def logits(self, pool):
        return pool.double() / 10


class Pairs(Described):
    """Stands for CLIP."""

    config = SimpleNamespace(text_config=SimpleNamespace(max_position_embeddings=8))

    def forward(self, images, text):
        rows = nn.functional.normalize(self.rows(images))
        return SimpleNamespace(image_embeds=rows, text_embeds=nn.functional.normalize(rows + text))


class Words(dict):
    def to(self, device):
        return self


def inception(kind, **options):
    metric = kind(Path("none.pth"), **options)
    metric._network = Frozen(TwoFeatures)
    real = draw(20, 3, 8, 8, seed=2)
    found = TwoFeatures().describe(real)
    rows = found.pool.double()
    metric._real = Reference(Gaussian(rows.mean(0).numpy(), rows.T.cov().numpy()), None, found.pool)
    return metric


def caption_quality():
    metric = CaptionQuality(components=4)
    metric._network = Frozen(lambda: Described(16))
    captions = [f"caption {number}" for number in range(30)]
    pictures = CaptionedPictures(draw(30, 16, seed=3), captions)
    metric._judge = CaptionJudge(pictures, lambda texts: torch.stack([draw(6, seed=len(t)) for t in texts]).double(), 4)
    return metric


def classifier_quality():
    network = _network(3, CLASSES).eval()
    metric = ClassifierQuality()
    metric._classifier, metric._accuracy_real = Frozen(lambda: network), 0.5
    for seed, name in enumerate(("train", "held_out")):
        images = draw(20, 3, 8, 8, seed=seed + 4)
        metric._real[name] = network[0](images).detach(), torch.arange(20) % CLASSES
    return metric


def clip_score():
    metric = ClipScore("none")
    metric._network = Frozen(lambda: Pairs(5))
    metric._processor = lambda text, images, **_: Words(
        images=[image.float() for image in images], text=torch.tensor([[float(len(t))] for t in text])
    )
    return metric


class Cosines(Tiny):
    """Stands for CLAP."""

    def cosines(self, sounds, rate, captions, device):
        text = torch.tensor([len(caption) for caption in captions], dtype=torch.float64)
        return (self.describe(sounds, rate, device).double().mean(1) * text).sin()


def sound_clap_score():
    metric = SoundClapScore("none")
    metric.features = Cosines()
    return metric


def sound_classes():
    metric, training = SoundClasses(Tiny()), tones(30, seed=9)
    metric._known = RealSounds(metric.describe(training["sound"], training), [name[0] for name in training["name"]])
    return metric


def event_order():
    metric, training = EventOrder(Tiny()), tones(30, seed=9)
    metric._known = RealSounds(metric.describe(training["sound"], training), [name[0] for name in training["name"]])
    return metric


def prepared(metric):
    metric.prepare(BALLS)
    return metric


BALLS = BallViews(4, COUNT)
PICTURES = {"samples": draw(COUNT, 3, 8, 8), "label": torch.arange(COUNT) % CLASSES}
PICTURES["caption"] = [f"caption {'x' * number}" for number in range(COUNT)]
CLOUDS = {"samples": draw(COUNT, 20, 3), "points": draw(COUNT, 20, 3, seed=6)}
SOUNDS = {**tones(COUNT), "caption": PICTURES["caption"], "length": torch.arange(COUNT) * 10 + 80}
SOUNDS["structured"] = [f"<{'abc'[n % 3]}& start>@<{'bca'[n % 3]}& end>" for n in range(COUNT)]
SOUNDS["samples"] = SOUNDS["sound"] + 0.3 * draw(COUNT, 200, seed=8)
VIEWS = BALLS.batch()
VIEWS["samples"] = 0.7 * VIEWS["views"].roll(1, 1)
FEW_VIEWS = BallViews(1, COUNT, azimuths=(0, 40, 90), size=32).batch()
FEW_VIEWS["samples"] = FEW_VIEWS["views"] * draw(COUNT, 1, 1, 1, 1).sigmoid()
GUESSES = {"samples": [Guess(row.softmax(0)) for row in draw(COUNT, CLASSES)], "label": PICTURES["label"]}


@dataclass
class Case:
    make: Any
    data: dict[str, Any] = field(default_factory=lambda: PICTURES)


CASES = {
    Accuracy: Case(Accuracy, GUESSES),
    CaptionQuality: Case(caption_quality),
    ClassifierQuality: Case(classifier_quality),
    ClipScore: Case(clip_score),
    InceptionMetrics: Case(lambda: inception(InceptionMetrics)),
    KernelInceptionDistance: Case(lambda: inception(KernelInceptionDistance, subsets=5, subset_size=6)),
    EventOrder: Case(event_order, SOUNDS),
    SoundClapScore: Case(sound_clap_score, SOUNDS),
    SoundClasses: Case(sound_classes, SOUNDS),
    SoundQuality: Case(lambda: SoundQuality(Tiny(components=4)), SOUNDS),
    NearestViews: Case(lambda: prepared(NearestViews()), VIEWS),
    ViewConsistency: Case(ViewConsistency, FEW_VIEWS),
    ViewQuality: Case(lambda: prepared(ViewQuality()), VIEWS),
    PointCloudQuality: Case(lambda: PointCloudQuality(anchors=False, emd_clouds=5, emd_points=9), CLOUDS),
}


def measured(kind, order, batch_size):
    suite = MetricSuite([CASES[kind].make()])
    for part in torch.tensor(order).split(batch_size):
        batch = {name: _at(value, part) for name, value in CASES[kind].data.items()}
        suite.update(batch["samples"], batch)
    found = suite.compute()
    assert not found.failures
    return found.values


def _at(value, places):
    return value[places] if isinstance(value, torch.Tensor) else [value[place] for place in places.tolist()]


def found_classes(kind=SampleMetric):
    below = [one for child in kind.__subclasses__() for one in (child, *found_classes(child))]
    return [one for one in below if one.__module__.startswith(lumina.metrics.__name__)]


def test_every_metric_is_tried():
    import importlib
    import pkgutil

    for module in pkgutil.walk_packages(lumina.metrics.__path__, "lumina.metrics."):
        importlib.import_module(module.name)
    assert {kind for kind in found_classes() if not kind.__abstractmethods__} == set(CASES)


@pytest.mark.parametrize("kind", CASES)
def test_neither_order_nor_batch_size_matters(kind):
    alone = measured(kind, range(COUNT), COUNT)
    assert alone
    for order, batch_size in ((range(COUNT), 1), (range(COUNT), 4), (torch.randperm(COUNT).tolist(), 5)):
        assert measured(kind, order, batch_size) == pytest.approx(alone, rel=1e-5, abs=1e-7)


def measure(rank, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=2)
    own = range(COUNT)[rank::2]  # as samplers deal them out
    torch.save({str(kind): measured(kind, own, 3) for kind in CASES}, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_find_what_one_finds(tmp_path):
    torch.multiprocessing.start_processes(measure, (tmp_path,), nprocs=2, start_method="fork")
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert found[0] == found[1]
    for kind in CASES:
        alone = measured(kind, range(COUNT), COUNT)
        assert found[0][str(kind)] == pytest.approx(alone, rel=1e-5, abs=1e-7)
