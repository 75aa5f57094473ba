"""Contracts of every modality and datamodule, found by themselves."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
import torch

import datamodules
import modalities
from lumina.frozen.mel_autoencoders import RandomMelAutoencoder
from lumina.interfaces import DataModule, Modality
from lumina.values import Tokens

ARGUMENTS = {  # what a modality cannot do without
    "Image": {"size": (8, 12)},
    "Recognition": {"size": (32, 48)},
    "MultiView": {"size": (8, 12), "views": 3},
    "Audio": {"autoencoder": RandomMelAutoencoder(), "seconds": 0.512},
}
LOSSY = ("Audio",)  # decoding passes networks; how near it comes is tested beside them


def classes(package, base):
    found = []
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        members = inspect.getmembers(module, inspect.isclass)
        found += [
            c
            for _, c in members
            if issubclass(c, base) and c.__module__ == module.__name__ and not inspect.isabstract(c)
        ]
    return found


@pytest.fixture(params=classes(modalities, Modality), ids=lambda c: c.__name__)
def modality(request):
    return request.param(**ARGUMENTS.get(request.param.__name__, {}))


def test_modalities_are_found():
    assert "Image" in {c.__name__ for c in classes(modalities, Modality)}
    assert {"Digits", "FashionMNIST", "ImageFolder", "ImageText"} <= {
        c.__name__ for c in classes(datamodules, DataModule)
    }


def test_example_batch_has_the_declared_fields(modality):
    assert set(modality.batch_keys) <= set(modality.example_batch(2))


def test_tokens_have_the_declared_shape(modality):
    batch = modality.example_batch(3)
    tokens = modality.tokenize(modality.compress(batch), batch)
    assert tokens.features.shape[0] == tokens.positions.shape[0] == 3
    assert tokens.features.shape[2] == modality.token_dim
    assert tokens.positions.shape[2] == modality.position_axes
    assert tokens.mask is None or tokens.mask.dtype == torch.bool


def decoded(modality, batch):
    tokens = modality.tokenize(modality.compress(batch), batch)
    return modality.decode(tokens if modality.decodes is Tokens else torch.randn(len(tokens.features), 3), batch)


def test_decode_undoes_tokenize(modality):
    batch = modality.example_batch(2)
    if modality.decodes is Tokens and type(modality).__name__ not in LOSSY:
        torch.testing.assert_close(decoded(modality, batch), modality.compress(batch))
    assert len(decoded(modality, batch)) == 2


def test_canvas_is_that_of_the_data(modality):
    batch = modality.example_batch(2)
    tokens, canvas = modality.tokenize(modality.compress(batch), batch), modality.layout(2, {})
    assert canvas.features.shape == tokens.features.shape
    torch.testing.assert_close(canvas.positions, tokens.positions)
    assert not canvas.features.any()


def test_samples_become_files_and_a_picture(modality, tmp_path):
    batch = modality.example_batch(3)
    samples = decoded(modality, batch)
    files = modality.save(samples, tmp_path, [0, 1, 5], [{"seed": "3"}] * 3)
    assert len(set(files)) == (3 if modality.decodes is Tokens else 1) and all(file.stat().st_size for file in files)
    picture = modality.picture(samples)
    assert picture.dtype == torch.uint8 and picture.shape[0] == 3


@pytest.mark.parametrize("datamodule", classes(datamodules, DataModule), ids=lambda c: c.__name__)
def test_datamodules_name_their_fields(datamodule):
    assert datamodule.batch_keys
    assert all(isinstance(name, str) for name in datamodule.batch_keys)
