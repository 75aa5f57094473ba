"""What the timings of the backbone stand on: the work is counted right and the competitors compute the same."""

import importlib.util

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.backbone import check
from benchmarks.cases import TEXT_TOKENS, Case, Suite, inputs_of
from benchmarks.flops import TRAINING, forward_flops
from benchmarks.timing import interleave
from benchmarks.variants import Lumina, load_variant, save_weights

CPU = torch.device("cpu")
SUITE = Suite(dim=48, layers=2, cases=())
SAME, MIXED = ((8, 12),) * 3, ((8, 8), (8, 12), (4, 6))


@pytest.fixture(params=[2, 6], ids=["2 kv heads", "6 kv heads"])
def config(request):
    return SUITE.config(request.param)


@pytest.fixture
def weights(config, tmp_path):
    save_weights(config, tmp_path)
    return tmp_path


def counted(call):
    """Attention spelt out as matrix products, since the counter does not know the CPU's fused kernel."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


@pytest.mark.parametrize("sizes", [SAME, MIXED], ids=["same", "mixed"])
def test_work_is_what_torch_counts(config, weights, sizes):
    variant, inputs = Lumina(weights, CPU, "fp32", compiled=False), inputs_of(sizes, CPU)
    lengths = Case(name="", sizes=sizes, kv_heads=config.kv_heads).lengths
    expected = forward_flops(config, lengths, TEXT_TOKENS)
    padding = len(sizes) * max(lengths) - sum(lengths)  # the input embedding alone sees it
    assert counted(lambda: variant.forward(inputs)) == expected + 2 * padding * config.token_dim * config.dim
    # of the backward pass only the gradients at inputs that need none are spared
    assert TRAINING * 0.97 * expected < counted(lambda: variant.train(inputs)) <= TRAINING * expected


@pytest.mark.skipif(importlib.util.find_spec("diffusers") is None, reason="needs diffusers")
@pytest.mark.parametrize("mode", ["forward", "training"])
@pytest.mark.parametrize("sizes", [SAME, MIXED], ids=["same", "mixed"])
def test_copied_weights_agree(weights, sizes, mode):
    variants = {name: load_variant(name, weights, CPU, "fp32") for name in ("diffusers", "lumina")}
    inputs = inputs_of(sizes, CPU)
    first, differences = check(variants, inputs, mode, 1e-4)
    assert first.keys() == variants.keys()
    assert differences["lumina"] < 1e-5
    assert variants["diffusers"].as_tokens(variants["diffusers"].forward(inputs)).abs().mean() > 0.1


@pytest.mark.skipif(importlib.util.find_spec("diffusers") is None, reason="needs diffusers")
def test_disagreement_is_not_timed(weights):
    variants = {name: load_variant(name, weights, CPU, "fp32") for name in ("diffusers", "lumina")}
    with torch.no_grad():
        variants["lumina"].model.get_parameter("layers.0.feed_forward.w1.weight").mul_(1.01)
    with pytest.raises(ValueError, match=r"lumina is .* off diffusers"):
        check(variants, inputs_of(SAME, CPU), "forward", 1e-4)


def test_rounds_are_interleaved():
    calls = []
    samples = interleave({name: lambda name=name: calls.append(name) for name in "abc"}, CPU)
    assert "".join(calls[:9]) == "abcbcacab"
    assert {len(times) for times in samples.values()} == {len(calls) // 3}
