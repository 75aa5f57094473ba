import math
import sys

import pytest
import torch
from jsonargparse import ArgumentParser

from lumina.sampling.guidance import ClassifierFree
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Rational, Sigmoid, Uniform
from lumina.sampling.solvers import RK4, Dopri5, Euler, Midpoint

NOISE = torch.tensor([[[1.0], [2.0]]], dtype=torch.float64)


def growth(x, t):
    return x * torch.cos(t)


def grown(start, end):
    return NOISE * math.exp(math.sin(end) - math.sin(start))


@pytest.mark.parametrize("time_range", [(0.0, 1.0), (0.25, 0.5), (1.0, 0.0)])
@pytest.mark.parametrize("solver", [RK4(), Dopri5(1e-9, 1e-9)])
@pytest.mark.parametrize("schedule", [Uniform(), Rational(), Sigmoid()])
def test_time_range_is_walked_from_start_to_end(schedule, solver, time_range):
    result = Sampler(schedule, solver, steps=40).sample(growth, NOISE, time_range)
    torch.testing.assert_close(result, grown(*time_range), rtol=0, atol=1e-6)


def test_schedule_falls_on_the_time_range():
    seen = []

    def remember(x, t):
        seen.append(t)
        return torch.zeros_like(x)

    Sampler(Sigmoid(), Euler(), steps=10).sample(remember, NOISE, (0.2, 0.8))
    torch.testing.assert_close(torch.stack(seen), 0.2 + 0.6 * Sigmoid().times(10)[:-1])


@pytest.mark.parametrize(("solver", "evaluations"), [(Euler(), 10), (Midpoint(), 20)])
def test_steps_count_intervals(solver, evaluations):
    calls = []
    Sampler(Uniform(), solver, steps=10).sample(lambda x, t: calls.append(t) or x, NOISE)
    assert len(calls) == evaluations


def test_no_gradient_is_kept_and_noise_is_left_alone():
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    before = NOISE.clone()
    assert not Sampler(Uniform(), Euler(), steps=2).sample(lambda x, t: weight * x, NOISE).requires_grad
    assert torch.equal(NOISE, before)


def test_progress_counts_the_steps_on_a_terminal(capsys, monkeypatch):
    Sampler(Uniform(), Euler(), steps=3).sample(growth, NOISE, progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    Sampler(Uniform(), Euler(), steps=3).sample(growth, NOISE, progress=True)
    assert "3/3" in capsys.readouterr().err
    Sampler(Uniform(), Euler(), steps=3).sample(growth, NOISE)
    assert capsys.readouterr().err == ""


def test_too_few_steps_are_refused():
    with pytest.raises(ValueError, match="at least 1 step"):
        Sampler(Uniform(), Euler(), steps=0)


def test_guidance_moves_along_the_line_from_null_to_conditional():
    null, conditional = torch.randn(2, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    t = torch.tensor(0.5)
    assert torch.equal(ClassifierFree(1.0).combine((conditional, null), t), conditional)
    assert torch.equal(ClassifierFree(0.0).combine((conditional, null), t), null)
    torch.testing.assert_close(ClassifierFree(4.0).combine((conditional, null), t), null + 4 * (conditional - null))


def test_sampler_is_built_from_a_configuration():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--sampler", type=Sampler)
    config = parser.parse_object(
        {
            "sampler": {
                "schedule": {"class_path": "lumina.sampling.schedules.Rational", "init_args": {"sigma": 3.0}},
                "solver": {
                    "class_path": "lumina.sampling.solvers.DDIM",
                    "init_args": {"path": {"class_path": "lumina.sampling.paths.VariancePreserving"}},
                },
                "steps": 7,
                "guidance": {"class_path": "lumina.sampling.guidance.ClassifierFree", "init_args": {"scale": 2.5}},
            }
        }
    )
    sampler = parser.instantiate(config).sampler
    assert (sampler.steps, sampler.schedule.sigma, sampler.guidance.scale) == (7, 3.0, 2.5)
    assert sampler.solver.path.beta_max == 20.0
