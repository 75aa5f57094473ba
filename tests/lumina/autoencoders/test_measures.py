"""Measures of reconstructions against closed forms, over what is real alone."""

import math

import pytest
import torch

from lumina.audio.conventions import MAKE_AN_AUDIO, MM_AUDIO
from lumina.autoencoders.measures import Measures
from lumina.autoencoders.seen import Seen
from lumina.autoencoders.views import Pictures, Spectrograms
from lumina.values import Posterior

SCALE = torch.tensor(2.0)


def posterior(*shape):
    return Posterior(mean=torch.randn(shape), logvar=torch.randn(shape))


def measured(view, *batches):
    measures = Measures(view, 2, torch.device("cpu"))
    for seen, output, latents in batches:
        measures.add(seen, output, latents, SCALE)
    return measures.compute(lambda sums: sums)


def test_closed_forms():
    data = torch.randn(3, 80, 8)
    latents = posterior(3, 5, 4)
    found = measured(Spectrograms(MAKE_AN_AUDIO), (Seen(data=data), 0.5 * data + 0.25, latents))
    assert found["l1_log10"] == pytest.approx(float((0.5 * data - 0.25).abs().mean()), rel=1e-5)
    assert found["detail_time"] == pytest.approx(0.25, rel=1e-5)  # a variance, and an offset has no detail
    assert found["detail_bands"] == pytest.approx(0.25, rel=1e-5)
    mean, logvar = latents.mean, latents.logvar
    assert found["kl"] == pytest.approx(float(0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()), rel=1e-5)
    assert found["latent_std"] == pytest.approx(2 * float(mean.std(correction=0)), rel=1e-5)


def test_smoothing_shows_in_its_direction():
    data = torch.randn(2, 80, 64)
    smooth = torch.stack([data.roll(shift, -1) for shift in (-1, 0, 1)]).mean(0)
    found = measured(Spectrograms(MAKE_AN_AUDIO), (Seen(data=data), smooth, posterior(2, 5, 32)))
    assert found["detail_time"] < 0.1 < 0.3 < found["detail_bands"]


def test_what_is_not_real_counts_nowhere_and_batches_are_one():
    data, output, latents = torch.randn(2, 80, 8), torch.randn(2, 80, 8), posterior(2, 5, 4)
    mask = torch.arange(8) < torch.tensor([[8], [4]])
    view = Spectrograms(MM_AUDIO)
    whole = measured(view, (Seen(data=data, mask=mask), output, latents))
    spoilt = output.clone()
    spoilt[1, :, 4:] = 1e3
    far = Posterior(mean=latents.mean.clone(), logvar=latents.logvar)
    far.mean[1, :, 2:] = 1e3
    assert measured(view, (Seen(data=data, mask=mask), spoilt, far)) == pytest.approx(whole, rel=1e-5)
    rows = [(Seen(data=data[:1]), output[:1], Posterior(mean=latents.mean[:1], logvar=latents.logvar[:1]))]
    cut = Posterior(mean=latents.mean[1:, :, :2], logvar=latents.logvar[1:, :, :2])
    rows.append((Seen(data=data[1:, :, :4]), output[1:, :, :4], cut))
    assert measured(view, *rows) == pytest.approx(whole, rel=1e-5)
    real = torch.cat([(output - data)[0].flatten(), (output - data)[1, :, :4].flatten()])
    assert whole["l1_log10"] == pytest.approx(float(real.abs().mean()) / math.log(10), rel=1e-5)


def test_pictures_and_nothing():
    data = torch.randn(2, 3, 8, 8)
    found = measured(Pictures(), (Seen(data=data), data, posterior(2, 4, 4, 4)))
    assert found["l1"] == 0 and found["detail_across"] == found["detail_down"] == 1
    assert measured(Pictures()) == {}
