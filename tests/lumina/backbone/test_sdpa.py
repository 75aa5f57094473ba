"""Attention in the precision that trains fastest, against the softmax written out."""

import pytest
import torch

from lumina.backbone.sdpa import SHORT, sdpa


def example(dtype=torch.float32, kv_heads=2):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 4, 7, 8), (2, kv_heads, 5, 8), (2, kv_heads, 5, 8))
    return [torch.randn(*shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def written_out(q, k, v, mask=None):
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], 1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1) @ v


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("masked", [False, True])
def test_equals_the_softmax(kv_heads, masked):
    mask = torch.tensor([True, True, False, True, False])[None, None, None] if masked else None
    arrays = example(kv_heads=kv_heads)
    torch.testing.assert_close(sdpa(*arrays, mask), written_out(*arrays, mask))


def test_half_precision_trains_in_float32_and_keeps_its_precision():
    arrays = example(torch.bfloat16)
    exact = [x.detach().float().requires_grad_() for x in arrays]
    with torch.autocast("cpu", torch.bfloat16):
        out = sdpa(*arrays)
    out.float().square().sum().backward()
    expected = written_out(*exact)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), expected, atol=4e-3, rtol=8e-3)  # the rounding of the output alone
    expected.to(torch.bfloat16).float().square().sum().backward()
    for half, whole in zip(arrays, exact, strict=True):
        assert half.grad.dtype == torch.bfloat16
        torch.testing.assert_close(half.grad.float(), whole.grad, atol=2e-2, rtol=2e-2)


def test_other_precisions_are_left_alone():
    arrays = [x.detach().double().requires_grad_() for x in example()]
    out = sdpa(*arrays)
    assert out.dtype == torch.float64
    torch.testing.assert_close(out, written_out(*arrays))
    assert sdpa(*(torch.empty(2, 2, 3, 8, dtype=torch.bfloat16, device="meta") for _ in range(3))).is_meta


def test_long_sequences_stay_in_half_precision():
    def kept(length):
        seen = []
        arrays = [torch.randn(1, 1, length, 8, dtype=torch.bfloat16, requires_grad=True) for _ in range(3)]
        with torch.autograd.graph.saved_tensors_hooks(lambda x: seen.append(x.dtype) or x, lambda x: x):
            sdpa(*arrays)
        return torch.bfloat16 in seen

    assert kept(SHORT + 1) and not kept(SHORT)
