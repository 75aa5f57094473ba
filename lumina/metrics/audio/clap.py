"""CLAP's joint space of sounds and captions (Wu et al., 2023), by transformers' ClapModel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lumina.errors import importing
from lumina.metrics.audio.features import SoundFeatures, at_least, windows_of

RATE = 48_000
WINDOW = 10 * RATE
FILES = "config.json, model.safetensors, preprocessor_config.json, tokenizer.json, vocab.json, merges.txt"


class Clap(SoundFeatures):
    """512 features for each 10 s, a window every second: those of FAD-CLAP, as fadtk computes it.

    48 kHz; samples rounded to 16 bits; the last window ends in silence; features are projected and of length 1. All
    windows are exactly as long as the network hears, so none is cropped at random.

    Args:
        path: folder of a CLAP model in Hugging Face's format, or its model id, such as ``laion/larger_clap_music`` or
            ``laion/clap-htsat-unfused``. State it with every number.
    """

    name = "clap"
    distance = "fad_clap"
    at_once = 8
    rate = RATE

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    def load(self) -> nn.Module:
        """The network and its spectrogram.

        Raises:
            FileNotFoundError: CLAP is neither a local folder nor available from the hub.
            ImportError: transformers is not installed.
        """
        return Towers(self.path)

    def windows(self, sound: Tensor) -> Tensor:
        """Windows ``[W, 480000]`` of a sound ``[N]``."""
        return windows_of(as_16_bits(sound), WINDOW, RATE)

    @torch.no_grad()
    def cosines(self, sounds: Sequence[Tensor], rate: int, captions: Sequence[str], device: torch.device) -> Tensor:
        """Cosine of each sound and its caption, ``[B]`` float64: the mean of its windows.

        Windows of 10 s lie end to end, and the last one ends with the sound; a shorter sound is repeated as often as it
        fits and followed by silence, as in training.

        Args:
            sounds: ``[N_i]`` in [-1, 1].
            rate: of the sounds, in Hz.
            captions: one for each sound; cut at the longest that the network reads.
            device: of the network.
        """
        text = self.ready(device).read(captions).double()
        heard = self.listen(sounds, rate, device, lambda sound: end_to_end(as_16_bits(sound)))
        return torch.stack([(one.features.double() @ row).mean() for one, row in zip(heard, text, strict=True)])


class Towers(nn.Module):
    """Both towers of CLAP with their projections, and what turns sounds and captions into their input.

    Args:
        path: as for `Clap`.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        with importing("transformers", "CLAP"):
            from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel
        try:
            self._extract: Any = ClapFeatureExtractor.from_pretrained(path)
            self._tokenize: Any = AutoTokenizer.from_pretrained(path)
            self.network = ClapModel.from_pretrained(path)
        except (OSError, ValueError) as error:  # ValueError: neither a folder nor a valid id
            raise FileNotFoundError(
                f"CLAP {path} cannot be read from a folder or the Hugging Face hub: download {FILES} of "
                "laion/clap-htsat-unfused (sound) or laion/larger_clap_music (music) into one folder, and set path to "
                "that folder."
            ) from error

    def forward(self, windows: Tensor) -> Tensor:
        """Windows ``[W, 480000]`` to unit vectors ``[W, 512]``."""
        arrays = list(windows.double().cpu().numpy())
        inputs = self._extract(arrays, sampling_rate=RATE, return_tensors="pt")["input_features"].to(windows)
        # for sounds of 10 s at most, the extractor of fused models calls one longer at random
        longer = torch.zeros(len(windows), 1, dtype=torch.bool, device=windows.device)
        return self.network.get_audio_features(inputs, is_longer=longer).pooler_output

    def read(self, captions: Sequence[str]) -> Tensor:
        """Unit vectors ``[B, 512]`` of captions."""
        config: Any = self.network.config.text_config
        longest = config.max_position_embeddings - config.pad_token_id - 1  # RoBERTa counts positions from there
        tokens = self._tokenize(
            list(captions), padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(self.network.device)
        inputs = {name: tokens[name] for name in ("input_ids", "attention_mask")}
        return self.network.get_text_features(**inputs).pooler_output


def as_16_bits(sound: Tensor) -> Tensor:
    """A sound as a file with 16 bits holds it."""
    return (sound.clamp(-1, 1) * 32767).to(torch.int16).to(sound.dtype) / 32767


def end_to_end(sound: Tensor) -> Tensor:
    """Windows ``[W, 480000]`` without silence, as `Clap.cosines` describes them."""
    if len(sound) < WINDOW:
        return at_least(sound.repeat(WINDOW // max(len(sound), 1)), WINDOW)[None]
    whole = sound.unfold(0, WINDOW, WINDOW)
    return whole if len(sound) % WINDOW == 0 else torch.cat((whole, sound[None, -WINDOW:]))
