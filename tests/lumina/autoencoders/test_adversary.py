"""The adversarial losses in closed form; the R1 penalty through normalisation and dropout."""

import pytest
import torch
from torch import nn

from lumina.autoencoders.adversary import Adversary, adaptive_weight, hinge, least_squares, r1_penalty
from lumina.autoencoders.discriminators import MultiWindowDiscriminator
from lumina.interfaces import Discriminator


class Linear(Discriminator):
    """``D(x) = <w, x>``."""

    def __init__(self, *shape):
        super().__init__()
        self.w = nn.Parameter(torch.randn(shape))

    def forward(self, data, places=None):
        return (data * self.w).flatten(1).sum(1)


def small(**options):
    return MultiWindowDiscriminator(**{"windows": (4, 8), "bands": 6, "channels": 3, **options})


def test_least_squares_and_hinge():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, -2.0])
    assert float(least_squares(real, fake)) == (0 + 4) / 2 + (0 + 4) / 2
    assert float(hinge(real, fake)) == 0 + (1 + 0) / 2
    assert float(hinge(real - 3, fake)) == (3 + 1) / 2 + 1 / 2


def test_r1_of_a_linear_discriminator_is_its_squared_slope():
    judge, data = Linear(6, 8), torch.randn(5, 6, 8)
    penalty = r1_penalty(judge, data, None)
    torch.testing.assert_close(penalty, judge.w.square().sum())
    penalty.backward()
    torch.testing.assert_close(judge.w.grad, 2 * judge.w)
    assert data.grad is None and not data.requires_grad


def test_r1_is_the_slope_at_each_sample_whatever_the_others_are():
    """Of normalisation by the batch it would not be: the slopes of a batch and of its samples would differ."""
    judge, data = small(dropout=0.5), torch.randn(4, 6, 8)
    for _ in range(20):  # running statistics
        judge(torch.randn(16, 6, 8), judge.places(torch.zeros(16, 6, 8), None, torch.Generator().manual_seed(0)))
    places = judge.places(data, None, torch.Generator().manual_seed(1))
    running = [buffer.clone() for buffer in judge.buffers()]
    whole = r1_penalty(judge, data, places)
    assert torch.equal(whole, r1_penalty(judge, data, places)), "nothing is dropped out"
    each = []
    for row in range(4):
        starts = [type(c)(rows=torch.tensor([0]), starts=c.starts[row : row + 1]) for c in places]
        each.append(r1_penalty(judge, data[row : row + 1], starts))
    torch.testing.assert_close(whole, torch.stack(each).mean())
    assert judge.training and all(part.training for part in judge.modules())
    assert all(torch.equal(a, b) for a, b in zip(running, judge.buffers(), strict=True))


def test_r1_equals_differences_of_the_logit():
    judge, data = small(windows=(8,)).double().eval(), torch.randn(1, 6, 8, dtype=torch.float64)
    judge.requires_grad_(False)
    places = judge.places(data, None, torch.Generator().manual_seed(0))
    step = 1e-6 * torch.eye(48, dtype=torch.float64).view(48, 6, 8)
    part = judge.judges[0]
    slope = (part(data + step) - part(data - step)) / 2e-6
    torch.testing.assert_close(r1_penalty(judge, data, places).double(), slope.square().sum(), rtol=1e-4, atol=0)


def test_samples_that_no_window_fits_in_count_in_no_loss():
    judge, data = small().eval(), torch.randn(2, 6, 8)
    places = judge.places(data, torch.arange(8) < torch.tensor([[8], [3]]), torch.Generator())
    alone = judge.places(data[:1], None, torch.Generator())
    for clips, only in zip(places, alone, strict=True):
        only.starts.copy_(clips.starts)
    torch.testing.assert_close(r1_penalty(judge, data, places), r1_penalty(judge, data[:1], alone))
    adversary = Adversary(judge)
    none = judge.places(data, torch.zeros(2, 8, dtype=torch.bool), torch.Generator())
    assert float(adversary.discriminator_loss(data, data, none).detach()) == 0
    weight = torch.ones((), requires_grad=True)
    assert float(adversary.generator_loss(data * weight, none, (data * weight).mean(), weight)) == 0


def test_the_adaptive_weight_is_the_ratio_of_the_gradients():
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    ratio = adaptive_weight(3 * weight.sum(), -0.5 * weight.sum(), weight)
    assert float(ratio) == 6 and not ratio.requires_grad
    assert float(adaptive_weight(weight.sum(), 1e-9 * weight.sum(), weight)) == 1e4
    assert float(adaptive_weight(weight.sum(), 0 * weight.sum(), weight)) == 1e4


def test_the_generators_gradient_is_as_large_as_that_of_the_reconstruction_times_the_weight():
    layer, z, data = nn.Linear(4, 48), torch.randn(3, 4), torch.randn(3, 6, 8)
    output = layer(z).view(3, 6, 8)
    reconstruction = (output - data).abs().mean()
    adversary = Adversary(Linear(6, 8), weight=0.5)
    loss = adversary.generator_loss(output, None, reconstruction, layer.weight)
    norms = [torch.autograd.grad(x, layer.weight, retain_graph=True)[0].norm() for x in (loss, reconstruction)]
    torch.testing.assert_close(norms[0], norms[1] / 2)
    logits = adversary.discriminator(output)
    assert float(loss.detach()) * float(logits.detach().mean()) < 0, "it raises the logits"


@pytest.mark.parametrize("kind", ["lsgan", "hinge"])
def test_the_discriminators_loss_leaves_the_decoder_alone(kind):
    adversary, data = Adversary(Linear(6, 8), kind=kind, r1=2.0), torch.randn(3, 6, 8)
    output = torch.randn(3, 6, 8, requires_grad=True)
    loss = adversary.discriminator_loss(data, output, None)
    judge = adversary.discriminator
    plain = {"lsgan": least_squares, "hinge": hinge}[kind](judge(data), judge(output))
    torch.testing.assert_close(loss, plain + 2 * judge.w.square().sum())
    loss.backward()
    assert output.grad is None and judge.w.grad.any()
    without = Adversary(judge, kind=kind, r1=0.0).discriminator_loss(data, output, None)
    torch.testing.assert_close(without, plain)


def test_it_starts_at_its_step():
    adversary = Adversary(Linear(1), start=3)
    assert [adversary.active(step) for step in (0, 2, 3, 9)] == [False, False, True, True]
    assert not Adversary(Linear(1), weight=0.0).active(5)
    with pytest.raises(ValueError, match=r"weight=1.0, start=-1 and r1=3.0 must not be negative"):
        Adversary(Linear(1), start=-1)


def test_neither_side_has_gradients_to_the_other():
    adversary = Adversary(small())
    last = nn.Parameter(torch.ones(()))
    data = torch.randn(3, 6, 8)
    output = last * torch.randn(3, 6, 8)
    places = adversary.discriminator.places(data, None, torch.Generator().manual_seed(0))
    adversary.generator_loss(output, places, (output - data).abs().mean(), last).backward()
    assert last.grad is not None and all(parameter.grad is None for parameter in adversary.parameters())
    assert all(parameter.requires_grad for parameter in adversary.parameters())
    last.grad = None
    adversary.discriminator_loss(data, last * data, places).backward()
    assert last.grad is None and all(parameter.grad is not None for parameter in adversary.parameters())


def test_whether_it_judges_is_asked_without_a_trace():
    adversary = Adversary(small())
    before = {name: tensor.clone() for name, tensor in adversary.state_dict().items()}
    assert adversary.judges(torch.randn(2, 6, 12), None)
    assert not adversary.judges(torch.randn(2, 6, 3), None)
    assert adversary.discriminator.training
    assert all(torch.equal(before[name], tensor) for name, tensor in adversary.state_dict().items())
