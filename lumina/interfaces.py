"""Every seam of the framework in one file. Read this first.

One stands elsewhere, `lumina.metrics.sample_metric`, because importing torchmetrics takes seconds.

Conventions, stated once and held everywhere:

* Time: ``t = 0`` is pure noise, ``t = 1`` is data. ``x_t = t * x1 + (1 - t) * x0`` with data ``x1`` and noise ``x0``.
* Masks are bool and True marks a real element. ``mask=None`` says that nothing is padding (the fast attention path).
* A number of steps counts intervals: ten Euler steps are ten function evaluations.

Shape letters: B batch, L tokens, S condition tokens, F token width, A position axes, G groups, C condition width,
D model width.

The way of the data::

    DataModule --Batch--> Modality.compress -> tokenize --Tokens--> Objective.loss(Backbone, Tokens, Conditioning)
         +------Batch---> ConditionerSet ------------Conditioning---------+
    sampling: Modality.layout -> noise -> Sampler(schedule x solver x guidance) -> Modality.decode -> metrics, files
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from torch import Tensor, device, nn

from lumina.randomness import Randomness
from lumina.sampling.context_drop import ContextDrop

if TYPE_CHECKING:
    from lumina.backbone.config import NextDiTConfig

T = TypeVar("T")

Batch = Mapping[str, Any]
"""Named fields, batched along dimension 0."""

Velocity = Callable[[Tensor, Tensor], Tensor]
"""``(x [B, L, F], t []) -> dx/dt [B, L, F]``: all a solver knows of the model."""

Route = Literal["cross", "pooled", "grouped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A padded set of tokens: what every modality becomes.

    Attributes:
        features: ``[B, L, F]``.
        positions: ``[B, L, A]``, integer or real coordinates on each axis; A may be 0.
        mask: ``[B, L]`` bool, True = real, padding last; None when nothing is padding.
        groups: ``[B, L]`` integer, the group (a view, say) whose ``Conditioning.grouped`` vector a token receives.
        place: ``features [B, L, F] -> positions [B, L, A]`` where the features themselves say where a token is, as the
            coordinates of a point do, so that it moves while it is generated; None = the positions stay.
    """

    features: Tensor
    positions: Tensor
    mask: Tensor | None = None
    groups: Tensor | None = None
    place: Callable[[Tensor], Tensor] | None = None

    def with_features(self, features: Tensor) -> Tokens:
        """The same tokens with other ``features [B, L, F]``, at the same places unless the features say where."""
        positions = self.positions if self.place is None else self.place(features)
        return replace(self, features=features, positions=positions)

    @property
    def count(self) -> Tensor | int:
        """Real tokens of all samples together; with a mask on the device, which nobody waits for."""
        return self.features.shape[0] * self.features.shape[1] if self.mask is None else self.mask.sum()

    def to(self, device: device) -> Tokens:
        """The same tokens on ``device``."""
        return Tokens(
            features=self.features.to(device),
            positions=self.positions.to(device),
            mask=None if self.mask is None else self.mask.to(device),
            groups=None if self.groups is None else self.groups.to(device),
            place=self.place,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning:
    """What the backbone is told beside tokens and time; every field is optional.

    Attributes:
        cross: ``[B, S, C]`` tokens that the backbone attends to (text).
        cross_mask: ``[B, S]`` bool, True = real; None = all real.
        regions: ``[B, L]`` integer, the region of each token; it attends to the text of its own region alone.
        cross_regions: ``[B, S]`` integer, the region of each text token; given together with ``regions`` or not at all.
        pooled: ``[B, min(D, 1024)]``, added to the time embedding.
        grouped: ``[B, G, min(D, 1024)]``, added to the time embedding of the tokens of each group.
    """

    cross: Tensor | None = None
    cross_mask: Tensor | None = None
    regions: Tensor | None = None
    cross_regions: Tensor | None = None
    pooled: Tensor | None = None
    grouped: Tensor | None = None


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


class Memory:
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
            ``sqrt(log(L) / log(base) / d)``.
        context_drop: self-attention sees averaged keys and values at early times; None = all of them always.
        memory: of a run of predictions; None = each computes everything. Sampling gives one by itself.
        drop_path: source of stochastic depth, given in training alone; None = no branch is dropped.
    """

    rope_rule: str = "none"
    trained_length: tuple[float, ...] | None = None
    proportional_base: int | None = None
    context_drop: ContextDrop | None = None
    memory: Memory | None = None
    drop_path: Randomness | None = None


class Modality(nn.Module, ABC):
    """Turns one kind of data into tokens and back.

    Class attributes:
        batch_keys: fields of the batch that `compress` and `tokenize` read.
        decodes: what `decode` takes of an objective: generated `Tokens`, or a `Tensor` of logits ``[B, K]``.
        requests: entries of the request that `layout` understands.

    Attributes:
        token_dim: F.
        position_axes: A.
        classes: names of the classes of logits, in the order of their numbers; None = there are none, or the data
            names them.
    """

    batch_keys: ClassVar[tuple[str, ...]]
    decodes: ClassVar[type] = Tokens
    requests: ClassVar[tuple[str, ...]] = ()
    token_dim: int
    position_axes: int
    classes: list[str] | None = None

    def learn(self, data: Any) -> Mapping[str, Any]:
        """Called before step 0 with the datamodule: takes from it what was left out, refuses what does not fit.

        Returns:
            The arguments of its own that it has taken, by name; they are stored with the run.
        """
        return {}

    @property
    def latent_identity(self) -> Mapping[str, Any]:
        """What decides the latents that `compress` makes, as plain data; cached latents of another one are refused."""
        return {}

    @abstractmethod
    def compress(self, batch: Batch) -> Any:
        """Data to latent: expensive, never trained here, cacheable as ``batch["latent"]``."""

    @abstractmethod
    def tokenize(self, latent: Any, batch: Batch) -> Tokens:
        """Latent to tokens: cheap, exactly undone by `decode`."""

    @abstractmethod
    def decode(self, outputs: Any, batch: Batch) -> Any:
        """What the objective puts out (see ``decodes``) to what metrics, media and files expect.

        Args:
            outputs: of the objective, one for each sample of ``batch``.
            batch: what they were made for; where there is no data (sampling), it holds conditions at most.
        """

    @abstractmethod
    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """The empty canvas (zero features) of ``count`` samples.

        Args:
            count: B.
            request: what the user asks for (size, seconds, points, views); a missing entry means the trained value.
        """

    @property
    def trained_length(self) -> tuple[float, ...]:
        """Positions on each axis of the default canvas ``(A,)``: what the rules for larger sizes measure from."""
        with device("cpu"):  # also where a module is built without memory
            return tuple((self.layout(1, {}).positions[0].amax(0) + 1).tolist())

    @abstractmethod
    def example_batch(self, count: int) -> Batch:
        """A small random batch with every field of ``batch_keys``; the contract tests feed on it."""

    def input_embedding(self, width: int) -> nn.Module:
        """``(features [B, L, F], t [B], mask [B, L] or None, inference) -> [B, L, D]``; linear unless overridden.

        Features come as they are, in float32 as a rule; what is put out is of the weights' type.
        """
        from lumina.backbone.embedding import LinearEmbedding

        return LinearEmbedding(self.token_dim, width)

    @abstractmethod
    def picture(self, samples: Any, captions: Sequence[str] = ()) -> Tensor:
        """One contact sheet ``[3, H, W]`` uint8, for dashboards.

        Args:
            samples: decoded ones.
            captions: a text to write below each sample; none = there is nothing to say.
        """

    def wandb_media(self, samples: Any, captions: Sequence[str] = ()) -> Any:
        """What a W&B dashboard shows beside the sheet: a list of ``wandb.Object3D``, or a ``wandb.Table``, say.

        Args:
            samples: decoded ones.
            captions: a text about each sample; none = there is nothing to say.

        Returns:
            As a rule nothing: an empty list.
        """
        return []

    @abstractmethod
    def save(
        self, samples: Any, folder: Path, numbers: Sequence[int], texts: Sequence[Mapping[str, str]] = ()
    ) -> list[Path]:
        """Writes decoded samples into ``folder``, each to a file of its own unless one table says it better.

        Args:
            samples: what `decode` returned.
            folder: where to.
            numbers: of the samples, ascending; files are named by them, as a folder may be filled in several calls.
            texts: named texts of each sample, such as its settings, for formats that can hold some; empty = none.
        """


class Conditioner(nn.Module, ABC):
    """Turns one field of the batch into one route of `Conditioning`.

    Class attributes:
        route: the route, named and never guessed from a tensor's rank.
        class_rows: names of the parameters with a row for each class, other rows after them.

    Attributes:
        classes: names of the classes in the order of their numbers; None = there are none, or the data names them.
        key: the field of the batch that is read.
        dim: C, the width of what is put out on the cross route.
        dropout: chance in training that a sample's condition is replaced by the null condition.
    """

    route: ClassVar[Route]
    class_rows: ClassVar[tuple[str, ...]] = ()
    classes: list[str] | None = None
    key: str
    dim: int
    dropout: float

    def build(self, width: int) -> None:
        """Creates the parameters whose shape depends on the backbone: ``width`` of its condition vector."""

    def learn(self, data: Any) -> Mapping[str, Any]:
        """As `Modality.learn`; parameters whose shape depends on the data are created here."""
        return {}

    def check(self, value: Any) -> None:
        """Refuses a value ``batch[key]`` that `forward` cannot take; asked while the batch is on the CPU.

        Raises:
            ValueError: naming the value and what is possible.
        """

    @abstractmethod
    def forward(self, value: Any, keep: Tensor) -> Conditioning:
        """A `Conditioning` with this route's fields.

        Args:
            value: ``batch[key]``.
            keep: ``[B]`` bool; False = the null condition.
        """

    def words(self, value: Any) -> list[str]:
        """What people may read of ``value``, a text for each sample, on sheets and pages; as a rule nothing."""
        return []

    @abstractmethod
    def example(self, count: int) -> Any:
        """A random ``value`` for ``count`` samples, for checks and contract tests."""


class Backbone(Protocol):
    """A network over tokens."""

    def features(
        self, tokens: Tokens, t: Tensor | None, cond: Conditioning, inference: Inference | None = None
    ) -> Tensor:
        """``[B, L, D]``; t ``[B]``, or None for a network without time (recognition)."""

    def predict(self, tokens: Tokens, t: Tensor, cond: Conditioning, inference: Inference | None = None) -> Tensor:
        """``[B, L, F]``; t ``[B]``."""


class Head(nn.Module, ABC):
    """Turns the backbone's features into logits.

    Class attributes:
        class_rows: names of the parameters with a row for each class.

    Attributes:
        num_classes: K; None = as many as the data has, which is known before `build`.
    """

    class_rows: ClassVar[tuple[str, ...]] = ()
    num_classes: int | None

    @abstractmethod
    def build(self, width: int) -> None:
        """Creates the parameters; ``width`` is D."""

    @abstractmethod
    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """``features [B, L, D]`` of tokens with ``mask [B, L]`` -> ``[B, K]``."""


class Objective(nn.Module, ABC):
    """What is learnt, and what comes out: the one place where generation and recognition differ.

    Class attributes:
        batch_keys: fields of the batch that `loss` reads.
        puts_out: type of `outputs`: generated `Tokens`, or a `Tensor` of logits ``[B, K]``.

    Attributes:
        class_rows: names of the parameters with a row for each class of the modality.
    """

    batch_keys: ClassVar[tuple[str, ...]] = ()
    puts_out: ClassVar[type] = Tokens
    class_rows: tuple[str, ...] = ()

    def build(self, config: NextDiTConfig, modality: Modality) -> None:
        """Creates the parameters that depend on the other parts, if there are any, and refuses parts that do not fit.

        Args:
            config: of the backbone.
            modality: whose outputs it makes.
        """

    def learn(self, data: Any, modality: Modality) -> Mapping[str, Any]:
        """As `Modality.learn`, after it; parameters whose shape depends on the data are created here.

        Returns:
            Its own arguments; those of a part of it as ``{"part": {"init_args": {...}}}``.
        """
        return {}

    def check(self, batch: Batch) -> None:
        """Refuses a batch that `loss` cannot take; asked while the batch is on the CPU.

        Raises:
            ValueError: naming the value and what is possible.
        """

    @abstractmethod
    def loss(
        self, backbone: Backbone, tokens: Tokens, cond: Conditioning, batch: Batch, generator: Randomness
    ) -> dict[str, Tensor]:
        """Named scalars to log; ``"loss"`` is minimised. All randomness comes from ``generator``."""

    @abstractmethod
    def outputs(
        self,
        backbone: Backbone,
        tokens: Tokens,
        cond: Conditioning,
        null: Conditioning,
        generator: Randomness,
        inference: Inference | None = None,
    ) -> Any:
        """What `Modality.decode` takes: generated `Tokens` on the places of ``tokens``, or logits.

        Args:
            backbone: the network.
            tokens: the canvas to fill (its features are ignored by generative objectives), or the data to recognise.
            cond: the conditions.
            null: the null conditions, for guidance.
            generator: source of the initial noise.
            inference: options of the backbone.
        """


class TimeSampling(ABC):
    """Distribution of training times."""

    @abstractmethod
    def sample(self, count: int, generator: Randomness) -> Tensor:
        """``[count]`` float32 in (0, 1), on the generator's device."""


class TimeSchedule(ABC):
    """Places a solver's steps."""

    @abstractmethod
    def times(self, steps: int) -> Tensor:
        """``[steps + 1]`` float64, strictly increasing from exactly 0 to exactly 1."""


class Solver(ABC):
    """One step of an ODE solver.

    Attributes:
        calls_per_step: evaluations of the velocity in one step; 0 when it adapts.
    """

    calls_per_step: int

    @abstractmethod
    def step(self, velocity: Velocity, x: Tensor, t: Tensor, t_next: Tensor) -> Tensor:
        """``x [B, L, F]`` at time ``t []`` carried to ``t_next []``."""


class Guidance(ABC):
    """Combines a conditional and an unconditional velocity."""

    @abstractmethod
    def combine(self, conditional: Tensor, null: Tensor, t: Tensor) -> Tensor:
        """``[B, L, F]`` from two ``[B, L, F]`` at time ``t []``."""
