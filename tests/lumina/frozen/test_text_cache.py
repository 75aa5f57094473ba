"""Token features on disk: found by caption, finite, whole."""

import pytest
import torch

from lumina.frozen.text_cache import TextCache, caption_key, holds_texts, write_text_shard


def test_rows_of_a_caption_are_found_in_whatever_shard_they_lie(tmp_path):
    features = {f"caption {number}": torch.randn(number % 4, 3) for number in range(40)}
    names = list(features)
    for number, part in enumerate((names[:7], names[7:])):
        write_text_shard(tmp_path, number, {"a": 1}, {name: features[name] for name in part}, torch.float32)
    asked = [*reversed(names), "another"]
    found = TextCache(tmp_path, {"a": 1}).get(asked)
    assert found.pop() is None
    for name, rows in zip(asked, found, strict=False):
        assert torch.equal(rows, features[name]), name


def test_keys_fit_into_int64_and_tell_captions_apart():
    keys = [caption_key(str(number)) for number in range(1000)]
    assert len(set(keys)) == 1000
    assert 0 <= min(keys) and 2**62 < max(keys) < 2**63


def test_features_too_large_for_float16_are_kept_finite(tmp_path):
    features = {"small": torch.ones(1, 4), "large": torch.full((2, 4), 70_000.0)}
    with pytest.warns(UserWarning, match="up to 70000 overflow in float16; they are stored in bfloat16"):
        write_text_shard(tmp_path, 0, {}, features, torch.float16)
    large, small = TextCache(tmp_path, {}).get(["large", "small"])
    assert large is not None and small is not None
    torch.testing.assert_close(large.float(), features["large"], rtol=2**-8, atol=0)
    assert torch.equal(small.float(), features["small"])


def test_encoders_share_a_folder_and_find_their_own(tmp_path):
    with pytest.raises(FileNotFoundError, match="contains no text features"):
        TextCache(tmp_path, {"layer": 1})
    for layer in (1, 2):
        write_text_shard(tmp_path, 0, {"layer": layer}, {"a": torch.full((1, 4), layer)}, torch.float32)
    for layer in (1, 2):
        (rows,) = TextCache(tmp_path, {"layer": layer}).get(["a"])
        assert rows is not None and rows.unique().item() == layer
    with pytest.raises(ValueError, match=r"features of \{'layer': .\} and of \{'layer': .\}, but .* is \{'layer': 3\}"):
        TextCache(tmp_path, {"layer": 3})


def test_a_damaged_shard_of_features_is_named(tmp_path):
    write_text_shard(tmp_path, 0, {}, {"a": torch.ones(1, 4)}, torch.float16)
    (path,) = tmp_path.rglob("text-00000.safetensors")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"text-00000.safetensors is damaged .* remove it and run"):
        TextCache(tmp_path, {})


def test_a_shard_holds_its_captions_and_no_others(tmp_path):
    write_text_shard(tmp_path, 1, {"a": 1}, {"x": torch.ones(2, 3), "y": torch.ones(1, 3)}, torch.float16)
    assert holds_texts(tmp_path, 1, {"a": 1}, ["y", "x"])
    for number, identity, captions in ((1, {"a": 1}, ["x"]), (0, {"a": 1}, ["x", "y"]), (1, {"a": 2}, ["x", "y"])):
        assert not holds_texts(tmp_path, number, identity, captions)
