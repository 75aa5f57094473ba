"""Networks and tokenizers of text encoders, as Hugging Face stores them."""

from __future__ import annotations

from typing import Any

import torch

from lumina.errors import importing

TOKENIZER = "tokenizer.json"

UNDER_A_NAME = {r"^text_model\.": ""}
"""How a model of texts and something else names the weights of its text tower, and how the tower alone names them."""


def transformers() -> Any:
    """The package.

    Raises:
        ImportError: it is not installed.
    """
    with importing("transformers", "a text encoder"):
        import transformers
    return transformers


def read_config(location: str, path: str, remote: bool) -> Any:
    """The config of a model.

    Args:
        location: a folder, or an id on the Hugging Face hub.
        path: as the user named it.
        remote: whether code of the repository may run.

    Raises:
        FileNotFoundError: there is no such model.
    """
    try:
        return transformers().AutoConfig.from_pretrained(location, trust_remote_code=remote)
    except OSError as error:
        raise FileNotFoundError(
            f"text encoder {path!r} is neither a local folder nor available from the Hugging Face hub; download its "
            "config.json, *.safetensors and tokenizer files into one folder, and set path to that folder."
        ) from error


def check_length(config: Any, path: str, max_tokens: int) -> None:
    """Refuses texts that are longer than a network has positions.

    Args:
        config: of the text network.
        path: as the user named it.
        max_tokens: of a text.

    Raises:
        ValueError: names both numbers.
    """
    positions = getattr(config, "max_position_embeddings", None) or 0
    if config.model_type in ("roberta", "clap_text_model", "xlm-roberta"):  # which count on from the padding's number
        positions -= config.pad_token_id + 1
    if 0 < positions < max_tokens:
        raise ValueError(
            f"text encoder {path!r} takes {positions} tokens at most, but max_tokens={max_tokens}: lower it."
        )


def load_network(location: str, path: str, dtype: torch.dtype, remote: bool) -> Any:
    """The network that reads text: a decoder, the encoder of T5 without its decoder, or the text tower of CLAP or CLIP.

    Args:
        location: a folder, or an id on the Hugging Face hub.
        path: as the user named it.
        dtype: of the weights.
        remote: whether code of the repository may run.

    Raises:
        ValueError: the files lack weights, which would stay random.
    """
    kind, options = _kind(read_config(location, path, remote))
    level = transformers().logging.get_verbosity()
    transformers().logging.set_verbosity_error()  # it lists all weights that are not of the text tower
    try:
        network, found = kind.from_pretrained(
            location, dtype=dtype, trust_remote_code=remote, output_loading_info=True, **options
        )
    finally:
        transformers().logging.set_verbosity(level)
    parameters = dict(network.named_parameters())
    lacking = sorted(name for name in found["missing_keys"] if name in parameters and "pooler" not in name)
    if lacking:
        raise ValueError(
            f"text encoder {path!r}: its files lack {len(lacking)} weights of {type(network).__name__}, {lacking[0]} "
            "among them; fetch them again, or name a complete model."
        )
    return network


def _kind(config: Any) -> tuple[Any, dict[str, Any]]:
    """What builds the network of a model, and with which options."""
    library, text = transformers(), config.get_text_config()
    encoders = library.models.auto.modeling_auto.MODEL_FOR_TEXT_ENCODING_MAPPING
    if isinstance(text, library.ClapTextConfig):  # which transformers does not list as an encoder of text
        return library.ClapTextModel, {"config": text, "key_mapping": UNDER_A_NAME}
    if type(config) in encoders:
        return library.AutoModelForTextEncoding, {}
    if isinstance(text, library.CLIPTextConfig):
        return library.CLIPTextModel, {"config": text}
    return library.AutoModel, {}


def load_tokenizer(location: str, path: str, remote: bool) -> Any:
    """The tokenizer of a model, with padding on the right.

    Args:
        location: a folder, or an id on the Hugging Face hub.
        path: of the text encoder, as the user named it.
        remote: whether code of the repository may run.

    Raises:
        FileNotFoundError: it or its vocabulary is missing; the message says which file to put where.
    """
    try:
        tokenizer = transformers().AutoTokenizer.from_pretrained(
            location, padding_side="right", trust_remote_code=remote
        )
    except (OSError, ValueError, ImportError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise FileNotFoundError(_no_tokenizer(location, path, (), f" ({reason})")) from error
    # a tokenizer without its files is built with its special tokens alone
    if len(tokenizer.get_vocab()) < 2 * max(1, len(tokenizer.all_special_tokens)):
        raise FileNotFoundError(_no_tokenizer(location, path, tokenizer.vocab_files_names.values(), ""))
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def _no_tokenizer(location: str, path: str, files: Any, why: str) -> str:
    others = " and ".join(name for name in files if name != TOKENIZER)
    return (
        f"text encoder {path!r} has no vocabulary for its tokenizer{why}: put {TOKENIZER}"
        f"{f' (or {others})' if others else ''} into {location}, or set `tokenizer` to a folder that has it."
    )
