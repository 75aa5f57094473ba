"""What a user chooses of sampling, and what stays as the experiment has it."""

import pytest

from lumina.generation.how import How
from lumina.sampling.guidance import ClassifierFree, FirstChannels, PerCondition
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Sigmoid, Uniform
from lumina.sampling.solvers import Dopri5, Euler, Midpoint
from lumina.values import ContextDrop
from modalities.image import Image
from modalities.point_cloud import PointCloud

IMAGE = Image(size=(8, 8))
TRAINED = Sampler(Sigmoid(), Midpoint(), 10, ClassifierFree(3.0))


def test_what_is_not_given_stays():
    kept = How().sampler(TRAINED, IMAGE)
    assert (kept.schedule, kept.solver, kept.steps, kept.guidance) == (
        TRAINED.schedule, TRAINED.solver, TRAINED.steps, TRAINED.guidance,
    )  # fmt: skip
    chosen = How(steps=3, solver=Euler(), schedule=Uniform(), guidance=5.0).sampler(TRAINED, IMAGE)
    assert (type(chosen.schedule), type(chosen.solver), chosen.steps) == (Uniform, Euler, 3)
    assert chosen.guidance.scale == 5


def test_a_scale_of_one_is_no_guidance():
    assert How(guidance=1).sampler(TRAINED, IMAGE).guidance is None


def test_each_condition_may_have_a_scale_of_its_own():
    own = How(guidance={"reference": 2.0, "prompt": 5.0}).sampler(TRAINED, IMAGE)
    assert isinstance(own.guidance, PerCondition) and own.guidance.scales == {"reference": 2.0, "prompt": 5.0}
    assert own.tells_apart == {"reference", "prompt"}
    assert How(guidance={"reference": 1.0, "prompt": 1.0}).sampler(TRAINED, IMAGE).guidance is None
    assert type(How(guidance=2.0).sampler(own, IMAGE).guidance) is ClassifierFree
    with pytest.raises(ValueError, match="first_three needs one --guidance for all conditions"):
        How(guidance={"prompt": 2.0}, guidance_channels="first_three").sampler(TRAINED, IMAGE)
    with pytest.raises(ValueError, match="give a number for each condition"):
        How(guidance={}).sampler(TRAINED, IMAGE)


def test_the_steps_of_an_adaptive_solver_say_nothing_for_another():
    adaptive = Sampler(Uniform(), Dopri5(), 1)
    assert How().sampler(adaptive, IMAGE).steps == 1
    with pytest.raises(ValueError, match=r"the model's own solver is adaptive, .* give --steps"):
        How(solver=Euler()).sampler(adaptive, IMAGE)
    assert How(solver=Euler(), steps=7).sampler(adaptive, IMAGE).steps == 7


def test_guidance_of_some_channels():
    first = How(guidance_channels="first_three").sampler(TRAINED, IMAGE).guidance
    assert isinstance(first, FirstChannels) and (first.scale, first.of) == (3.0, IMAGE.token_channels)
    again = How(guidance=6.0).sampler(Sampler(Uniform(), Euler(), 2, FirstChannels(4.0, 2, 5)), IMAGE).guidance
    assert isinstance(again, FirstChannels) and (again.scale, again.channels, again.of) == (6.0, 2, 5)
    everywhere = How(guidance_channels="all").sampler(Sampler(Uniform(), Euler(), 2, FirstChannels(4.0)), IMAGE)
    assert type(everywhere.guidance) is ClassifierFree and everywhere.guidance.scale == 4.0


def test_channels_need_a_scale_and_a_modality_that_has_some():
    with pytest.raises(ValueError, match="--guidance_channels needs --guidance"):
        How(guidance_channels="all").sampler(Sampler(Uniform(), Euler(), 2), IMAGE)
    with pytest.raises(ValueError, match="the tokens of PointCloud have no channels"):
        How(guidance_channels="first_three", guidance=2.0).sampler(TRAINED, PointCloud(points=4))


class Module:
    """What `How.inference` asks of a module."""

    def __init__(self, modality, positions="rope"):
        self.modality = modality
        self.backbone = type("Backbone", (), {"config": type("Config", (), {"positions": positions})})


def test_lengths_and_counts_are_those_of_the_trained_canvas():
    options = How(rope="ntk", proportional_attention=True).inference(Module(Image(size=(8, 12))))
    assert (options.rope_rule, options.trained_length, options.proportional_base) == ("ntk", (4, 6), 24)
    assert options.context_drop is None
    plain = How().inference(Module(IMAGE))
    assert (plain.rope_rule, plain.proportional_base) == ("none", None)


@pytest.mark.parametrize(
    ("chosen", "expected"), [(False, None), (True, ContextDrop()), (ContextDrop(factor=4), ContextDrop(factor=4))]
)
def test_context_drop_is_off_the_default_or_as_told(chosen, expected):
    assert How(context_drop=chosen).inference(Module(IMAGE)).context_drop == expected


def test_a_rule_needs_rotary_positions():
    with pytest.raises(ValueError, match=r"--rope=ntk applies to backbones with positions=rope, this one has .*sincos"):
        How(rope="ntk").inference(Module(IMAGE, "sincos"))
    How().inference(Module(IMAGE, "sincos"))
