"""Metrics over several processes."""

import pytest
import torch
from torchmetrics.utilities import dim_zero_cat

from lumina.metrics.robust import RobustMetric


class Sum(RobustMetric):
    def __init__(self):
        super().__init__()
        self.add_state("seen", default=[], dist_reduce_fx="cat")

    def update(self, generated, batch):
        self.seen.append(generated)

    def results(self):
        return {"sum": dim_zero_cat(self.seen).sum().item()}


def measure(rank, folder):
    torch.distributed.init_process_group("gloo", f"file://{folder}/rendezvous", rank=rank, world_size=2)
    metric = Sum()
    for _ in range(2 * rank):  # the first process sees nothing
        metric.update(torch.ones(2, 5, 3), {})
    torch.save(metric.compute(), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_a_process_without_samples_takes_part(tmp_path):
    torch.multiprocessing.start_processes(measure, (tmp_path,), nprocs=2, start_method="fork")
    assert [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)] == [{"sum": 60.0}] * 2
