import pytest
import torch
from jsonargparse import ArgumentParser

from lumina.interfaces import Guidance
from lumina.sampling.guidance import ClassifierFree, FirstChannels, PerCondition
from modalities.image import Image

T = torch.tensor(0.5)


@pytest.mark.parametrize(("channels", "patch"), [(4, 2), (16, 2), (5, 1)])
def test_first_three_channels_are_guided_and_the_others_conditional(channels, patch):
    """Compared where channels are an axis: in the latents."""
    image = Image((4 * patch, 6 * patch), channels, patch)
    conditional, null = torch.randn(2, 3, channels, 4 * patch, 6 * patch, generator=torch.Generator().manual_seed(0))
    tokens = [image.tokenize(velocity, {}) for velocity in (conditional, null)]
    combined = FirstChannels(4.0, of=channels).combine((tokens[0].features, tokens[1].features), T)
    expected = conditional.clone()
    expected[:, :3] = null[:, :3] + 4 * (conditional[:, :3] - null[:, :3])
    latents = torch.stack([image._unpatchify(tokens[0].with_features(combined), sample) for sample in range(3)])
    torch.testing.assert_close(latents, expected)


def test_all_channels_guided_is_classifier_free_guidance():
    conditional, null = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    expected = ClassifierFree(2.5).combine((conditional, null), T)
    assert torch.equal(FirstChannels(2.5, channels=4, of=4).combine((conditional, null), T), expected)


def test_wrong_channels_are_told():
    with pytest.raises(ValueError, match="3 channels of 1"):
        FirstChannels(2.0, of=1)
    with pytest.raises(ValueError, match="16 features do not have 5 channels"):
        FirstChannels(2.0, of=5).combine((torch.zeros(1, 2, 16), torch.zeros(1, 2, 16)), T)


def velocities(guidance, of):
    """What guidance is given: under all conditions, then under fewer."""
    return [of(frozenset()), *(of(names) for names in guidance.without)]


@pytest.fixture
def of():
    """A velocity for each set of conditions that is left out, all independent."""
    drawn = {}

    def of(names):
        return drawn.setdefault(names, torch.randn(3, 5, 8, dtype=torch.float64))

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield of


def test_conditions_are_added_one_after_the_other(of):
    guidance = PerCondition({"reference": 2.0, "prompt": 5.0})
    null, reference, both = of(frozenset({"reference", "prompt"})), of(frozenset({"prompt"})), of(frozenset())
    expected = null + 2 * (reference - null) + 5 * (both - reference)
    torch.testing.assert_close(guidance.combine(velocities(guidance, of), T), expected)
    turned = PerCondition({"prompt": 5.0, "reference": 2.0})
    prompt = of(frozenset({"reference"}))
    expected = null + 5 * (prompt - null) + 2 * (both - prompt)
    torch.testing.assert_close(turned.combine(velocities(turned, of), T), expected)


def test_independent_conditions_are_scaled_each_by_its_own():
    """Where conditions add up, the order does not count."""
    base, reference, prompt = torch.randn(3, 2, 4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def of(names):
        return base + ("reference" not in names) * reference + ("prompt" not in names) * prompt

    for scales in ({"reference": 2.0, "prompt": 5.0}, {"prompt": 5.0, "reference": 2.0}):
        guidance = PerCondition(scales)
        expected = base + 2 * reference + 5 * prompt
        torch.testing.assert_close(guidance.combine(velocities(guidance, of), T), expected)


def test_equal_scales_are_classifier_free_guidance_at_its_cost(of):
    guidance = PerCondition({"reference": 3.0, "prompt": 3.0})
    everything = frozenset({"reference", "prompt"})
    assert guidance.without == (everything,)
    expected = ClassifierFree(3.0).combine((of(frozenset()), of(everything)), T)
    torch.testing.assert_close(guidance.combine(velocities(guidance, of), T), expected)


def test_a_scale_of_one_is_no_guidance_and_costs_nothing(of):
    assert PerCondition({"reference": 1.0, "prompt": 5.0}).without == (frozenset({"prompt"}),)
    follows = PerCondition({"reference": 1.0, "prompt": 1.0})
    assert follows.without == () and torch.equal(follows.combine(velocities(follows, of), T), of(frozenset()))


def test_a_scale_of_zero_ignores_a_condition(of):
    guidance = PerCondition({"reference": 1.0, "prompt": 0.0})
    torch.testing.assert_close(guidance.combine(velocities(guidance, of), T), of(frozenset({"prompt"})))


@pytest.mark.parametrize("scales", [{}, {"prompt": float("nan")}, {"prompt": 2.0, "reference": float("inf")}])
def test_scales_that_are_no_numbers_are_refused(scales):
    with pytest.raises(ValueError, match="give a number for each condition by its name"):
        PerCondition(scales)


def test_scales_keep_their_order_in_a_configuration():
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--guidance", type=Guidance)
    scales = {"prompt": 5.0, "label": 2.0, "a": 3.0}
    spelt = {"class_path": "lumina.sampling.guidance.PerCondition", "init_args": {"scales": scales}}
    again = parser.parse_string(parser.dump(parser.parse_object({"guidance": spelt})))
    assert list(parser.instantiate_classes(again).guidance.scales.items()) == list(scales.items())
