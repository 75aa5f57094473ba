"""Text encoders of published classes, tiny, with seeded random weights and a tokenizer of a few words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    ClapConfig,
    ClapModel,
    GemmaConfig,
    GemmaModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
)

WORDS = ["<pad>", "<eos>", "<bos>", "<unk>", "a", "red", "apple", "green", "pear"]


def tokenizer(folder: Path, bos: bool = False) -> None:
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    if bos:
        words.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 2)])
    PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>", unk_token="<unk>"
    ).save_pretrained(folder)


def gemma(folder: Path, bos: bool = True) -> Path:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
    config = GemmaConfig(vocab_size=len(WORDS), num_key_value_heads=1, head_dim=8, **sizes)
    GemmaModel(config).save_pretrained(folder)
    tokenizer(folder, bos)
    return folder


def llama(folder: Path) -> Path:
    """A model to chat with, whose answers are random words."""
    torch.manual_seed(4)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(folder)
    tokenizer(folder)
    (folder / "chat_template.jinja").write_text("{% for one in messages %}{{ one.content }} <eos> {% endfor %}")
    return folder


def clap(folder: Path) -> Path:
    """All of CLAP, as on the hub: the tower for sound too."""
    torch.manual_seed(1)
    text = {"hidden_size": 12, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    sound = {"depths": [1, 1], "num_attention_heads": [2, 2], "hidden_size": 32, "patch_embeds_hidden_size": 8}
    sizes = {"spec_size": 64, "window_size": 4}
    config = ClapConfig(text_config={"vocab_size": len(WORDS), **text}, audio_config={**sound, **sizes})
    ClapModel(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def t5(folder: Path) -> Path:
    """All of FLAN-T5, as on the hub: the decoder too."""
    torch.manual_seed(2)
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
    config = T5Config(vocab_size=len(WORDS), feed_forward_proj="gated-gelu", tie_word_embeddings=False, **sizes)
    T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def laion_clap(folder: Path) -> Path:
    """A checkpoint as published: named as by DistributedDataParallel, with other branches and notes of the training.

    The tokenizer is beside it, in ``tokenizer``.
    """
    weights = roberta().state_dict() | {"embeddings.position_ids": torch.arange(40)[None]}
    named = {f"module.text_branch.{name}": weight for name, weight in weights.items()}
    other = {"module.logit_scale_a": torch.ones(()), "module.audio_branch.bn0.weight": torch.ones(4)}
    notes = {"epoch": 15, "name": "a run", "best": np.float64(0.9), "count": np.int64(3)}
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({**notes, "state_dict": named | other}, folder / "630k.pt")
    tokenizer(folder / "tokenizer")
    return folder / "630k.pt"


def roberta() -> RobertaModel:
    """The text tower of laion-clap."""
    torch.manual_seed(3)
    sizes = {"hidden_size": 128, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = RobertaConfig(
        vocab_size=len(WORDS), type_vocab_size=1, max_position_embeddings=40, layer_norm_eps=1e-5, **sizes
    )
    return RobertaModel(config).eval()
