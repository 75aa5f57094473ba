"""Sound and music as the latents of mel spectrograms, of any length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from lumina.audio.griffin_lim import GriffinLim
from lumina.audio.loudness import within_one
from lumina.audio.matched import matched
from lumina.audio.mel import mel_spectrogram
from lumina.audio.on_page import exhibit_sound, sound_on_page
from lumina.audio.spectrogram import spectrogram_picture
from lumina.audio.start import KnownSound
from lumina.audio.wishes import (
    check_together,
    parse_keep,
    parse_seconds,
    parse_sound,
    parse_strength,
    show_keep,
    wanted_seconds,
)
from lumina.audio.writing import write_sound
from lumina.data.batches import stacked
from lumina.interfaces import MelAutoencoder, Modality, Vocoder
from lumina.pictures.sheet import contact_sheet
from lumina.values import Batch, Known, Shown, Start, Tokens, Wish

STRENGTH = 0.6  # of sound-to-sound
LONGEST = 600.0
"""Seconds of training sounds."""

Sounds = Tensor | Sequence[Tensor]
"""``[B, N]``, or a list of ``[N]`` of mixed lengths; about within -1 to 1."""

Latents = Tensor | Sequence[Tensor]
"""``[B, C, T]``, or a list of ``[C, T]`` of mixed lengths."""


class Audio(Modality):
    """Frames of a sound's latent as tokens on one axis, time.

    A sound becomes a mel spectrogram, that becomes the latent of an autoencoder; a vocoder makes sound of the decoded
    spectrogram. Latent and decoded sound of a sample do not depend on the samples beside it.

    Args:
        autoencoder: a pretrained VAE of mel spectrograms; it decides the rate.
        vocoder: spectrograms to sound; None = Griffin-Lim, which needs no weights.
        seconds: of a training sound; what is sampled unless another length is asked for.
        file_format: of the files of samples.

    Raises:
        ValueError: the vocoder cannot take the autoencoder's spectrograms, or ``seconds`` is out of its range.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("sound",)
    wishes: ClassVar[tuple[Wish, ...]] = (
        Wish(
            name="seconds",
            type=float,
            help="of each sound, 0.5 to 60; those of the sound that it starts from, or of training, if left out",
            parse=parse_seconds,
        ),
        Wish(
            name="audio",
            type=Path,
            form="FILE",
            help="a sound to start from",
            parse=parse_sound,
            show=str,
            exhibit=lambda file, folder: exhibit_sound(file, folder, "start", "The sound that they start from"),
        ),
        Wish(
            name="keep",
            type=str,
            form="START:END",
            help="in seconds of that sound: this part stays and the rest is drawn, also after its end where --seconds "
            "is longer; several parts as 0:1,3:4; 0: is all of it",
            parse=parse_keep,
            show=show_keep,
        ),
        Wish(
            name="strength",
            type=float,
            help="how much of that sound is redrawn, 0 = nothing, 1 = all; 0.6 if left out, or 1 with --keep",
            parse=parse_strength,
        ),
    )
    position_axes = 1

    def __init__(
        self,
        autoencoder: MelAutoencoder,
        vocoder: Vocoder | None = None,
        seconds: float = 9.984,
        file_format: Literal["wav", "flac"] = "wav",
    ) -> None:
        super().__init__()
        if not 0 < seconds <= LONGEST:
            raise ValueError(f"seconds={seconds:g} must be above 0 and at most {LONGEST:g}.")
        self.autoencoder, self.convention, self.seconds = autoencoder, autoencoder.convention, seconds
        self.vocoder = GriffinLim(self.convention) if vocoder is None else matched(vocoder, self.convention)
        self.file_format = file_format
        self.token_dim = self.token_channels = autoencoder.channels

    @property
    def rate(self) -> int:
        """Samples a second."""
        return self.convention.rate

    @property
    def cell(self) -> int:
        """Samples of a token."""
        return self.convention.hop * self.autoencoder.factor

    @property
    def latent_identity(self) -> Mapping[str, Any]:
        """That of the autoencoder."""
        return self.autoencoder.identity

    @property
    def data_settings(self) -> Mapping[str, Any]:
        """The rate."""
        return {"rate": self.rate}

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """Nothing.

        Raises:
            ValueError: for data of another rate, or of lengths that are no whole tokens.
        """
        rate, cell = getattr(data, "rate", self.rate), getattr(data, "cell", self.cell)
        if rate != self.rate:
            raise ValueError(f"the autoencoder is for sounds of {self.rate} Hz, the data has {rate}: set data.rate.")
        if cell % self.cell:
            raise ValueError(f"a token is {self.cell} samples, but data.cell={cell}: set data.cell to {self.cell}.")
        return {}

    def compress(self, batch: Batch) -> Latents:
        """The autoencoder's normalised latents; what is left after the last whole token is cut off.

        Raises:
            ValueError: for a sound that is shorter than a token.
        """
        sounds: Sounds = batch["sound"]
        by_length: dict[int, list[int]] = {}
        for place, sound in enumerate(sounds):
            by_length.setdefault(sound.shape[-1], []).append(place)
        latents: dict[int, Tensor] = {}
        for places in by_length.values():
            latents |= zip(places, self._encode(torch.stack([sounds[place] for place in places])), strict=True)
        return stacked([latents[place] for place in range(len(sounds))])

    def tokenize(self, latent: Latents, batch: Batch) -> Tokens:
        """A token a frame; mixed lengths are padded to the longest, and frames beyond ``batch["length"]`` masked."""
        frames = [sample.shape[-1] for sample in latent]
        real = frames
        if "length" in batch:
            lengths = torch.as_tensor(batch["length"]).tolist()
            real = [min(n, max(1, -(-length // self.cell))) for n, length in zip(frames, lengths, strict=True)]
        features = [sample[:, :n].transpose(0, 1) for sample, n in zip(latent, real, strict=True)]
        return self._tokens(features)

    def decode(self, outputs: Tokens, batch: Batch) -> Sounds:
        """Sounds, of ``batch["length"]`` samples if it says so: a tensor where all have one length, else a list."""
        sounds = [self._sound(outputs, sample) for sample in range(len(outputs.features))]
        if "length" in batch:
            lengths = torch.as_tensor(batch["length"]).tolist()
            sounds = [sound[:length] for sound, length in zip(sounds, lengths, strict=True)]
        return stacked(sounds)

    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """Canvas of ``count`` sounds of ``request["seconds"]``, up to a whole token."""
        features = torch.zeros(-(-self._samples(request) // self.cell), self.token_dim)
        return self._tokens([features]).expand(count)

    def fields(self, count: int, request: Mapping[str, Any]) -> Batch:
        """The exact length, in samples."""
        return {"length": torch.full((count,), self._samples(request))}

    @classmethod
    def check_request(cls, request: Mapping[str, Any]) -> None:
        """Refuses what does not go together, such as a part that stays outside the sound.

        Raises:
            ValueError: naming it.
        """
        check_together(request)

    def start(self, request: Mapping[str, Any], device: torch.device) -> Start | None:
        """A sound file, or parts of it that stay, sample for sample."""
        if "audio" not in request:
            return None
        sound = KnownSound.of(request["audio"], self.rate, self._samples(request), request.get("keep"))
        canvas = self.layout(1, request)
        latent = self.compress({"sound": sound.filled(canvas.features.shape[1] * self.cell)[None].to(device)})
        features = self.tokenize(latent, {}).features
        if sound.parts is None:
            return Start(known=Known(features=features, strength=request.get("strength", STRENGTH)))
        kept = sound.kept_tokens(features.shape[1], self.cell).to(device)[None, :, None].expand_as(features)
        known = Known(features=features, strength=request.get("strength", 1.0), keep_mask=kept)
        return Start(known=known, restore=sound.restore)

    def example_batch(self, count: int) -> Batch:
        """White noise of the trained length, up to a whole token."""
        return {"sound": torch.rand(count, self.layout(1, {}).features.shape[1] * self.cell) - 0.5}

    def picture(self, samples: Sounds, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """All spectrograms on one sheet."""
        return contact_sheet([spectrogram_picture(sound, self.convention) for sound in samples], captions=captions)

    def wandb_media(self, samples: Sounds, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """Players; a sound whose peak exceeds 1 is scaled, never clipped."""
        import wandb

        texts: list[str | None] = [*captions] or [None] * len(samples)
        scaled = (within_one(sound.detach().float()).cpu().numpy() for sound in samples)
        return [wandb.Audio(sound, self.rate, caption=text) for sound, text in zip(scaled, texts, strict=True)]

    def save(
        self,
        samples: Sounds,
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """One file a sound, with its texts."""
        return [
            write_sound(sound, self.rate, folder / f"{number:05d}.{self.file_format}", text)
            for sound, number, text in zip(samples, numbers, texts or [{} for _ in numbers], strict=True)
        ]

    def shown(self, file: Path, text: str = "") -> Shown:
        """A player below a spectrogram."""
        return sound_on_page(file, text, self.convention)

    def _samples(self, request: Mapping[str, Any]) -> int:
        return round(wanted_seconds(request, self.seconds) * self.rate)

    def _encode(self, sounds: Tensor) -> Tensor:
        """``[B, N]`` to ``[B, C, N // cell]``."""
        frames = sounds.shape[-1] // self.cell * self.autoencoder.factor
        if not frames:
            raise ValueError(f"a sound of {sounds.shape[-1]} samples is shorter than a token of {self.cell} samples.")
        return self.autoencoder.encode(mel_spectrogram(sounds, self.convention)[..., :frames])

    def _sound(self, outputs: Tokens, sample: int) -> Tensor:
        """One at a time, so that the memory does not grow with the batch, nor rounding with its samples."""
        features = outputs.features[sample]
        if outputs.mask is not None:
            features = features[outputs.mask[sample]]
        mel = self.autoencoder.decode(features.transpose(0, 1)[None])
        return self.vocoder.sound(mel)[0]

    def _tokens(self, features: Sequence[Tensor]) -> Tokens:
        """Of each sample ``[L_i, C]``."""
        places = [torch.arange(len(sample), device=sample.device)[:, None] for sample in features]
        if len({len(sample) for sample in features}) == 1:
            return Tokens(features=torch.stack(list(features)), positions=places[0].expand(len(features), -1, -1))
        return Tokens.padded(features, places)
