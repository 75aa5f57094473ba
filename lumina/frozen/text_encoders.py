"""Pretrained text encoders."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, device

from lumina.config.locate import locate
from lumina.config.trust import require_trust
from lumina.frozen.network import Frozen
from lumina.frozen.text_cache import TextCache
from lumina.frozen.text_network import check_length, load_network, load_tokenizer, read_config
from lumina.interfaces import TextEncoder
from lumina.text.normalise import grammars, normalise

Precision = Literal["float32", "bfloat16", "float16"]

MAX_WARNINGS = 3
"""Truncated captions that are reported."""


class HuggingFaceText(TextEncoder):
    """Any Hugging Face decoder LLM or text encoder, the text tower of CLAP or CLIP among them, frozen.

    The features are the hidden states of one layer, for at most ``max_tokens`` tokens (Lumina-Next uses the input of
    the last layer of Gemma-2B). Captions are neither lower-cased nor put into a template. The model's config
    is read at once, its weights and its tokenizer at first use.

    Args:
        path: a local folder, a Hugging Face model id, or ``package:NAME/FOLDER``, a folder inside an installed
            Python package.
        layer: index of the hidden states; -2 = input of the last layer, the usual choice for decoders, -1 = output of
            the last layer, the usual choice for encoders.
        max_tokens: longer captions are truncated; a warning shows the first ones.
        dtype: precision of the network.
        tokenizer: path of the tokenizer; None = that of the model.
        cache: a folder of features that `lumina cache` wrote; captions that are not in it are encoded.
        trust_remote_code: run the Python code in the model repository; only for repositories you trust.
        normalise: write numbers, currency, dates, measures and abbreviations out before encoding; English.

    Raises:
        ImportError: transformers, or the package named in ``path``, is not installed.
        FileNotFoundError: the model is neither a local folder nor available from the hub.
        ValueError: ``trust_remote_code`` is set in a shared file that the user does not trust.
    """

    def __init__(
        self,
        path: str,
        layer: int = -2,
        max_tokens: int = 256,
        dtype: Precision = "bfloat16",
        tokenizer: str | None = None,
        cache: Path | None = None,
        trust_remote_code: bool = False,
        normalise: bool = False,
    ) -> None:
        if trust_remote_code:
            require_trust(f"sets trust_remote_code for {path!r}, which would run Python code from there")
        self.path, self.layer, self.max_tokens, self.normalise = path, layer, max_tokens, normalise
        if normalise:
            grammars()
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._location, self._remote = str(locate(path)), trust_remote_code
        self._tokenizer_path = tokenizer
        self._tokenizer_location = self._location if tokenizer is None else str(locate(tokenizer))
        self.dim = self._width()
        self._network = Frozen(self._load_network)
        self._tokenizer: Any = None
        self._cut: set[str] = set()
        self.cache = None if cache is None else TextCache(cache, self.identity)

    @property
    def identity(self) -> dict[str, str | int | None]:
        """All settings that determine the features; a cache with a different identity is refused."""
        names = {"path": self.path, "tokenizer": self._tokenizer_path, "dtype": str(self._dtype).removeprefix("torch.")}
        return {**names, "layer": self.layer, "max_tokens": self.max_tokens, "dim": self.dim} | (
            {"normalise": True} if self.normalise else {}
        )

    @torch.no_grad()
    def encode(self, captions: Sequence[str], device: device) -> list[Tensor]:
        """Hidden states ``[S_i, C]`` float32 of each caption, from the cache or the network."""
        cached: list[Tensor | None] = [None] * len(captions) if self.cache is None else self.cache.get(captions)
        missing = [caption for caption, features in zip(captions, cached, strict=True) if features is None]
        if self.normalise:
            missing = [normalise(caption) for caption in missing]
        fresh = iter(self._encode(missing, device) if missing else [])
        return [next(fresh) if features is None else features.to(device).float() for features in cached]

    def _encode(self, captions: Sequence[str], device: device) -> list[Tensor]:
        tokenizer = self.tokenizer
        encoded = tokenizer(
            list(captions), padding=True, truncation=True, max_length=self.max_tokens, return_tensors="pt"
        )
        lengths = encoded["attention_mask"].sum(1).tolist()
        full = [caption for caption, length in zip(captions, lengths, strict=True) if length >= self.max_tokens]
        self._warn_truncated(full)
        encoded = encoded.to(device)
        ids, mask = encoded["input_ids"].long(), encoded["attention_mask"].bool()
        if not ids.shape[1]:
            return [torch.zeros(0, self.dim, device=device) for _ in captions]
        with torch.autocast(device.type, enabled=False):
            network = self._network.on(device, self._dtype)
            # a row with nothing but padding would be NaN in some attention kernels; its states are not used
            attended = mask | ~mask.any(1, keepdim=True)
            output = network(input_ids=ids, attention_mask=attended.long(), output_hidden_states=True)
        states = output.hidden_states[self.layer].float()
        return [row[:length] for row, length in zip(states, lengths, strict=True)]  # padded on the right

    def _warn_truncated(self, captions: Sequence[str]) -> None:
        """Warns about the first captions that exceed ``max_tokens``, with the text that is cut off."""
        for caption in captions:
            if len(self._cut) == MAX_WARNINGS or caption in self._cut:
                continue
            ids = self.tokenizer(caption, add_special_tokens=False, verbose=False)["input_ids"]
            room = self.max_tokens - self.tokenizer.num_special_tokens_to_add()
            if len(ids) > room:
                self._cut.add(caption)
                last = " Further truncated texts are not reported." if len(self._cut) == MAX_WARNINGS else ""
                rest = self.tokenizer.decode(ids[max(0, room) :]).strip()
                warnings.warn(
                    f"The text {caption[:60]!r} has {len(ids)} tokens, but max_tokens={self.max_tokens} of its encoder "
                    f"leaves {max(0, room)}; cut off: {rest[:200]!r}. Shorten it, or raise max_tokens.{last}",
                    stacklevel=2,
                )

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, with padding on the right.

        Raises:
            FileNotFoundError: its vocabulary is missing.
        """
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self._tokenizer_location, self.path, self._remote)
        return self._tokenizer

    def _width(self) -> int:
        config = read_config(self._location, self.path, self._remote).get_text_config()
        check_length(config, self.path, self.max_tokens)
        return int(config.hidden_size)

    def _load_network(self) -> Any:
        return load_network(self._location, self.path, self._dtype, self._remote)
