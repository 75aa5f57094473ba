"""What travels between the rooms: batches, tokens, conditions, the options of a prediction.

Conventions, stated once and held everywhere:

* Time: ``t = 0`` is pure noise, ``t = 1`` is data. ``x_t = t * x1 + (1 - t) * x0`` with data ``x1`` and noise ``x0``.
* Masks are bool and True marks a real element. ``mask=None`` says that nothing is padding (the fast attention path).
* A number of steps counts intervals: ten Euler steps are ten function evaluations.

Shape letters: B batch, L tokens, S condition tokens, F token width, A position axes, G groups, C condition width,
D model width, K classes, N samples of a data set.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, device
from torch.nn.utils.rnn import pad_sequence

from lumina.randomness import Randomness, normal

T = TypeVar("T")

Batch = Mapping[str, Any]
"""Named fields, batched along dimension 0."""

Item = dict[str, Any]
"""Named fields of one sample."""

Split = Literal["train", "validation", "test"]

Velocity = Callable[[Tensor, Tensor], Tensor]
"""``(x [B, L, F], t []) -> dx/dt [B, L, F]``: all a solver knows of the model."""

Route = Literal["cross", "pooled", "grouped", "prefix"]
"""Where a condition enters the backbone; see `Conditioning`."""


def is_shared(x: Tensor) -> bool:
    """Whether the samples of ``x [B, ...]`` are one and the same memory, as `Tensor.expand` makes them.

    The backbone then computes one rotary table for all. A copy, so also a move to another device, loses it.
    """
    return x.stride(0) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A padded set of tokens: what every modality becomes.

    Attributes:
        features: ``[B, L, F]``.
        positions: ``[B, L, A]``, integer or real coordinates on each axis; A may be 0.
        mask: ``[B, L]`` bool, True = real, padding last; None when nothing is padding.
        lengths: number of real tokens of each sample; avoids reading the mask from the device. None = not available.
        groups: ``[B, L]`` integer, the group (a view, say) whose ``Conditioning.grouped`` vector a token receives.
        locate: ``features [B, L, F] -> positions [B, L, A]``, set when positions are computed from the features (the
            coordinates of a point); tokens then move during sampling. None = the positions are fixed.
    """

    features: Tensor
    positions: Tensor
    mask: Tensor | None = None
    lengths: tuple[int, ...] | None = None
    groups: Tensor | None = None
    locate: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def padded(cls, features: Sequence[Tensor], positions: Sequence[Tensor]) -> Tokens:
        """One batch of samples of different lengths.

        Args:
            features: of each sample ``[L_i, F]``.
            positions: of each sample ``[L_i, A]``.
        """
        lengths = tuple(len(sample) for sample in features)
        mask = length_mask(lengths, features[0].device)
        return cls(
            features=pad_sequence(list(features), batch_first=True),
            positions=pad_sequence(list(positions), batch_first=True),
            mask=mask,
            lengths=None if mask is None else lengths,
        )

    def with_features(self, features: Tensor) -> Tokens:
        """The same tokens with other ``features [B, L, F]``, at the same places unless the features say where."""
        positions = self.positions if self.locate is None else self.locate(features)
        return replace(self, features=features, positions=positions)

    def expand(self, count: int) -> Tokens:
        """``count`` samples on the places of this one; they share its memory."""
        return Tokens(
            features=self.features.expand(count, -1, -1),
            positions=self.positions.expand(count, -1, -1),
            mask=None if self.mask is None else self.mask.expand(count, -1),
            lengths=self.lengths and self.lengths * count,
            groups=None if self.groups is None else self.groups.expand(count, -1),
            locate=self.locate,
        )

    @property
    def known_lengths(self) -> tuple[int, ...] | None:
        """Real tokens of each sample; None where the device alone knows."""
        return known_lengths(self.features, self.mask, self.lengths)

    @property
    def count(self) -> Tensor | int:
        """Real tokens of all samples together; a tensor, which nobody waits for, where the device alone knows."""
        known = self.known_lengths
        return sum(known) if known is not None else real(self.features, self.mask).sum()

    def to(self, device: device) -> Tokens:
        """The same tokens on ``device``; positions that the samples share stay shared."""
        shared = is_shared(self.positions)
        positions = self.positions[:1].to(device).expand_as(self.positions) if shared else self.positions.to(device)
        return Tokens(
            features=self.features.to(device),
            positions=positions,
            mask=None if self.mask is None else self.mask.to(device),
            lengths=self.lengths,
            groups=None if self.groups is None else self.groups.to(device),
            locate=self.locate,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """Clean tokens beside the noisy ones: a reference view, a picture in context, the part of a sound that stays.

    The backbone sees them; they are never noised, predicted, supervised or decoded.

    Attributes:
        tokens: width F, on the axes of the noisy tokens; the mask leaves them out where a sample has none. Their
            groups number the prefix's own groups.
        grouped: ``[B, G', min(D, 1024)]``, added to the time embedding of the tokens of each group; None = nothing.
        times: time embedded for the tokens of each group, 1 = clean; None = the time of the sample.
    """

    tokens: Tokens
    grouped: Tensor | None = None
    times: tuple[float | None, ...] = (1.0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning:
    """Inputs of the backbone other than tokens and time; every field is optional.

    Attributes:
        cross: ``[B, S, C]`` tokens that the backbone attends to (text).
        cross_mask: ``[B, S]`` bool, True = real; None = all real.
        cross_lengths: real ones of each sample beside the mask, as ``Tokens.lengths``.
        regions: ``[B, L]`` integer, the region of each token; it attends to the text of its own region alone.
        cross_regions: ``[B, S]`` integer, the region of each text token; given together with ``regions`` or not at all.
        pooled: ``[B, min(D, 1024)]``, added to the time embedding.
        grouped: ``[B, G, min(D, 1024)]``, added to the time embedding of the tokens of each group.
        prefix: clean tokens that the noisy ones attend to.
        without: the same for names of wishes, without these conditions; None = they cannot be told apart.
    """

    cross: Tensor | None = None
    cross_mask: Tensor | None = None
    cross_lengths: tuple[int, ...] | None = None
    regions: Tensor | None = None
    cross_regions: Tensor | None = None
    pooled: Tensor | None = None
    grouped: Tensor | None = None
    prefix: Prefix | None = None
    without: Callable[[frozenset[str]], Conditioning] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupted:
    """A training example of a generative objective.

    Attributes:
        x_t: ``[B, L, F]`` noisy features.
        t: ``[B]`` times.
        target: ``[B, L, F]`` what the backbone is asked for.
        weight: ``[B]`` weight of each sample's loss.
    """

    x_t: Tensor
    t: Tensor
    target: Tensor
    weight: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MelConvention:
    """What a mel spectrogram is. The window is a periodic Hann window of ``fft`` samples.

    Attributes:
        name: of the convention.
        rate: samples a second.
        bands: of the filter bank.
        fft: samples of a window, and of its Fourier transform.
        hop: samples from one frame to the next.
        low: lower end of the lowest band, in Hz.
        high: upper end of the highest band, in Hz.
        centred: True = frame k is centred on sample ``k * hop`` and N samples have ``1 + N // hop`` frames; False =
            on sample ``k * hop + hop / 2``, and N samples have ``N // hop`` frames.
        inside: added to the squared magnitude before its root.
        floor: the least magnitude of a band; what is lower is raised to it before the logarithm.
        base: of the logarithm; 10 or e.
    """

    name: str
    rate: int
    bands: int
    fft: int
    hop: int
    low: float
    high: float
    centred: bool = False
    inside: float = 0.0
    floor: float = 1e-5
    base: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """A Gaussian over the latents of each sample, as the encoder of a VAE gives it.

    Attributes:
        mean: ``[B, C, ...]``.
        logvar: of the same shape, the logarithm of the variances.
    """

    mean: Tensor
    logvar: Tensor

    def sample(self, source: Randomness) -> Tensor:
        """Latents drawn from it."""
        noise = normal(source, *self.mean.shape).to(self.mean)
        return self.mean + torch.exp(self.logvar / 2) * noise


def _as_it_is(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Something that users may ask of a sample: an option of `lumina sample`, a field of a prompt file's records.

    Attributes:
        name: of the option and of the field.
        type: of what users give, a type hint; ``str`` is taken literally on the command line.
        help: what it asks for.
        form: stands for the value in the help, "HEIGHTxWIDTH" say.
        several: a list asks for samples of each of its values.
        parse: what users give, of the type, to what samples are made from. It raises ValueError for what it refuses,
            and gives None for what asks for nothing.
        show: what ``parse`` gave as plain data, for files.
        exhibit: ``(value, folder)`` to what a page in the folder shows of the value, for which it may write files
            there; None = the page shows nothing but words.
    """

    name: str
    type: Any
    help: str
    form: str = ""
    several: bool = False
    parse: Callable[[Any], Any] = _as_it_is
    show: Callable[[Any], Any] = _as_it_is
    exhibit: Callable[[Any, Path], Shown] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Data that a sample starts from, in token space.

    Attributes:
        features: ``[B, L, F]``, or one sample for all, ``[1, L, F]``.
        strength: how much noise is laid on it at the start: 1 = nothing is left of it, 0 = it stays as it is.
        keep_mask: bool of the shape of ``features``, True = stays exactly as it is; None = nothing does.

    Raises:
        ValueError: for a strength outside 0 to 1.
    """

    features: Tensor
    strength: float = 1.0
    keep_mask: Tensor | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength={self.strength} must lie between 0 (the data itself) and 1 (nothing of it).")


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What samples start from in place of noise alone.

    Attributes:
        known: in token space.
        restore: puts what decoding would have changed of the kept data back into decoded samples; None = nothing.
    """

    known: Known
    restore: Callable[[Sequence[Any]], Sequence[Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A file on a web page, which needs nothing from elsewhere.

    Attributes:
        html: a fragment that shows the file, or links to it.
        note: a few words about the file, its size say.
        width: of the fragment, in pixels of the page.
        style: CSS that all files of this kind share; it goes once into the page's head.
        script: HTML that all files of this kind share; it goes once behind the page's content.
    """

    html: str
    note: str = ""
    width: int = 256
    style: str = ""
    script: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextDrop:
    """Which layers average their keys and values, when, and how.

    There is no correction for the number of tokens that a key stands for: with as many in every square it would add
    the same constant to every logit, which softmax ignores. Proportional attention keeps counting tokens, not squares,
    as in the released code.

    Attributes:
        layers: of N layers ``round((1 - t) N)`` drop at time t: the "first", the "last", or those "spread" evenly;
            "all" drops in every layer while ``t < 1/2``, which costs as much.
        before_rope: average keys before they are turned, and turn them to the mean position; otherwise after.
        factor: side of the squares, in tokens along the last two position axes (one-dimensional data: along the only).
    """

    layers: Literal["first", "last", "spread", "all"] = "first"
    before_rope: bool = True
    factor: int = 2

    def __post_init__(self) -> None:
        """Refuses squares of one token.

        Raises:
            ValueError: for a factor below 2.
        """
        if self.factor < 2:
            raise ValueError(f"context drop averages squares of at least 2 tokens a side, got factor={self.factor}.")

    def chosen(self, count: int, t: float) -> list[bool]:
        """For each of ``count`` layers whether it drops at time ``t``."""
        if self.layers == "all":
            return [t < 0.5] * count
        dropping = int((1 - t) * count + 0.5)
        if self.layers == "first":
            return [depth < dropping for depth in range(count)]
        if self.layers == "last":
            return [depth >= count - dropping for depth in range(count)]
        return [(depth + 1) * dropping // count > depth * dropping // count for depth in range(count)]


class StepCache:
    """What a backbone computes once for many predictions on the same places under the same conditions.

    One belongs to one canvas, one `Conditioning` and unchanging weights; it is used without gradients alone.
    """

    def __init__(self) -> None:
        self._kept: dict[str, tuple[Hashable, Any]] = {}

    def once(self, name: str, compute: Callable[[], T], key: Hashable = None) -> T:
        """What ``compute`` gave for this name; it is called the first time and whenever ``key`` has changed."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = self._kept[name] = (key, compute())
        value: T = kept[1]
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """Options of one prediction, passed down as a value and never stored on a module.

    Attributes:
        rope_rule: how rotary frequencies, or those of Fourier features, change at sizes never trained on; see
            `lumina.backbone.rope`.
        trained_length: positions on each axis during training, ``(A,)``; None leaves the table as it is.
        proportional_base: token count of the trained size; given, the softmax scale of self-attention becomes
            ``sqrt(log(L) / log(base) / d)``, L being the number of noisy tokens: a prefix is as long as in training.
        context_drop: self-attention sees averaged keys and values at early times; None = all of them always.
        cache: of a run of predictions; None = each computes everything. Sampling gives one by itself.
        drop_path: source of stochastic depth, given in training alone; None = no branch is dropped.
    """

    rope_rule: str = "none"
    trained_length: tuple[float, ...] | None = None
    proportional_base: int | None = None
    context_drop: ContextDrop | None = None
    cache: StepCache | None = None
    drop_path: Randomness | None = None


def real(sequence: Tensor, mask: Tensor | None) -> Tensor:
    """``[B, L]``, the mask of ``sequence [B, L, ...]``, or all True."""
    return torch.ones(sequence.shape[:2], dtype=torch.bool, device=sequence.device) if mask is None else mask


def known_lengths(
    sequence: Tensor, mask: Tensor | None, lengths: tuple[int, ...] | None = None
) -> tuple[int, ...] | None:
    """Real elements of each sample of ``sequence [B, L, ...]``; None where only the mask on the device says it."""
    if mask is None:
        return (sequence.shape[1],) * sequence.shape[0]
    return lengths


def length_mask(lengths: Sequence[int], device: device) -> Tensor | None:
    """``[B, max(lengths)]``, True for the first elements of each sample; None where all are equally long."""
    if min(lengths) == max(lengths):
        return None
    return torch.arange(max(lengths), device=device) < on_device(lengths, device)[:, None]


def on_device(values: Sequence[int] | Tensor, device: device, dtype: torch.dtype = torch.long) -> Tensor:
    """Numbers of the host, copied without waiting for the device."""
    here = torch.as_tensor(values, dtype=dtype)
    return (here.pin_memory() if device.type == "cuda" else here).to(device, non_blocking=True)
