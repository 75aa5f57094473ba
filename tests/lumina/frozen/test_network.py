"""Networks that are used, not trained: loaded once, outside of everything that trains, named by their weights."""

import pytest
import torch
from torch import nn

from lumina.frozen.network import Frozen, fingerprint

CPU = torch.device("cpu")


class Loads:
    """A network with dropout, and how often it was loaded."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5))


def test_it_is_loaded_at_first_use_and_once():
    load = Loads()
    frozen = Frozen(load)
    assert load.count == 0
    assert frozen.on(CPU) is frozen.on(CPU)
    assert load.count == 1


def test_it_evaluates_and_does_not_train():
    network = Frozen(Loads()).on(CPU)
    assert not any(module.training for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_it_stays_out_of_the_module_that_holds_it():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.own = Frozen(Loads()), nn.Linear(1, 1)
            self.frozen.on(CPU)

    holder = Holder()
    assert {name for name, _ in holder.named_parameters()} == {"own.weight", "own.bias"} == set(holder.state_dict())
    holder.bfloat16()
    assert next(holder.frozen.on(CPU).parameters()).dtype == torch.float32


def test_it_follows_where_it_is_asked_for():
    frozen = Frozen(Loads())
    assert next(frozen.on(CPU, torch.bfloat16).parameters()).dtype == torch.bfloat16
    assert next(frozen.on(CPU).parameters()).dtype == torch.float32
    assert next(frozen.on(torch.device("meta")).parameters()).device.type == "meta"


def test_it_is_not_moved_where_it_already_is(monkeypatch):
    """diffusers warns of each call of `to`."""
    frozen = Frozen(Loads())
    frozen.on(CPU)
    monkeypatch.setattr(nn.Module, "to", lambda *_, **__: pytest.fail("moved"))
    frozen.on(CPU)


WEIGHTS = {"a": torch.randn(3, 2), "b": torch.randn(4)}


def test_a_fingerprint_is_that_of_the_values_under_their_names():
    name = fingerprint(WEIGHTS)
    assert len(name) == 16 and int(name, 16) >= 0
    assert fingerprint(dict(reversed(WEIGHTS.items()))) == name
    assert fingerprint({key: weight.clone().requires_grad_() for key, weight in WEIGHTS.items()}) == name
    swapped = {"a": WEIGHTS["b"], "b": WEIGHTS["a"]}
    nudged = {**WEIGHTS, "b": torch.nextafter(WEIGHTS["b"], torch.tensor(9.0))}
    others = [swapped, nudged, {"a": WEIGHTS["a"]}, {"a": WEIGHTS["a"], "c": WEIGHTS["b"]}]
    assert len({name, *map(fingerprint, others)}) == 5


def test_a_fingerprint_does_not_know_the_precision_of_equal_values():
    half = {key: weight.bfloat16() for key, weight in WEIGHTS.items()}
    assert fingerprint(half) == fingerprint({key: weight.float() for key, weight in half.items()})


def test_a_fingerprint_knows_where_values_stand():
    weight = torch.arange(6.0).view(2, 3)
    others = [weight, -weight, weight.flip(0), weight.view(3, 2), torch.zeros(4), torch.ones(4)]
    assert len({fingerprint({"weight": other}) for other in others}) == len(others)
