"""Training from cached latents: what is drawn, how batches are made, and what is refused."""

from __future__ import annotations

import pytest
import torch

from datamodules.cached import Cached
from lumina.data.latents import write_settings, write_shard

SETTINGS = {"modality": {"factor": 8}, "classes": ["cat", "dog"], "data": {"size": [32, 32]}}


@pytest.fixture
def cache(tmp_path):
    """12 samples a split; the latents are filled with ``number + variant / 2``, in two sizes."""
    for split in ("train", "validation", "test"):
        latents = [[{"latent": torch.full((4, 2, 2 + n % 2), n + v / 2)} for v in range(2)] for n in range(12)]
        items = [{"name": str(n), "caption": [f"{n} a", f"{n} b"], "label": n % 2} for n in range(12)]
        write_shard(tmp_path / split, 0, latents, items)
    write_settings(tmp_path, SETTINGS, complete=True)
    return tmp_path


def test_training_draws_and_evaluation_takes_the_first(cache):
    data = Cached(root=cache, batch_size=4)
    assert set(data.batch_keys) == {"latent", "name", "caption", "label"} and data.class_names == ("cat", "dog")
    assert data.latent_identity == {"factor": 8} and data.size == [32, 32]
    drawn, loader = set(), data.train_dataloader()
    for epoch in range(8):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            for name, caption, latent in zip(batch["name"], batch["caption"], batch["latent"], strict=True):
                assert caption.split()[0] == name and latent.unique().item() - int(name) in (0, 0.5)
                drawn.add((caption[-1], latent.unique().item() - int(name)))
    assert drawn == {("a", 0.0), ("a", 0.5), ("b", 0.0), ("b", 0.5)}
    for batch in data.val_dataloader():
        assert batch["caption"] == [f"{name} a" for name in batch["name"]]
        assert [latent.unique().item() for latent in batch["latent"]] == [float(name) for name in batch["name"]]


def test_batches_of_one_size_are_tensors(cache):
    mixed, buckets = (
        list(Cached(root=cache, batch_size=3, batching=kind).train_dataloader()) for kind in ("mixed", "buckets")
    )
    assert any(isinstance(batch["latent"], list) for batch in mixed)
    assert len(buckets) == 4 and all(isinstance(batch["latent"], torch.Tensor) for batch in buckets)


def test_what_is_no_finished_cache_is_refused(cache):
    with pytest.raises(FileNotFoundError, match="holds no latents; `lumina cache"):
        Cached(root=cache / "train", batch_size=4)
    write_settings(cache, SETTINGS, complete=False)
    with pytest.raises(ValueError, match="is not finished: run the `lumina cache` that began it once more"):
        Cached(root=cache, batch_size=4)


def test_settings_that_are_not_of_a_cache_are_refused(cache):
    write_settings(cache, {name: value for name, value in SETTINGS.items() if name != "data"}, complete=True)
    with pytest.raises(ValueError, match=r"does not say its data: .* run `lumina cache` again"):
        Cached(root=cache, batch_size=4)
    write_settings(cache, {**SETTINGS, "data": {"batch_size": 64}}, complete=True)
    with pytest.raises(ValueError, match="sets 'batch_size', which is no setting of cached data"):
        Cached(root=cache, batch_size=4)


def test_texts_of_one_captioner_are_drawn_together(tmp_path):
    for split in ("train", "validation", "test"):
        items = [{"caption": ["0", "1"], "structured": ["<0& all>", "<1& all>"], "length": 5 + n} for n in range(4)]
        variants = [[{"latent": torch.full((2, 3), v)} for v in (0.0, 1.0)] for _ in items]
        write_shard(tmp_path / split, 0, variants, items)
    write_settings(tmp_path, SETTINGS, complete=True)
    data = Cached(root=tmp_path, batch_size=4, batching="buckets")
    drawn, loader = set(), data.train_dataloader()
    for epoch in range(8):
        loader.sampler.set_epoch(epoch)
        for batch in loader:
            assert batch["length"].tolist() != [0] * 4 and batch["length"].dtype == torch.int64
            assert batch["structured"] == [f"<{caption}& all>" for caption in batch["caption"]]
            drawn |= set(zip(batch["caption"], batch["latent"][:, 0, 0].tolist(), strict=True))
    assert drawn == {("0", 0.0), ("0", 1.0), ("1", 0.0), ("1", 1.0)}
    assert data.bucket_name(0) == "2x3"


def test_what_belongs_to_a_variant_is_drawn_with_it(tmp_path):
    """Numbers of views differ, and with them the shapes of their fields."""
    for split in ("train", "validation", "test"):
        variants = [
            [{"latent": torch.full((v + 1, 2), v), "turn": torch.full((v + 1,), v)} for v in range(3)] for _ in range(8)
        ]
        write_shard(tmp_path / split, 0, variants, [{"name": str(n)} for n in range(8)])
    write_settings(tmp_path, SETTINGS, complete=True)
    data = Cached(root=tmp_path, batch_size=8)
    batch = next(iter(data.train_dataloader()))
    assert set(data.batch_keys) == {"latent", "turn", "name"}
    assert len({len(turn) for turn in batch["turn"]}) > 1
    for latent, turn in zip(batch["latent"], batch["turn"], strict=True):
        assert torch.equal(latent[:, 0], turn)
