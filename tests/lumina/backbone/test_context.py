"""What a run of predictions keeps changes nothing but the work; which samples skip which branches."""

from dataclasses import replace

import pytest
import torch
from torch import Generator

from lumina.backbone import NextDiTConfig
from lumina.backbone.context import _paths
from lumina.objectives.flow_matching import FlowMatching
from lumina.sampling.guidance import ClassifierFree
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Midpoint
from lumina.values import Conditioning, ContextDrop, Inference, StepCache, Tokens

TEXT = 10
RULES = ["none", "ntk", "time_aware", "watershed"]
NOTHING, RECOGNITION = Conditioning(), {"modulation": "learned"}


class Forgetful:
    """A backbone that computes everything at every call."""

    def __init__(self, model):
        self.model = model

    def predict(self, tokens, t, cond, inference=None):
        return self.model.predict(tokens, t, cond, replace(inference, cache=None))


def captions(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(5) < torch.tensor([5, 2, 3])[:count, None]
    return Conditioning(cross=torch.randn(count, 5, TEXT, generator=generator), cross_mask=mask)


def canvases(grids, collate):
    """Three samples as large as one another, on shared places, and of mixed sizes."""
    even = grids([(4, 4)] * 3)
    shared = Tokens(features=torch.zeros(3, 16, 5), positions=even[0].positions.expand(3, -1, -1))
    mixed = collate(grids([(4, 4), (3, 5), (2, 2)]))
    return {"even": shared, "mixed": replace(mixed, features=mixed.features.masked_fill(~mixed.mask[..., None], 0))}


def run(backbone, tokens, cond, inference, guidance):
    objective = FlowMatching()
    sampler = Sampler(Uniform(), Midpoint(), 3, guidance)
    generator, null = torch.Generator().manual_seed(1), captions(3, seed=5)
    return objective.outputs(backbone, tokens, cond, null, generator, inference, sampler).features


@pytest.mark.parametrize("canvas", ["even", "mixed"])
@pytest.mark.parametrize("guidance", [None, ClassifierFree(4.0)])
@pytest.mark.parametrize("config", [{}, {"positions": "rope_1d", "line_tokens": True}])
def test_samples_are_the_same_bits(build, grids, collate, canvas, guidance, config):
    model, tokens = build(text_dim=TEXT, **config), canvases(grids, collate)[canvas]
    inference = Inference(proportional_base=4)
    kept, computed = (run(x, tokens, captions(3), inference, guidance) for x in (model, Forgetful(model)))
    assert torch.equal(kept, computed)
    assert not torch.equal(kept, run(model, tokens, captions(3, seed=2), inference, guidance))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("drop", [None, ContextDrop(layers="spread")])
def test_rotation_follows_the_time(build, grids, collate, rule, drop):
    """Rules that know time turn anew, at times in any order."""
    model, tokens = build(text_dim=TEXT), canvases(grids, collate)["mixed"]
    inference = Inference(rope_rule=rule, trained_length=(2, 2), context_drop=drop)
    memory = replace(inference, cache=StepCache())
    outputs = []
    with torch.no_grad():
        for time in (0.1, 0.1, 0.9, 0.2, 0.7):
            t = torch.full((3,), time)
            outputs.append(model.predict(tokens, t, captions(3), memory))
            assert torch.equal(outputs[-1], model.predict(tokens, t, captions(3), inference))
    assert torch.equal(outputs[0], outputs[1]) and not torch.equal(outputs[1], outputs[2])


def test_text_is_read_once(build, grids, collate):
    model, tokens = build(text_dim=TEXT), canvases(grids, collate)["mixed"]
    calls = []
    readers = [m for name, m in model.named_modules() if name.endswith(("wk_y", "wv_y", "attention_y_norm"))]
    for module in [*readers, model.cap_embedder]:
        module.register_forward_hook(lambda module, *_: calls.append(module))
    run(model, tokens, captions(3), None, ClassifierFree(2.0))
    assert len(calls) == len(set(calls)) == 2 * 3 + 1


def test_gradients_are_those_without_it(build, grids, collate):
    """While gradients are recorded nothing is kept, not even under activation checkpointing."""
    tokens, t, memory = canvases(grids, collate)["mixed"], torch.full((3,), 0.4), StepCache()
    gradients = []
    for inference in (None, Inference(cache=memory), Inference(cache=memory)):
        model = build(text_dim=TEXT, activation_checkpointing=True)
        model.predict(tokens, t, captions(3), inference).square().sum().backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    assert torch.equal(gradients[0], gradients[1]) and torch.equal(gradients[0], gradients[2])


def test_sharded_backbone(build, grids, collate, tmp_path):
    """Blocks gather their parameters while they run alone, so what is kept must have been computed inside them."""
    from torch.distributed import destroy_process_group, init_process_group
    from torch.distributed.device_mesh import init_device_mesh

    from lumina.distributed.sharding import shard

    tokens, expected = canvases(grids, collate)["mixed"], []
    init_process_group("gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    try:
        for sharded in (False, True):
            model = build(text_dim=TEXT)
            if sharded:
                mesh = init_device_mesh("cpu", (1, 1), mesh_dim_names=("data_parallel", "tensor_parallel"))
                shard(model, [], mesh)
            expected.append(run(model, tokens, captions(3), None, ClassifierFree(2.0)))
    finally:
        destroy_process_group()
    assert torch.equal(*expected)


@pytest.mark.slow
def test_compiled_blocks_keep_the_same(build, grids, collate):
    plain, fast = (build(text_dim=TEXT) for _ in range(2))
    fast.compile_blocks()
    drop = Inference(context_drop=ContextDrop())
    for tokens in canvases(grids, collate).values():
        ours, theirs = (run(model, tokens, captions(3), drop, ClassifierFree(2.0)) for model in (fast, plain))
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def drop(seed: int) -> Inference:
    return Inference(drop_path=Generator().manual_seed(seed))


def test_chances_rise_linearly_and_expectations_stay():
    config = NextDiTConfig(num_layers=3, drop_path=0.4)
    paths = torch.stack(_paths(config, Generator().manual_seed(0), torch.zeros(20_000, 1, 1)))
    assert paths.shape == (3, 2, 20_000) and (paths[0] == 1).all()
    torch.testing.assert_close((paths == 0).float().mean((1, 2)), torch.tensor([0.0, 0.2, 0.4]), atol=0.01, rtol=0)
    torch.testing.assert_close(paths.mean((1, 2)), torch.ones(3), atol=0.02, rtol=0)


def test_a_dropped_sample_passes_through(build, grids):
    tokens, shallow = grids([(2, 3)])[0], build(**RECOGNITION)
    del shallow.layers[1]
    deep = build(**RECOGNITION, drop_path=0.999)
    expected = shallow.features(tokens, None, NOTHING)
    torch.testing.assert_close(deep.features(tokens, None, NOTHING, drop(0)), expected)
    assert (deep.features(tokens, None, NOTHING) - expected).abs().max() > 0.01


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
@pytest.mark.parametrize("activation_checkpointing", [False, True])
def test_draws_are_of_the_sample(build, grids, collate, mixed_sizes, activation_checkpointing):
    """The same seed drops the same, however sizes are batched, and a recomputed block drops what it dropped."""
    batch = collate(grids([(2, 3), (4, 4), (1, 5)]))
    reference = build(**RECOGNITION, drop_path=0.5)
    model = build(
        **RECOGNITION,
        drop_path=0.5,
        mixed_sizes=mixed_sizes,
        activation_checkpointing=activation_checkpointing,
    )
    expected = reference.features(batch, None, NOTHING, drop(3))
    out = model.features(batch, None, NOTHING, drop(3))
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    assert not torch.equal(expected, reference.features(batch, None, NOTHING, drop(4)))
    for each in (reference.features(batch, None, NOTHING, drop(3)), out):
        each.square().sum().backward()
    for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-3, rtol=1e-3)


def test_a_chance_of_one_is_refused():
    with pytest.raises(ValueError, match=r"drop_path=1\.0 must be a probability"):
        NextDiTConfig(drop_path=1.0)
