"""Language models that answer chats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lumina.config.locate import locate
from lumina.errors import importing


class Chat:
    """A Hugging Face decoder LLM with a chat template. It always takes the likeliest token: same chat, same answer.

    Args:
        path: a local folder, or a Hugging Face model id.
        device: where it runs.
        dtype: of its weights.
        max_tokens: of an answer; a longer one is cut off.

    Raises:
        ImportError: transformers is not installed.
        FileNotFoundError: the model is neither a local folder nor available from the hub, or lacks files.
        ValueError: its tokenizer has no chat template.
    """

    def __init__(self, path: str, device: torch.device, dtype: torch.dtype, max_tokens: int) -> None:
        with importing("transformers", "a chat model"):
            import transformers
        location = str(locate(path))
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(location, padding_side="left")
            network: Any = transformers.AutoModelForCausalLM.from_pretrained(location, dtype=dtype)
        except (OSError, ValueError, ImportError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise FileNotFoundError(
                f"no chat model can be loaded from {path!r} ({reason}); download its config.json, *.safetensors, "
                "tokenizer.json and tokenizer_config.json into one folder, and name that folder."
            ) from error
        if tokenizer.chat_template is None:
            raise ValueError(
                f"the tokenizer of {path!r} has no chat template: name a model that was tuned to follow instructions, "
                "or put its chat_template.jinja into the folder."
            )
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        network.generation_config = transformers.GenerationConfig(
            do_sample=False,
            max_new_tokens=max_tokens,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=network.generation_config.eos_token_id or tokenizer.eos_token_id,
        )
        self._pipeline: Any = transformers.pipeline(
            "text-generation", model=network.to(device), tokenizer=tokenizer, device=device
        )

    def answers(self, chats: Sequence[Sequence[dict[str, str]]]) -> list[str]:
        """The answer to each chat, whose last message is the user's; all are computed as one batch."""
        given = self._pipeline([list(chat) for chat in chats], batch_size=len(chats), return_full_text=False)
        return [str(answer["generated_text"]) for (answer,) in given]
