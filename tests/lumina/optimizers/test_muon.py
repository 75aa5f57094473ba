import copy
import io

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import distribute_tensor
from torch.nn.functional import cosine_similarity

from lumina.optimizers import muon
from lumina.optimizers.muon import Muon, orthogonal


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.SiLU(), nn.Linear(16, 4))


def train(model, optimizer, steps):
    inputs, targets = normal(64, 6), normal(64, 4, seed=1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(inputs) - targets).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 24, 40), (2, 40, 24), (1, 1, 5)])
def test_orthogonal_against_singular_vectors(shape):
    matrices = normal(*shape)
    u, s, vh = torch.linalg.svd(matrices.double(), full_matrices=False)
    found = orthogonal(matrices).double()
    large = s > 0.01 * s.norm(dim=-1, keepdim=True)
    values = (u.mT @ found @ vh.mT).diagonal(dim1=-2, dim2=-1)
    assert large.any() and ((values[large] - 1).abs() < 0.2).all()
    assert cosine_similarity(found.flatten(1), (u @ vh).flatten(1)).min() > 0.98


def test_cpus_without_instructions_for_bfloat16_compute_in_float32(monkeypatch):
    matrices = normal(2, 12, 20)
    found = []
    for amx, avx, dtype in (
        (True, False, torch.bfloat16),
        (False, True, torch.bfloat16),
        (False, False, torch.float32),
    ):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx)
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx)
        found.append(orthogonal(matrices))
        assert found[-1].dtype == dtype
    torch.testing.assert_close(found[0].float(), found[2], rtol=0, atol=0.03)


def test_orthogonal_of_a_matrix_does_not_depend_on_its_size_or_its_neighbours():
    matrices = normal(2, 12, 20)
    alone = orthogonal(matrices[:1] * 1e-6)
    torch.testing.assert_close(alone, orthogonal(matrices)[:1], rtol=0, atol=0.02)
    torch.testing.assert_close(alone, orthogonal(matrices[:1].mT).mT, rtol=0, atol=0.02)
    assert not orthogonal(torch.zeros(2, 3, 4)).any()


def test_first_step_in_closed_form():
    matrix = nn.Parameter(normal(8, 32))
    start, gradient = matrix.detach().clone(), normal(8, 32, seed=1)
    matrix.grad = gradient.clone()
    Muon([matrix], lr=0.1, weight_decay=0.5).step()
    u, _, vh = torch.linalg.svd(gradient, full_matrices=False)
    moved = (start * 0.95 - matrix.detach()) / (0.1 * 0.2 * 32**0.5)
    assert cosine_similarity(moved.flatten(), (u @ vh).flatten(), dim=0) > 0.98
    assert moved.norm() == pytest.approx(8**0.5, rel=0.1)  # that of a matrix with 8 singular values of 1


def test_directions_of_torch():
    ours, theirs = nn.Parameter(torch.zeros(16, 48)), nn.Parameter(torch.zeros(16, 48))
    optimizer = Muon([ours], lr=0.02, weight_decay=0.0)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
    for step in range(5):
        ours.grad = normal(16, 48, seed=step)
        theirs.grad = ours.grad.clone()
        optimizer.step(), reference.step()
    assert cosine_similarity(ours.detach().flatten(), theirs.detach().flatten(), dim=0) > 0.97
    assert ours.norm().item() == pytest.approx(theirs.norm().item(), rel=0.15)  # its polynomials end lower


def test_what_is_no_matrix_is_trained_by_adamw():
    parameters = [nn.Parameter(normal(5)), nn.Parameter(normal(2, 3, 4)), nn.Parameter(normal(3, 3))]
    copies = [nn.Parameter(parameter.detach().clone()) for parameter in parameters[:2]]
    optimizer = Muon(parameters, lr=0.1)
    reference = torch.optim.AdamW(copies, lr=0.1, weight_decay=0.0)
    for step in range(3):
        for number, parameter in enumerate([*parameters, *copies]):
            parameter.grad = normal(*parameter.shape, seed=10 * step + number % 3)
        optimizer.step(), reference.step()
    torch.testing.assert_close(parameters[:2], copies)


def test_badly_scaled_inputs_are_learned_faster_than_by_adamw():
    turn, back = (torch.linalg.qr(normal(32, 32, seed=seed))[0] for seed in (1, 2))
    inputs = normal(256, 32) @ turn * torch.logspace(-2, 0, 32) @ back
    targets = inputs @ normal(32, 32, seed=3) * 0.1
    left = {}
    for kind in (Muon, torch.optim.AdamW):
        weight = nn.Parameter(torch.zeros(32, 32))
        optimizer = kind([weight], lr=0.05, weight_decay=0.0)
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, 100)
        for _ in range(100):
            loss = (inputs @ weight - targets).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        left[kind] = loss.item()
    assert left[Muon] < 0.5 * left[torch.optim.AdamW]


def test_resumed_from_a_checkpoint_is_one_run():
    whole, parts = network(), network()
    optimizer = Muon(whole.parameters(), lr=0.02)
    train(whole, optimizer, 6)
    first = Muon(parts.parameters(), lr=0.02)
    train(parts, first, 3)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = Muon(parts.parameters(), lr=0.5)
    second.load_state_dict(torch.load(file, weights_only=True))
    train(parts, second, 3)
    torch.testing.assert_close(dict(parts.named_parameters()), dict(whole.named_parameters()), rtol=0, atol=0)


def test_schedulers_set_the_rate_of_all():
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimizer = Muon(model.parameters(), lr=0.02, weight_decay=0.1)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)
    train(model, optimizer, 1)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_what_has_no_gradient_stays():
    model = network()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    train(model, Muon(model.parameters(), lr=0.02, weight_decay=0.1), 2)
    assert torch.equal(model[0].weight, before)


def test_closure():
    matrix = nn.Parameter(normal(4, 4))

    def closure():
        matrix.grad = None
        loss = matrix.square().sum()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).item() for optimizer in [Muon([matrix], lr=0.1)] for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]


def test_loss_scalers_skip_all_parameters():
    model = network()
    before = copy.deepcopy(model.state_dict())
    optimizer = Muon(model.parameters(), lr=0.02, fused=True)
    scaler = torch.amp.GradScaler("cpu")
    loss = scaler.scale(model(normal(3, 6)).sum() * 1e36)
    loss.backward()
    scaler.step(optimizer)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_no_gradient_at_all(dtype):
    matrix = nn.Parameter(normal(4, 8).to(dtype))
    before = matrix.detach().clone()
    matrix.grad = torch.zeros_like(matrix)
    Muon([matrix], lr=0.1, weight_decay=0.0).step()
    assert torch.equal(matrix, before)
    matrix.grad = torch.full_like(matrix, 6e-8)
    Muon([matrix], lr=0.1, weight_decay=0.0).step()
    assert matrix.isfinite().all()


def test_many_matrices_are_moved_part_by_part(monkeypatch):
    moved = []
    for limit in (muon.AT_ONCE, 40):
        monkeypatch.setattr(muon, "AT_ONCE", limit)
        matrices = [nn.Parameter(normal(4, 6, seed=seed)) for seed in range(3)]
        for matrix in matrices:
            matrix.grad = matrix.detach().flip(0)
        Muon(matrices, lr=0.1).step()
        moved.append(torch.stack([*matrices]).detach())
    torch.testing.assert_close(*moved, rtol=0, atol=2e-3)


def test_the_fused_kernel_does_the_same():
    models = [network() for _ in range(2)]
    losses = [
        train(model, Muon(model.parameters(), lr=0.02, fused=fused), 5)
        for model, fused in zip(models, (True, False), strict=True)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_hooks_are_called_once_with_all_groups():
    torch.optim.AdamW([nn.Parameter(torch.zeros(1))])  # whose step torch wraps
    model, seen = network(), []
    optimizer = Muon(model.parameters(), lr=0.02)
    optimizer.register_step_pre_hook(lambda optimizer, *_: seen.append(len(optimizer.param_groups)))
    optimizer.register_step_post_hook(lambda optimizer, *_: seen.append(len(optimizer.param_groups)))
    train(model, optimizer, 1)
    assert seen == [2, 2]


@pytest.mark.parametrize("momentum", [-0.1, 1.0, float("nan")])
def test_momentum_out_of_its_range_is_refused(momentum):
    with pytest.raises(ValueError, match=r"Got momentum .* from 0 and below 1"):
        Muon([nn.Parameter(torch.zeros(2, 2))], momentum=momentum)


def test_sharded_and_flattened_parameters_are_refused(tmp_path):
    with pytest.raises(ValueError, match="got sharded, flattened or no matrices"):
        Muon([nn.Parameter(torch.zeros(12))])
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        sharded = nn.Parameter(distribute_tensor(torch.zeros(4, 4), init_device_mesh("cpu", (1,))))
        with pytest.raises(ValueError, match="train with DDP or on one device"):
            Muon([sharded])
    finally:
        torch.distributed.destroy_process_group()
