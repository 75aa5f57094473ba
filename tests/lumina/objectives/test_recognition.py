"""Recognition: the loss against closed forms, and what is refused."""

import pytest
import torch
from torch import Generator

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.objectives.recognition import Recognition
from lumina.values import Conditioning, Tokens
from modalities.image import Image
from modalities.recognition import PooledHead
from modalities.recognition import Recognition as Pictures

SMALL = {"dim": 32, "num_layers": 2, "num_heads": 2, "multiple_of": 16, "modulation": "learned"}
CLASSES = 5


def objective(**options) -> Recognition:
    made = Recognition(PooledHead(CLASSES), **options)
    made.build(NextDiTConfig(**SMALL), Pictures((4, 4), 1, 2))
    return made


def run(made, batch, seed=0):
    torch.manual_seed(0)
    backbone = NextDiT(NextDiTConfig(**SMALL, token_dim=4, position_axes=2))
    tokens = Tokens(features=torch.randn(3, 4, 4), positions=torch.zeros(3, 4, 2))
    return made.loss(backbone, tokens, Conditioning(), batch, Generator().manual_seed(seed)), (backbone, tokens)


def test_smoothed_cross_entropy():
    made, label = objective(label_smoothing=0.1), torch.tensor([0, 3, 4])
    losses, (backbone, tokens) = run(made, {"label": label})
    logits = made.outputs(backbone, tokens, Conditioning(), Conditioning(), Generator())
    logs = logits.double().log_softmax(1)
    expected = -(0.9 * logs[torch.arange(3), label] + 0.1 * logs.mean(1)).mean()
    torch.testing.assert_close(losses["loss"].double(), expected, atol=1e-6, rtol=1e-6)
    assert set(losses) == {"loss"}


def test_soft_targets_train_and_hard_labels_evaluate():
    made, label = objective(label_smoothing=0.1), torch.tensor([0, 3, 4])
    target = torch.nn.functional.one_hot(label, CLASSES).float()
    mixed = 0.7 * target + 0.3 * target.flip(0)
    soft, _ = run(made, {"label": label, "target": mixed})
    plain, _ = run(made, {"label": label})
    flipped, _ = run(made, {"label": label.flip(0)})
    torch.testing.assert_close(soft["loss"], 0.7 * plain["loss"] + 0.3 * flipped["loss"])  # it is linear in the target
    evaluated, (backbone, tokens) = run(made.eval(), {"label": label, "target": mixed})
    logits = made.outputs(backbone, tokens, Conditioning(), Conditioning(), Generator())
    torch.testing.assert_close(evaluated["loss"], torch.nn.functional.cross_entropy(logits, label))


def test_labels_without_a_class_are_refused():
    with pytest.raises(ValueError, match="Got label 5, but the PooledHead has num_classes=5, labels 0 to 4"):
        run(objective(), {"label": torch.tensor([0, 1, 5])})


def test_soft_targets_of_other_classes_are_refused():
    with pytest.raises(
        ValueError, match="the data mixes 3 classes, but the head has 5; set num_classes of the PooledH"
    ):
        run(objective(), {"label": torch.tensor([0, 1, 2]), "target": torch.full((3, 3), 1 / 3)})


@pytest.mark.parametrize(
    ("config", "modality", "options", "reason"),
    [
        ({"modulation": "scale_gate"}, {}, {}, "modulation=scale_gate needs a time, but recognition has none"),
        ({"positions": "sincos"}, {}, {"rope_rule": "ntk"}, "rope_rule=ntk applies to backbones with positions=rope"),
        (
            {},
            {"classes": ["a", "b"]},
            {},
            "the head has 5 classes, but the modality names 2: a, b; leave num_classes of the",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_once(config, modality, options, reason):
    with pytest.raises(ValueError, match=reason):
        LuminaModule(
            Pictures((4, 4), 1, 2, **modality),
            NextDiTConfig(**SMALL | config),
            Recognition(PooledHead(CLASSES), **options),
        )


def test_smoothing_is_a_share():
    with pytest.raises(ValueError, match="label_smoothing=1 must be"):
        Recognition(PooledHead(2), label_smoothing=1)


@pytest.mark.parametrize(
    ("modality", "made", "reason"),
    [
        (Image((4, 4), 1), Recognition(PooledHead(2)), "Recognition puts out logits, but the modality Image decodes"),
        (Pictures((4, 4), 1, 2), FlowMatching(), "FlowMatching puts out tokens, but the modality Recognition decodes"),
    ],
)
def test_parts_must_go_together(modality, made, reason):
    with pytest.raises(ValueError, match=reason):
        LuminaModule(modality, NextDiTConfig(**SMALL), made)
