"""Fully sharded data parallelism (FSDP2).

Lightning's ModelParallelStrategy leaves sharding to the module. Parameters that are not sharded are trained by each
process on its own, without synchronised gradients and without an error.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from lumina.backbone import NextDiT
from lumina.interfaces import Objective


def shard(backbone: NextDiT, others: Iterable[nn.Module], mesh: DeviceMesh) -> None:
    """Shards each block, then the rest of the backbone, then every other trainable module.

    Lightning's ModelParallelStrategy synchronises the gradients of sharded parameters only, so every trainable
    parameter must be sharded.

    Args:
        backbone: the network.
        others: conditioners and objective; modules without trainable parameters are not sharded.
        mesh: of Lightning's ModelParallelStrategy; its data-parallel dimension is used.

    Raises:
        ValueError: the mesh is tensor-parallel, which is the strategy's default.
    """
    if mesh["tensor_parallel"].size() > 1:
        raise ValueError(
            f"the strategy splits tensors over {mesh['tensor_parallel'].size()} processes, which is not supported; "
            f"to shard, set data_parallel_size={mesh.size()} and tensor_parallel_size=1 in trainer.strategy."
        )
    data_parallel = mesh["data_parallel"]
    for layer in backbone.layers:
        fully_shard(layer, mesh=data_parallel)
    fully_shard(backbone, mesh=data_parallel)
    register_methods(backbone, "predict", "features")
    for module in others:
        if any(parameter.requires_grad for parameter in module.parameters()):
            fully_shard(module, mesh=data_parallel)
            if isinstance(module, Objective):
                register_methods(module, "loss", "outputs")


def register_methods(module: nn.Module, *names: str) -> None:
    """Makes methods other than ``forward`` gather the sharded parameters."""
    for name in names:
        register_fsdp_forward_method(module, name)
