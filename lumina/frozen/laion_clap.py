"""The text tower of LAION's own CLAP checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lumina.files.weights import read_pickle
from lumina.frozen.text_encoders import HuggingFaceText, Precision
from lumina.frozen.text_network import check_length, transformers

BRANCH = re.compile(r"^(?:module\.)?text_branch\.(?!embeddings\.(?:position|token_type)_ids$)")
HEAD = 64  # features of a head of RoBERTa, of whatever size


class LaionClapText(HuggingFaceText):
    """Token states of the text tower in a checkpoint of the package laion-clap, a RoBERTa that was tuned on sounds.

    The package itself is not needed, nor a network: its file holds all weights. The checkpoint is read safely: a file
    that would run code is refused.

    Args:
        path: a ``.pt`` file, ``630k-audioset-best.pt`` say.
        tokenizer: a folder, or an id on the Hugging Face hub, with RoBERTa's tokenizer.
        layer: index of the hidden states; -1 = output of the last layer.
        max_tokens: longer captions are truncated; a warning shows the first ones.
        dtype: precision of the network.
        cache: a folder of features that `lumina cache` wrote; captions that are not in it are encoded.
        normalise: write numbers, currency, dates, measures and abbreviations out before encoding; English.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file holds no text tower of RoBERTa, or more than tensors and plain data.
    """

    def __init__(
        self,
        path: str,
        tokenizer: str = "roberta-base",
        layer: int = -1,
        max_tokens: int = 256,
        dtype: Precision = "bfloat16",
        cache: Path | None = None,
        normalise: bool = False,
    ) -> None:
        super().__init__(path, layer, max_tokens, dtype, tokenizer, cache, normalise=normalise)

    def _width(self) -> int:
        config = _config(self._weights())
        check_length(config, self.path, self.max_tokens)
        return int(config.hidden_size)

    def _load_network(self) -> Any:
        weights = self._weights()
        with torch.device("cpu"):
            network = transformers().RobertaModel(_config(weights), add_pooling_layer=False)
        network.load_state_dict({name: value for name, value in weights.items() if not name.startswith("pooler.")})
        return network.to(self._dtype)

    def _weights(self) -> dict[str, Tensor]:
        """Those of the text tower, memory-mapped, by RoBERTa's names."""
        if not Path(self._location).is_file():
            raise FileNotFoundError(
                f"there is no {self._location}: download a checkpoint of laion-clap, 630k-audioset-best.pt say, from "
                "https://huggingface.co/lukewys/laion_clap and set path to it."
            )
        content = read_pickle(Path(self._location))
        named = content.get("state_dict", content) if isinstance(content, dict) else {}
        tower = {BRANCH.sub("", name): value for name, value in named.items() if BRANCH.match(str(name))}
        if "embeddings.position_embeddings.weight" not in tower:
            raise ValueError(
                f"{self._location} holds no text tower of RoBERTa (text_branch.embeddings, ...): name a checkpoint of "
                "laion-clap; a folder of transformers' CLAP is read by HuggingFaceText."
            )
        return tower


def _config(weights: Mapping[str, Tensor]) -> Any:
    """RoBERTa's, of the size that the weights say."""
    vocabulary, width = weights["embeddings.word_embeddings.weight"].shape
    layers = {name.split(".")[2] for name in weights if name.startswith("encoder.layer.")}
    return transformers().RobertaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=len(layers),
        num_attention_heads=width // HEAD,
        intermediate_size=weights["encoder.layer.0.intermediate.dense.bias"].shape[0],
        max_position_embeddings=weights["embeddings.position_embeddings.weight"].shape[0],
        type_vocab_size=weights["embeddings.token_type_embeddings.weight"].shape[0],
        layer_norm_eps=1e-5,
    )
