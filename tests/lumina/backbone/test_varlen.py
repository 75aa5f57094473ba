"""Attention inside the segments of one sequence, against each segment by itself."""

import pytest
import torch

from lumina.backbone import varlen
from lumina.backbone.varlen import Pairs, Segments, attend_segments

Q_LENGTHS, K_LENGTHS = (5, 1, 17), (3, 9, 2)


def example(q_lengths, k_lengths, heads=4, kv_heads=2, width=24, **where):
    generator = torch.Generator().manual_seed(0)
    shapes = ((sum(q_lengths), heads), (sum(k_lengths), kv_heads), (sum(k_lengths), kv_heads))
    return [torch.randn(1, n, h, width, generator=generator).to(**where) for n, h in shapes]


def pairs(q_lengths, k_lengths, device="cpu", order=None):
    queries, keys = (Segments.of(lengths, torch.device(device)) for lengths in (q_lengths, k_lengths))
    return Pairs(queries=queries, keys=keys, order=order)


def attend_alone(q, k, v, q_lengths, k_lengths):
    """Softmax written out in float64, key/value heads repeated."""
    outputs = []
    for a, b, c in zip(q[0].split(q_lengths), k[0].split(k_lengths), v[0].split(k_lengths), strict=True):
        b, c = (x.double().repeat_interleave(a.shape[1] // x.shape[1], 1) for x in (b, c))
        scores = torch.einsum("qhd,khd->hqk", a.double(), b) / a.shape[-1] ** 0.5
        outputs.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), c))
    return torch.cat(outputs)[None]


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("k_lengths", [Q_LENGTHS, K_LENGTHS])
def test_segments(kv_heads, k_lengths):
    q, k, v = example(Q_LENGTHS, k_lengths, kv_heads=kv_heads)
    got = attend_segments(q, k, v, pairs(Q_LENGTHS, k_lengths, q.device))
    expected = attend_alone(q, k, v, Q_LENGTHS, k_lengths)
    torch.testing.assert_close(got.double(), expected, atol=1e-6, rtol=1e-5)


def test_a_segment_without_keys_gives_zero():
    q, k, v = example(Q_LENGTHS, (3, 0, 2))
    got = attend_segments(q, k, v, pairs(Q_LENGTHS, (3, 0, 2)))
    assert (got[:, 5] == 0).all()
    expected = attend_alone(q[:, :5], k[:, :3], v[:, :3], (5,), (3,))
    torch.testing.assert_close(got[:, :5].double(), expected, atol=1e-6, rtol=1e-5)


def test_queries_in_any_order_and_shape():
    """Shuffled queries of two samples get what they get in order."""
    q, k, v = example((2, 3, 1, 2), (3, 9, 2, 4))
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = torch.empty_like(q).index_copy(1, order, q).reshape(2, 4, *q.shape[2:])
    got = attend_segments(shuffled, k, v, pairs((2, 3, 1, 2), (3, 9, 2, 4), order=order))
    expected = attend_alone(q, k, v, (2, 3, 1, 2), (3, 9, 2, 4))
    assert got.shape == shuffled.shape
    torch.testing.assert_close(got.reshape_as(q)[:, order].double(), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("width", [64, 72])
@pytest.mark.parametrize("k_lengths", [Q_LENGTHS, K_LENGTHS, (3, 0, 2)])
def test_fused_kernel(kv_heads, width, k_lengths):
    """bfloat16 on a GPU: one kernel for all segments, forward and backward."""
    where = {"device": "cuda", "dtype": torch.bfloat16}
    q, k, v = (x.requires_grad_() for x in example(Q_LENGTHS, k_lengths, kv_heads=kv_heads, width=width, **where))
    got = attend_segments(q, k, v, pairs(Q_LENGTHS, k_lengths, q.device))
    expected = attend_alone(q, k, v, Q_LENGTHS, k_lengths)
    torch.testing.assert_close(got.double(), expected, atol=2e-2, rtol=2e-2)
    weight = torch.randn_like(expected)
    ours = torch.autograd.grad((got.double() * weight).sum(), (q, k, v))
    theirs = torch.autograd.grad((expected * weight).sum(), (q, k, v))
    for a, b in zip(ours, theirs, strict=True):
        assert (a - b).norm() <= 2e-2 * b.norm()
    assert torch.equal(got, attend_segments(q, k, v, pairs(Q_LENGTHS, k_lengths, q.device)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_packed_batch_on_a_gpu(build, grids, collate):
    """The whole network in bfloat16 autocast, packed, is each sample by itself in float32 up to rounding."""
    from lumina.values import Conditioning, Tokens

    model, samples = build(dim=96, text_dim=10).cuda(), grids([(6, 6), (3, 4), (1, 5)])
    batch, t = collate(samples), torch.tensor([0.1, 0.5, 0.9], device="cuda")
    text = torch.randn(3, 4, 10, device="cuda")
    mask = torch.tensor([[True] * 4, [False] * 4, [True, True, False, False]], device="cuda")
    moved = Tokens(features=batch.features.cuda(), positions=batch.positions.cuda(), mask=batch.mask.cuda())
    with torch.autocast("cuda", torch.bfloat16):
        packed = model.predict(moved, t, Conditioning(cross=text, cross_mask=mask)).float()
    for i, sample in enumerate(samples):
        alone = Tokens(features=sample.features.cuda(), positions=sample.positions.cuda())
        cond = Conditioning(cross=text[i : i + 1], cross_mask=mask[i : i + 1])
        expected = model.predict(alone, t[i : i + 1], cond)[0]
        assert (packed[i, : len(expected)] - expected).norm() <= 3e-2 * expected.norm()


def test_float32_is_named_as_what_keeps_the_kernel_from_it():
    segments = varlen.Segments.of([3, 2], torch.device("cpu"))
    assert "float32; train or sample in bfloat16" in varlen._obstacle(torch.zeros(1, 5, 2, 64), segments)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_attention_sample_by_sample_is_told_once():
    varlen._warn.cache_clear()
    x = torch.randn(1, 5, 2, 64, device="cuda")
    segments = varlen.Segments.of([3, 2], x.device)
    with pytest.warns(UserWarning, match="sample by sample") as told:
        for _ in range(2):
            varlen.attend_segments(x, x, x, varlen.Pairs(queries=segments, keys=segments))
    assert len(told) == 1
