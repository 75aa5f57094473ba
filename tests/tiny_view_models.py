"""Tiny models of views, with weights of which none is zero."""

from __future__ import annotations

import torch
from tiny_text import Letters

from lumina.backbone import NextDiTConfig
from lumina.conditioning.azimuths import ViewAzimuths
from lumina.conditioning.reference import ReferenceView
from lumina.conditioning.text import TextConditioner
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from modalities.multiview import MultiView

BACKBONE = {"dim": 24, "num_layers": 2, "num_heads": 2, "multiple_of": 8, "axes_dims": (4, 4, 4)}


def awake(module, seed=0):
    """The module with weights far from zero: at initialisation a network puts out nothing."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module.eval()


def model_of_views(*conditioners, positions="shared", views=3, **backbone):
    """Of views of 4x6 pixels, six tokens each; with all conditioners unless some are given."""
    parts = conditioners or (TextConditioner(Letters()), ViewAzimuths(), ReferenceView())
    modality = MultiView((4, 6), views=views, positions=positions)
    return awake(LuminaModule(modality, NextDiTConfig(**BACKBONE | backbone), FlowMatching(), list(parts)))
