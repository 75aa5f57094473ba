import pytest
import torch

from lumina.sampling.guidance import ClassifierFree, FirstChannels
from modalities.image import Image

T = torch.tensor(0.5)


@pytest.mark.parametrize(("channels", "patch"), [(4, 2), (16, 2), (5, 1)])
def test_first_three_channels_are_guided_and_the_others_conditional(channels, patch):
    """Compared where channels are an axis: in the latents."""
    image = Image((4 * patch, 6 * patch), channels, patch)
    conditional, null = torch.randn(2, 3, channels, 4 * patch, 6 * patch, generator=torch.Generator().manual_seed(0))
    tokens = [image.tokenize(velocity, {}) for velocity in (conditional, null)]
    combined = FirstChannels(4.0, of=channels).combine(tokens[0].features, tokens[1].features, T)
    expected = conditional.clone()
    expected[:, :3] = null[:, :3] + 4 * (conditional[:, :3] - null[:, :3])
    latents = torch.stack([image._unpatchify(tokens[0].with_features(combined), sample) for sample in range(3)])
    torch.testing.assert_close(latents, expected)


def test_all_channels_guided_is_classifier_free_guidance():
    conditional, null = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    expected = ClassifierFree(2.5).combine(conditional, null, T)
    assert torch.equal(FirstChannels(2.5, channels=4, of=4).combine(conditional, null, T), expected)


def test_wrong_channels_are_told():
    with pytest.raises(ValueError, match="3 channels of 1"):
        FirstChannels(2.0, of=1)
    with pytest.raises(ValueError, match="16 features do not have 5 channels"):
        FirstChannels(2.0, of=5).combine(torch.zeros(1, 2, 16), torch.zeros(1, 2, 16), T)
