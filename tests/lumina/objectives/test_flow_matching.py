"""Straight lines from noise to data: what is predicted is the velocity itself."""

import torch
from gaussian import canvas, random, seeded

from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from lumina.values import Conditioning

NOTHING = Conditioning()


class ToOnePoint:
    """The best backbone where all data are one point: the line from here to there, in the time that is left."""

    def __init__(self, point):
        self.point, self.calls = point, 0

    def predict(self, tokens, t, cond, inference=None):
        self.calls += 1
        return (self.point - tokens.features) / (1 - t[:, None, None])


def test_one_step_along_a_straight_line_arrives():
    point, noise = random(3, 5, 2, seed=1), random(3, 5, 2, seed=2)
    backbone, sampler = ToOnePoint(point), Sampler(Uniform(), Euler(), steps=1)
    result = FlowMatching().outputs(backbone, canvas(), NOTHING, NOTHING, seeded(), sampler=sampler, noise=noise)
    torch.testing.assert_close(result.features, point)
    assert backbone.calls == 1


def test_the_loss_of_the_best_backbone_of_one_point_is_zero():
    point = random(1, 5, 2).expand(3, -1, -1)
    loss = FlowMatching().loss(ToOnePoint(point), canvas().with_features(point), NOTHING, {}, seeded())["loss"]
    assert loss.item() < 1e-9


def test_the_target_is_the_velocity_of_the_noisy_sample():
    """x_t lies on the line, so x_t - t v is the noise and x_t + (1 - t) v the data, at every time."""
    objective, data = FlowMatching(), random(4, 5, 2)
    example = objective.corrupt(data, None, seeded())
    t = example.t[:, None, None]
    torch.testing.assert_close(example.x_t + (1 - t) * example.target, data, check_dtype=False)
    prediction = objective.velocity(example.target, example.x_t, example.t)
    assert prediction is example.target


def test_ten_midpoint_steps_are_twenty_evaluations_over_all_times():
    backbone = ToOnePoint(random(3, 5, 2))
    FlowMatching().outputs(backbone, canvas(), NOTHING, NOTHING, seeded())
    assert backbone.calls == 20
    assert FlowMatching().time_range == (0.0, 1.0)
