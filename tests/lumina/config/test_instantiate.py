"""Objects out of plain settings, classes alone."""

import copy

import pytest
from jsonargparse import ArgumentError

from lumina.config.instantiate import arguments_of, instantiated
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Rational

SETTINGS = {
    "schedule": {"class_path": "lumina.sampling.schedules.Rational", "init_args": {"sigma": 3.0}},
    "solver": {"class_path": "lumina.sampling.solvers.Euler"},
    "steps": 5,
}


def test_settings_become_objects_and_stay_as_they_were():
    before = copy.deepcopy(SETTINGS)
    sampler = instantiated(Sampler, SETTINGS)
    assert isinstance(sampler, Sampler) and isinstance(sampler.schedule, Rational)
    assert (sampler.schedule.sigma, sampler.steps) == (3.0, 5)
    assert before == SETTINGS


def test_the_class_itself_is_not_called():
    class Never:
        def __init__(self, sampler: Sampler, count: int = 3):
            raise AssertionError("called")

    found = arguments_of(Never, {"sampler": {"class_path": "lumina.sampling.sampler.Sampler", "init_args": SETTINGS}})
    assert isinstance(found.sampler, Sampler) and found.count == 3


@pytest.mark.parametrize(
    "change", [{"steps": "many"}, {"stepps": 3}, {"solver": {"class_path": "os.getcwd"}}, {"solver": "os.getcwd"}]
)
def test_what_does_not_fit_is_refused(change):
    with pytest.raises((ArgumentError, ValueError)):
        instantiated(Sampler, SETTINGS | change)
