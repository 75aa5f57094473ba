"""Latents on disk: what is read is what was written, and damage is named."""

from __future__ import annotations

import pickle

import pytest
import torch

from lumina.data.latents import CachedLatents, read_settings, read_shard_items, write_settings, write_shard


def items(first, count):
    return [{"name": f"{first + n}", "caption": ["a", "b"], "size": torch.tensor([n, 8])} for n in range(count)]


@pytest.fixture
def split(tmp_path):
    """Two shards of two and one samples, each with two variants, of different sizes."""
    generator = torch.Generator().manual_seed(0)
    latents = [
        [{"latent": torch.randn(4, 2 + n, 3, generator=generator), "angle": torch.tensor([v])} for v in range(2)]
        for n in range(3)
    ]
    write_shard(tmp_path / "train", 0, latents[:2], items(0, 2))
    write_shard(tmp_path / "train", 1, latents[2:], items(2, 1))
    return tmp_path / "train", latents


def test_samples_come_back(split):
    folder, latents = split
    found = pickle.loads(pickle.dumps(CachedLatents(folder)))  # as a worker gets it
    assert len(found) == 3 and found.shapes() == [(4, 2, 3), (4, 3, 3), (4, 4, 3)]
    for index, variants in enumerate(latents):
        item = found[index]
        assert item["name"] == str(index) and item["caption"] == ["a", "b"] and item["size"].tolist()[1] == 8
        assert len(item["variants"]) == 2
        for found_one, variant in zip(item["variants"], variants, strict=True):
            assert all(torch.equal(found_one[name], variant[name]) for name in ("latent", "angle"))


def test_a_variant_has_values_of_its_own(tmp_path):
    latents = [[{"latent": torch.full((1,), float(v))} for v in range(2)] for _ in range(2)]
    of_its_own = {"name": "0", "caption": "red", "variants": [{"caption": "red"}, {"caption": ""}]}
    write_shard(tmp_path, 0, latents, [of_its_own, {"name": "1", "caption": "red"}])
    one, other = CachedLatents(tmp_path)
    assert one["caption"] == "red" and [variant["caption"] for variant in one["variants"]] == ["red", ""]
    assert [variant["latent"].item() for variant in one["variants"]] == [0, 1]
    assert [set(variant) for variant in other["variants"]] == [{"latent"}, {"latent"}]


def test_variants_of_several_shapes_have_no_bucket(tmp_path):
    write_shard(tmp_path, 0, [[{"latent": torch.ones(n, 1)} for n in (4, 8)]], [{}])
    found = CachedLatents(tmp_path)
    assert [len(one["latent"]) for one in found[0]["variants"]] == [4, 8]
    with pytest.raises(
        ValueError, match=r"latents-00000\.safetensors holds variants of \(4, 1\) and of \(8, 1\) .*=mixed"
    ):
        found.shapes()


def test_half_precision_comes_back_as_float32(tmp_path):
    write_shard(tmp_path, 0, [[{"latent": torch.ones(1, 1, 1, dtype=torch.bfloat16)}]], [{}])
    assert CachedLatents(tmp_path)[0]["variants"][0]["latent"].dtype == torch.float32


def test_a_shard_counts_only_as_a_whole(split):
    folder, _ = split
    assert [item["name"] for item in read_shard_items(folder, 0)] == ["0", "1"]
    assert read_shard_items(folder, 7) is None
    (folder / "latents-00001.safetensors").unlink()
    assert read_shard_items(folder, 1) is None


@pytest.mark.parametrize(("lines", "reason"), [(1, "has more samples than the 1 lines"), (3, "has fewer samples")])
def test_lines_and_tensors_must_fit(split, lines, reason):
    folder, _ = split
    (folder / "latents-00000.jsonl").write_text("{}\n" * lines)
    with pytest.raises(ValueError, match=rf"latents-00000\.safetensors {reason}.*remove the shard's two files"):
        CachedLatents(folder)


def test_a_folder_without_latents_says_how_to_make_them(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no latents; create them with `lumina cache --config"):
        CachedLatents(tmp_path)


def test_settings_come_back(tmp_path):
    assert read_settings(tmp_path) is None
    write_settings(tmp_path, {"modality": {"factor": 8}}, complete=False)
    assert read_settings(tmp_path) == {"modality": {"factor": 8}, "complete": False}
    (tmp_path / "cache.json").write_text("{")
    with pytest.raises(ValueError, match=r"cache\.json is damaged"):
        read_settings(tmp_path)


def test_a_split_of_which_nothing_could_be_read_is_told(tmp_path):
    write_shard(tmp_path / "validation", 0, [], [])
    with pytest.raises(ValueError, match="validation holds no sample: none could be read"):
        CachedLatents(tmp_path / "validation")
