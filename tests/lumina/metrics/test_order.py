"""Keys that order samples whatever order they come in."""

import torch

from lumina.metrics.order import content_keys


def test_keys_belong_to_the_samples_and_not_to_their_places():
    samples, order = torch.randn(20, 5, 3), torch.randperm(20)
    assert torch.equal(content_keys(samples)[order], content_keys(samples[order]))
    assert len(content_keys(samples).unique()) == 20
    assert (content_keys(samples) >= 0).all()


def test_how_a_sample_lies_in_memory_does_not_matter():
    samples = torch.randn(4, 5, 3)
    assert torch.equal(content_keys(samples), content_keys(samples.mT.contiguous().mT))
    assert torch.equal(content_keys(list(samples.requires_grad_())), content_keys(samples.detach()))


def test_the_least_change_shows():
    sample = torch.ones(3)
    assert content_keys([sample]) != content_keys([torch.nextafter(sample, torch.tensor(2.0))])


def test_no_samples():
    keys = content_keys([])
    assert keys.shape == (0,) and keys.dtype == torch.int64
