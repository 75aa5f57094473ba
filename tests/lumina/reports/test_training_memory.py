"""The memory arithmetic against what autograd and the optimizer really keep."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.reports.training_memory import Plan, block_activations, moments, training_memory
from lumina.values import Conditioning, Tokens

CONFIG = NextDiTConfig(
    dim=192, num_layers=4, num_heads=6, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=128, multiple_of=64
)
PLAN = Plan(batch=2, tokens=256, text_tokens=24, precision="32-true", device="cpu")
ADAPTERS = Lora(rank=8)
PLANS = {
    "full": PLAN,
    "text-free": replace(PLAN, text_tokens=0),
    "grouped": replace(PLAN, grouped=True),
    "grouped bf16-mixed": replace(PLAN, grouped=True, precision="bf16-mixed"),
    "grouped lora": replace(PLAN, grouped=True, lora=ADAPTERS),
    "bf16-true": replace(PLAN, precision="bf16-true"),
    "bf16-mixed": replace(PLAN, precision="bf16-mixed"),
    "short bf16-true": replace(PLAN, tokens=144, precision="bf16-true"),
    "short bf16-mixed": replace(PLAN, tokens=144, precision="bf16-mixed"),
    "lora": replace(PLAN, lora=ADAPTERS),
    "short lora bf16": replace(PLAN, tokens=144, lora=replace(ADAPTERS, base="bfloat16"), precision="bf16-mixed"),
    "lora bf16": replace(PLAN, lora=replace(ADAPTERS, base="bfloat16"), precision="bf16-mixed"),
}


def build(plan, checkpointing=False):
    model = NextDiT(CONFIG, activation_checkpointing=checkpointing)
    if plan.lora is not None:
        add_adapters(model, plan.lora)
        lower_base(model, plan.lora.base)
    return model.bfloat16() if plan.precision == "bf16-true" else model


def forward(model, plan):
    dtype = torch.bfloat16 if plan.precision == "bf16-true" else torch.float32
    side = torch.arange(int(plan.tokens**0.5))
    positions = torch.cartesian_prod(side, side).expand(plan.batch, -1, -1)
    tokens = Tokens(
        features=torch.randn(plan.batch, plan.tokens, 16, dtype=dtype),
        positions=positions,
        groups=torch.arange(plan.tokens).mul(4).floor_divide(plan.tokens).expand(plan.batch, -1),
    )
    grouped = torch.randn(plan.batch, 4, CONFIG.cond_dim, dtype=dtype) if plan.grouped else None
    cross = torch.randn(plan.batch, plan.text_tokens, 128, dtype=dtype) if plan.text_tokens else None
    with torch.autocast("cpu", torch.bfloat16) if plan.precision == "bf16-mixed" else nullcontext():
        return model.predict(tokens, torch.rand(plan.batch), Conditioning(cross=cross, grouped=grouped))


def kept(model, plan):
    """Bytes of the storages that autograd keeps, parameters apart."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    held = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            held[storage.data_ptr()] = (storage.nbytes(), tensor)  # the tensor too, so that no place is used twice
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        out = forward(model, plan)
    del out
    return sum(size for size, _ in held.values())


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_activations_are_those_that_autograd_keeps(plan):
    found = kept(build(plan), plan)
    assert training_memory(CONFIG, plan).activations == pytest.approx(found, rel=0.03)


@pytest.mark.parametrize("name", ["full", "lora"])
def test_checkpointing_keeps_the_stream_and_one_block(name):
    plan = replace(PLANS[name], checkpointing=True)
    found = kept(build(plan, checkpointing=True), plan)
    block = block_activations(CONFIG, plan)  # of which nothing is left when the forward pass is over
    assert training_memory(CONFIG, plan).activations - block == pytest.approx(found, rel=0.03)


@pytest.mark.parametrize("name", ["full", "bf16-true", "lora", "lora bf16"])
def test_weights_gradients_and_moments(name):
    plan, model = PLANS[name], build(PLANS[name])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], fused=True)
    forward(model, plan).float().square().mean().backward()
    optimizer.step()
    memory = training_memory(CONFIG, plan)
    assert memory.weights == sum(p.nbytes for p in model.parameters())
    assert memory.gradients == sum(p.grad.nbytes for p in model.parameters() if p.requires_grad)
    moments = [state[name].nbytes for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    assert memory.optimizer == sum(moments)


def test_eight_bit_moments():
    pytest.importorskip("torchao")
    from torchao.optim.subclass_8bit import OptimState8bit

    weight = torch.nn.Parameter(torch.zeros(64, 96, device="meta"))
    state = [OptimState8bit.zeros(weight.shape, signed, device="cpu") for signed in (True, False)]
    plan = replace(PLAN, optimizer="adamw_8bit")
    assert moments(weight, plan) == sum(part.nbytes for s in state for part in (s.codes, s.scale))
