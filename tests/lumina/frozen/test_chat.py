"""Language models that answer chats, tiny and random."""

import pytest
import torch
from tiny_encoders import gemma, llama

from lumina.frozen.chat import Chat

CPU = torch.device("cpu")


def chat(folder, max_tokens=6):
    return Chat(str(folder), CPU, torch.float32, max_tokens)


def asked(text):
    return [{"role": "user", "content": text}]


def test_answers_are_the_same_each_time_and_in_any_company(tmp_path):
    model = chat(llama(tmp_path))
    chats = [asked("a red apple"), asked("pear"), asked("a green pear a red apple")]
    together = model.answers(chats)
    assert together == [model.answers([one])[0] for one in chats]
    assert all(0 < len(answer.split()) <= 6 for answer in together)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no chat model .*nothing.*tokenizer\.json .*into one folder"):
        chat(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"has no chat template"):
        chat(gemma(tmp_path / "plain"))
