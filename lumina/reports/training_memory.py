"""What a training step takes on a device, from the shapes alone.

Counted are the backbone's weights, gradients, optimizer state and average, what autograd keeps of the forward pass, and
the gradients in flight in the block that asks for most. Not counted: the device's own context (about half a gigabyte),
fragmentation, and pretrained networks, which cached latents and text features spare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from torch import nn

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora
from lumina.backbone.sdpa import SHORT

BLOCK_8BIT, SMALLEST_8BIT = 256, 4096  # values that share a scale; smaller tensors keep full moments (torchao)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a backbone is trained.

    Attributes:
        batch: samples a step.
        tokens: tokens a sample, those of a prefix included.
        text_tokens: tokens a caption, padding included.
        grouped: whether groups of tokens have conditions of their own, as views have azimuths.
        precision: Lightning's; under "bf16-mixed" weights are float32 and products bfloat16.
        optimizer: "adamw" (one fused step), or "adamw_8bit" (`lumina.optimizers.adamw_8bit.AdamW8bit`).
        lora: the adapters; None = all weights train.
        checkpointing: whether blocks are computed again in the backward pass.
        average: whether the EMA callback keeps an average of what trains.
        device: on "cpu" RMSNorm is no single kernel and keeps two tensors, and autocast leaves LayerNorm in bfloat16.
    """

    batch: int
    tokens: int
    text_tokens: int = 0
    grouped: bool = False
    precision: Literal["32-true", "bf16-mixed", "bf16-true"] = "bf16-mixed"
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"
    lora: Lora | None = None
    checkpointing: bool = False
    average: bool = False
    device: Literal["cuda", "cpu"] = "cuda"

    @property
    def width(self) -> int:
        """Bytes of a product."""
        return 4 if self.precision == "32-true" else 2

    @property
    def layer_norm_width(self) -> int:
        """Bytes of what LayerNorm reads and gives."""
        return 4 if self.device == "cuda" and self.precision == "bf16-mixed" else self.width


@dataclass(frozen=True, kw_only=True)
class TrainingMemory:
    """Bytes."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    in_flight: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(int(getattr(self, field.name)) for field in fields(self))


def training_memory(config: NextDiTConfig, plan: Plan) -> TrainingMemory:
    """What a training step takes at its peak.

    Args:
        config: of the backbone, with ``token_dim`` and ``position_axes``; a Next-DiT with rotary positions.
        plan: how it is trained.
    """
    backbone = _without_memory(config, plan)
    trained = [parameter for parameter in backbone.parameters() if parameter.requires_grad]
    block = block_activations(config, plan) + _weight_copies(next(iter(backbone.layers)), plan)
    stream = plan.batch * plan.tokens * config.dim * plan.width
    layers = config.num_layers
    return TrainingMemory(
        weights=_bytes(backbone.parameters()),
        gradients=_bytes(trained),
        optimizer=sum(moments(parameter, plan) for parameter in trained),
        average=4 * sum(parameter.numel() for parameter in trained) if plan.average else 0,
        activations=(layers * stream + block if plan.checkpointing else layers * block) + _ends(config, plan),
        in_flight=plan.batch * plan.tokens * (3 * config.hidden_dim + 2 * config.dim) * plan.width,
    )


def block_activations(config: NextDiTConfig, plan: Plan) -> int:
    """Bytes that autograd keeps of one block's forward pass, weights apart."""
    d, kv, h, w = config.dim, config.kv_heads * config.head_dim, config.hidden_dim, plan.width
    norm, rms = plan.layer_norm_width, _rms_width(plan)
    text = config.text_dim if config.text_dim is not None and plan.text_tokens else None
    modulated = 4 if plan.lora is None else 0  # a frozen scale or gate does not ask for what it multiplies
    token = 4 * rms * d + modulated * w * d
    token += 2 * w * d  # inputs of attention and feed-forward
    token += norm * (d + kv)  # inputs of QK-norm
    attention = 4 if plan.device == "cpu" and plan.tokens <= SHORT else w
    lowered = w * d if attention > w else 0  # the heads, back in half precision
    token += attention * (d + 2 * kv) + attention * d + 4 * config.num_heads  # queries, keys, values; heads; log-sums
    if text:  # the text's heads, both together, and, where they have another precision there, the queries once more
        other = plan.lora is None if attention > w else norm > attention
        queries = attention * d if other else 0
        token += attention * d + lowered + w * d + 4 * config.num_heads + queries
    else:
        token += lowered
    token += 4 * w * h  # w1, its silu, w3, their product
    token += 4 * w * d if plan.grouped else 0  # scales and gates of each token, which else are those of the sample
    total = plan.tokens * (token + _bottlenecks(plan, 7))
    if text:
        read = rms * text if plan.lora is None else 0
        total += plan.text_tokens * (read + w * text + (norm + 2 * attention) * kv + _bottlenecks(plan, 2))
    return plan.batch * total


def _rms_width(plan: Plan) -> int:
    """Bytes a channel that an RMSNorm keeps: its input in float32."""
    return 8 if plan.device == "cpu" and plan.lora is None else 4


def _ends(config: NextDiTConfig, plan: Plan) -> int:
    """Of the output layer: the stream, normed, and scaled; the tokens are small."""
    return plan.batch * plan.tokens * config.dim * plan.width * (3 if plan.lora is None else 1)


def _bottlenecks(plan: Plan, linears: int) -> int:
    """Bytes a token of what passes the bottlenecks of a block's adapters."""
    return 0 if plan.lora is None else linears * plan.lora.rank * plan.width


def _weight_copies(block: nn.Module, plan: Plan) -> int:
    """Under autocast each float32 matrix is kept once more, in bfloat16, until its gradient is there."""
    if plan.precision != "bf16-mixed":
        return 0
    return sum(2 * p.numel() for p in block.parameters() if p.dim() > 1 and p.element_size() == 4)


def _without_memory(config: NextDiTConfig, plan: Plan) -> NextDiT:
    from lumina.backbone.lora import add_adapters, lower_base
    from lumina.weights.tensors import empty_backbone

    backbone = empty_backbone(config)
    if plan.lora is not None:
        add_adapters(backbone, plan.lora)
        lower_base(backbone, plan.lora.base)
    return backbone.bfloat16() if plan.precision == "bf16-true" else backbone


def moments(parameter: nn.Parameter, plan: Plan) -> int:
    """Bytes of a parameter's two moments; the 8-bit ones have a scale for each block."""
    count = parameter.numel()
    if plan.optimizer == "adamw" or count < SMALLEST_8BIT or count % BLOCK_8BIT:
        return 2 * count * parameter.element_size()
    return 2 * (count + 4 * count // BLOCK_8BIT)


def _bytes(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in parameters)
