"""Checkpoints of laion-clap, made here from the class that it trains."""

import pytest
import torch
from tiny_encoders import laion_clap, roberta

from lumina.frozen.laion_clap import LaionClapText

CPU = torch.device("cpu")


@pytest.fixture
def checkpoint(tmp_path):
    return laion_clap(tmp_path)


def encoder(path, **options):
    return LaionClapText(
        str(path), tokenizer=str(path.parent / "tokenizer"), dtype="float32", **{"max_tokens": 38, **options}
    )


@torch.no_grad()
def test_the_states_are_those_of_the_text_tower(checkpoint):
    clap = encoder(checkpoint)
    assert clap.dim == 128
    long, short = clap.encode(["a red apple", "pear"], CPU)
    torch.testing.assert_close(long, roberta()(torch.tensor([[4, 5, 6]])).last_hidden_state[0])
    assert short.shape == (1, 128)
    torch.testing.assert_close(short, clap.encode(["pear"], CPU)[0], atol=1e-5, rtol=1e-5)


def test_weights_without_the_names_of_a_training(tmp_path, checkpoint):
    plain = {f"text_branch.{name}": weight for name, weight in roberta().state_dict().items()}
    torch.save(plain, tmp_path / "plain.pt")
    torch.testing.assert_close(
        encoder(tmp_path / "plain.pt").encode(["a pear"], CPU), encoder(checkpoint).encode(["a pear"], CPU)
    )


def test_longer_texts_than_it_has_positions_are_refused(checkpoint):
    with pytest.raises(ValueError, match="takes 38 tokens at most, but max_tokens=256"):
        encoder(checkpoint, max_tokens=256)
    with pytest.warns(UserWarning, match="has 10000 tokens, but max_tokens=38"):
        assert len(encoder(checkpoint).encode(["apple " * 10_000], CPU)[0]) == 38


def test_its_identity_names_the_file(checkpoint):
    assert encoder(checkpoint).identity["path"] == str(checkpoint)


def test_a_file_that_is_none_is_refused(tmp_path, checkpoint):
    with pytest.raises(FileNotFoundError, match=r"there is no .*missing\.pt: download a checkpoint of laion-clap"):
        encoder(tmp_path / "missing.pt")
    torch.save({"state_dict": {"text_branch.resblocks.0.weight": torch.ones(1)}}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt holds no text tower of RoBERTa"):
        encoder(tmp_path / "other.pt")


class Evil:
    def __reduce__(self):
        return print, ("ran",)


def test_a_file_that_would_run_code_is_refused(tmp_path, checkpoint, capsys):
    torch.save({"state_dict": {}, "note": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="safe to load"):
        encoder(tmp_path / "evil.pt")
    assert "ran" not in capsys.readouterr().out


def test_without_a_tokenizer_the_file_to_put_is_named(checkpoint):
    for file in (checkpoint.parent / "tokenizer").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=r"put tokenizer\.json into .*/tokenizer"):
        encoder(checkpoint).encode(["a pear"], CPU)
