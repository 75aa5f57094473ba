import math

import pytest
import torch

from lumina.sampling.paths import Straight, VariancePreserving
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import DDIM, RK3, RK4, Dopri5, Euler, Heun, Midpoint

RUNGE_KUTTA = [(Euler(), 1), (Midpoint(), 2), (Heun(), 2), (RK3(), 3), (RK4(), 4)]
NAMES = [type(solver).__name__ for solver, _ in RUNGE_KUTTA]
START = torch.tensor([0.5, 1.0, 1.7], dtype=torch.float64).reshape(1, 3, 1)


def velocity(x, t):
    """``x' = -(1 + 2 t) x^2``, nonlinear and dependent on time."""
    return -(1 + 2 * t) * x**2


def solution(t):
    return START / (1 + START * (t + t**2))


def error_after(solver, steps):
    return (Sampler(Uniform(), solver, steps).sample(velocity, START) - solution(1)).norm().item()


@pytest.mark.parametrize(("solver", "order"), RUNGE_KUTTA, ids=NAMES)
def test_order_of_convergence(solver, order):
    steps = [20, 40, 80, 160]
    errors = [error_after(solver, count) for count in steps]
    slope = -math.log(errors[-1] / errors[0]) / math.log(steps[-1] / steps[0])
    assert abs(slope - order) < 0.2


@pytest.mark.parametrize(("solver", "order"), RUNGE_KUTTA, ids=NAMES)
def test_tableau_is_consistent(solver, order):
    tableau = solver.tableau
    assert sum(tableau.weights) == pytest.approx(1)
    assert [sum(row) for row in tableau.matrix] == pytest.approx(list(tableau.nodes))
    assert [len(row) for row in tableau.matrix] == list(range(len(tableau.nodes)))
    # The order is that of quadrature: polynomials in t alone, of degree order - 1, are integrated exactly.
    zero = torch.zeros(1, 1, 1, dtype=torch.float64)
    for degree in range(order):
        result = solver.step(lambda x, t, n=degree: (t**n).expand_as(x), zero, 0.2, 1.4)
        assert result.item() == pytest.approx((1.4 ** (degree + 1) - 0.2 ** (degree + 1)) / (degree + 1))


@pytest.mark.parametrize("solver", [*(solver for solver, _ in RUNGE_KUTTA), DDIM(Straight())])
def test_calls_per_step_is_what_is_called(solver):
    times = []

    def count(x, t):
        times.append(float(t))
        return velocity(x, t)

    solver.step(count, START, 0.25, 0.5)
    assert len(times) == solver.calls_per_step
    assert all(0.25 <= time <= 0.5 for time in times)


@pytest.mark.parametrize("solver", [*(solver for solver, _ in RUNGE_KUTTA), Dopri5(), DDIM(Straight())])
def test_times_may_be_floats_or_tensors_and_dtype_stays(solver):
    x = START.float()
    from_floats = solver.step(velocity, x, 0.25, 0.5)
    from_tensors = solver.step(velocity, x, torch.tensor(0.25, dtype=torch.float64), torch.tensor(0.5))
    assert from_floats.dtype == torch.float32
    assert torch.equal(from_floats, from_tensors)


@pytest.mark.parametrize("tolerance", [1e-5, 1e-8])
def test_dopri5_reaches_its_tolerance(tolerance):
    assert error_after(Dopri5(tolerance, tolerance), 1) < 20 * tolerance
    assert error_after(Dopri5(tolerance, tolerance), 3) < 20 * tolerance


@pytest.mark.parametrize("solver", [*(solver for solver, _ in RUNGE_KUTTA), DDIM(Straight())])
def test_one_step_solves_a_straight_line(solver):
    noise, data = torch.randn(2, 2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    carried = solver.step(lambda x, t: data - noise, noise, 0, 1)
    torch.testing.assert_close(carried, data, rtol=0, atol=1e-14)


def test_ddim_on_the_straight_path_is_euler():
    torch.testing.assert_close(
        DDIM(Straight()).step(velocity, START, 0.3, 0.7), Euler().step(velocity, START, 0.3, 0.7), rtol=0, atol=1e-14
    )


def test_ddim_is_exact_where_data_and_noise_stay_put():
    path = VariancePreserving()
    noise, data = torch.randn(2, 2, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    t, t_next = torch.tensor([0.1, 0.9], dtype=torch.float64)
    x = path.alpha(t) * data + path.sigma(t) * noise
    carried = DDIM(path).step(lambda _, t: path.d_alpha(t) * data + path.d_sigma(t) * noise, x, t, t_next)
    torch.testing.assert_close(carried, path.alpha(t_next) * data + path.sigma(t_next) * noise, rtol=0, atol=1e-12)
