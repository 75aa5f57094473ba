"""Small picture models with random parameters."""

import pytest
import torch
from PIL import Image as Picture

from lumina.analysis.subject import Subject
from lumina.backbone import NextDiTConfig
from lumina.conditioning.label import LabelConditioner
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from modalities.image import Image


@pytest.fixture
def subject():
    """``subject(**config)``: 4 x 4 tokens, two layers, labels, every parameter random, sampled in four Euler steps."""

    def make(conditioners=None, **config) -> Subject:
        small = {"dim": 24, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 8}
        module = LuminaModule(
            modality=Image(size=(8, 8), channels=1, patch_size=2),
            backbone=NextDiTConfig(**{**small, **config}),
            conditioners=conditioners or [LabelConditioner(num_classes=3)],
            objective=FlowMatching(sampler=Sampler(Uniform(), Euler(), steps=4)),
        ).eval()
        with torch.no_grad():
            for parameter in module.backbone.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        return Subject(module)

    return make


@pytest.fixture
def is_figure():
    """Whether a PNG shows something: it opens, is wide enough to read, and has more than a few colours."""

    def check(path) -> bool:
        with Picture.open(path) as picture:
            return picture.format == "PNG" and picture.width > 600 and len(set(picture.convert("L").tobytes())) > 20

    return check
