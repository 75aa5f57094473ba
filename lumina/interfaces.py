"""Every seam of the framework in one file. Read this first, after `lumina.values`, which says what travels.

The way of the data::

    DataModule --Batch--> Modality.compress -> tokenize --Tokens--> Objective.loss(Backbone, Tokens, Conditioning)
         +------Batch---> ConditionerSet ------------Conditioning---------+
    sampling: Modality.layout -> noise -> Sampler(schedule x solver x guidance) -> Modality.decode -> metrics, files
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.parse import quote

import torch
import torchmetrics
from lightning.pytorch import LightningDataModule
from torch import Generator, Tensor, device, nn

from lumina.randomness import Randomness
from lumina.values import (
    Batch,
    Conditioning,
    Inference,
    Item,
    MelConvention,
    Posterior,
    Route,
    Shown,
    Split,
    Start,
    Tokens,
    Velocity,
    Wish,
)

if TYPE_CHECKING:
    from PIL import Image


class Items(Protocol):
    """The samples of a split, by index: any dataset with a length."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int, /) -> Item:
        """The fields of a sample.

        Raises:
            CorruptSample: the sample cannot be read; the error names its file.
        """


class DataModule(LightningDataModule, ABC):
    """Feeds a run with batches. `lumina.data.datamodule.SplitDataModule` does all but read the samples.

    Attributes:
        batch_keys: fields of the batches; those that every batch of the class has stand in the class.
        batch_size: samples in a training batch, on each process.
        eval_batch_size: samples in a batch of validation, test and prediction, on each process.
        num_workers: loader processes for each training process.
        seed: of order and augmentation.
        latent_identity: `Modality.latent_identity` of the modality that made the latents; None = there are none.
    """

    batch_keys: tuple[str, ...]
    batch_size: int
    eval_batch_size: int
    num_workers: int
    seed: int
    latent_identity: Mapping[str, Any] | None = None

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """Names of the classes in the order in which batches number them; empty where there are no classes."""

    @abstractmethod
    def dataset(self, split: Split) -> Items:
        """The samples of a split as they are stored, before `transform`."""

    @abstractmethod
    def samples(self, split: Split) -> Any:
        """The samples of a split as evaluation sees them, one by one: `lumina.data.samples.Samples`."""

    @abstractmethod
    def serve(self, dataset: Items, train: bool) -> Iterable[Batch]:
        """This process's share of a dataset, in batches."""

    @abstractmethod
    def transform(self, item: Item, generator: Generator | None = None) -> Item:
        """An item of `dataset` as `collate` takes it, with the fields of ``batch_keys``.

        Args:
            item: the stored sample.
            generator: source of all randomness, in training; None = without any, as evaluation sees the sample.

        Raises:
            CorruptSample: a part of the sample that is read only here cannot be read.
        """

    @abstractmethod
    def collate(self, items: list[Item]) -> Item:
        """Transformed items to a batch."""

    @abstractmethod
    def stamp(self, dataset: Items) -> str | None:
        """A short name that changes with the files of a split; None = its samples come from no files."""


class Framing(ABC):
    """Brings a picture to the size that the network sees.

    Class attributes:
        fixed: every picture comes out with one and the same size, so that batches are tensors.
    """

    fixed: ClassVar[bool] = False

    @abstractmethod
    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, in pixels, with which a picture of ``height`` by ``width`` pixels comes out."""

    @abstractmethod
    def apply(self, image: Image.Image, generator: Generator | None = None) -> Image.Image:
        """The RGB picture as the network sees it.

        Args:
            image: RGB, of any size.
            generator: source of all randomness; None = without any.
        """


class Autoencoder(ABC):
    """Pixels, or the frames of a mel spectrogram, to normalised latents and back.

    Attributes:
        channels: of the latents.
        factor: pixels along a latent cell's side, or frames of a latent frame.
    """

    channels: int
    factor: int

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What decides the latents of a sample, as plain data; latents of another one do not go with this one."""

    @abstractmethod
    def encode(self, data: Tensor) -> Tensor:
        """Latents of about unit variance.

        Args:
            data: pictures ``[B, 3, H, W]`` in [-1, 1], which become ``[B, channels, H / factor, W / factor]``; or mel
                spectrograms ``[B, bands, T]``, which become ``[B, channels, T / factor]``.
        """

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """The reverse of `encode`."""


class MelAutoencoder(Autoencoder):
    """An autoencoder of mel spectrograms.

    Attributes:
        convention: of the spectrograms that it was trained on, takes and gives.
    """

    convention: MelConvention


class VAE(nn.Module, ABC):
    """A variational autoencoder that is trained here; a trained one serves the backbone as an `Autoencoder`.

    Class attributes:
        last_layer: name of the weight that puts out the data; the adaptive weight of an adversary is measured at it.

    Attributes:
        channels: of the latents.
        factor: pixels along a latent cell's side, or frames of a latent frame; data is cut to a multiple of it.
        convention: of the mel spectrograms that it takes; None = it takes pictures.
        scale_factor: a buffer ``[]``; latents times it have about unit variance. 0 = nobody has measured it.
    """

    last_layer: ClassVar[str]
    channels: int
    factor: int
    convention: MelConvention | None = None
    scale_factor: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale_factor", torch.zeros(()))

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What builds the same network again: its class as ``_class_name`` and its arguments, as plain data."""

    @property
    def stored(self) -> nn.Module:
        """The module whose tensors are stored under their own names; ``scale_factor`` is stored with the settings."""
        return self

    @abstractmethod
    def encode(self, data: Tensor) -> Posterior:
        """The posterior of mel spectrograms ``[B, bands, T]`` or pictures ``[B, 3, H, W]``.

        What exceeds a multiple of ``factor`` is cut off at the end.

        Raises:
            ValueError: the data is shorter than the factor, or has another number of bands.
        """

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Latents as `encode` gives them, not scaled, to data."""

    def standardise(self, mean: Tensor, std: Tensor) -> None:
        """Takes the mean and the deviation ``[bands]`` of the training data; networks of pictures keep theirs.

        Args:
            mean: of each band.
            std: of each band.
        """

    def begin(self, batches: Iterable[tuple[Tensor, Tensor | None]]) -> None:
        """Takes its first weights from training data, once it is standardised; most networks have no need of it.

        Args:
            batches: of data as `encode` takes it, with the mask ``[B, T]`` of what is real; None = all is.
        """


class Discriminator(nn.Module, ABC):
    """Tells data from reconstructions: the adversary of a VAE in training."""

    def places(self, data: Tensor, mask: Tensor | None, source: Randomness) -> Any:
        """Where to look in a batch, drawn once, so that data and reconstructions are judged at the same places.

        Args:
            data: as for `forward`.
            mask: ``[B, T]``, True for what is real along the last axis; None = all is.
            source: of all randomness.

        Returns:
            What `forward` takes; None = it looks everywhere.
        """
        return None

    @abstractmethod
    def forward(self, data: Tensor, places: Any = None) -> Tensor:
        """Logits ``[N, ...]``, the higher the more likely real, of the N samples that can be judged.

        Args:
            data: ``[B, bands, T]`` or ``[B, 3, H, W]``.
            places: drawn for this batch.
        """


class Vocoder(ABC):
    """Mel spectrograms to sound.

    Attributes:
        convention: of the spectrograms that it takes.
    """

    convention: MelConvention

    @abstractmethod
    def sound(self, mel: Tensor) -> Tensor:
        """``[B, bands, T]`` to ``[B, T * hop]``; sample 0 is where the convention puts the first frame's start."""


class TextEncoder(ABC):
    """Captions to token features.

    Attributes:
        dim: C, width of a token's features.
    """

    dim: int

    @property
    def identity(self) -> Mapping[str, Any] | None:
        """What decides the features of a caption, as plain data; None = `lumina cache` cannot keep them."""
        return None

    @abstractmethod
    def encode(self, captions: Sequence[str], device: device) -> list[Tensor]:
        """Of each caption ``[S_i, C]``, without padding; S_i is 0 where the tokenizer finds no token."""


class Modality(nn.Module, ABC):
    """Turns one kind of data into tokens and back.

    Class attributes:
        batch_keys: fields of the batch that `compress` and `tokenize` read.
        kept_keys: further fields that are read where there are any, beside the latent; cached latents have them too.
        shown_keys: fields that `picture` shows beside samples, where there are any.
        decodes: what `decode` takes of an objective: generated `Tokens`, or a `Tensor` of logits ``[B, K]``.
        wishes: what users may ask of a sample, first how large it is; `layout` and `start` get their values.

    Attributes:
        token_dim: F.
        token_channels: channels that a token's F features hold, one after the other; None = there are none.
        position_axes: A.
        classes: names of the classes of logits, in the order of their numbers; None = there are none, or the data
            names them.
    """

    batch_keys: ClassVar[tuple[str, ...]]
    kept_keys: ClassVar[tuple[str, ...]] = ()
    shown_keys: ClassVar[tuple[str, ...]] = ()
    decodes: ClassVar[type] = Tokens
    wishes: ClassVar[tuple[Wish, ...]] = ()
    token_dim: int
    token_channels: int | None = None
    position_axes: int
    classes: list[str] | None = None

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """Fills unset arguments from the datamodule before step 0, and refuses data that does not fit.

        Returns:
            The filled arguments by name; they are stored with the run.
        """
        return {}

    @property
    def latent_identity(self) -> Mapping[str, Any]:
        """What decides the latents that `compress` makes, as plain data; cached latents of another one are refused."""
        return {}

    @property
    def data_settings(self) -> Mapping[str, Any]:
        """Attributes that `resolve` asks of its data, by name, as plain data; cached latents have them as well."""
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
            batch: what they were made for; where there is no data (sampling), it holds conditions and `fields`.
        """

    @abstractmethod
    def layout(self, count: int, request: Mapping[str, Any]) -> Tokens:
        """The empty canvas (zero features) of ``count`` samples.

        Args:
            count: B.
            request: values of ``wishes`` by their names (size, seconds, points, views); a missing one means the trained
                value.
        """

    def fields(self, count: int, request: Mapping[str, Any]) -> Batch:
        """What a batch of such samples would hold beside data and what users wish, on the CPU: their lengths, say.

        `decode` reads it, and conditioners that are ``of_canvas``.

        Args:
            count: B.
            request: as for `layout`.
        """
        return {}

    @classmethod
    def check_request(cls, request: Mapping[str, Any]) -> None:
        """Refuses wishes that do not go together; asked before weights are read.

        Args:
            request: as for `layout`.

        Raises:
            ValueError: naming them.
        """

    def start(self, request: Mapping[str, Any], device: device) -> Start | None:
        """What samples start from, where ``request`` has wishes that say so; None = from noise.

        Args:
            request: as for `layout`.
            device: of what is returned; what has to be compressed is compressed there.
        """
        return None

    @property
    def trained_length(self) -> tuple[float, ...]:
        """Positions on each axis of the default canvas ``(A,)``: what the rules for larger sizes measure from."""
        with device("cpu"):  # also where a module is built without memory
            return tuple((self.layout(1, {}).positions[0].amax(0) + 1).tolist())

    @abstractmethod
    def example_batch(self, count: int) -> Batch:
        """A small random batch with every field of ``batch_keys``; the contract tests feed on it."""

    def input_embedding(self, width: int) -> nn.Module | None:
        """``(features [B, L, F], t [B], mask [B, L] or None, inference) -> [B, L, D]``; None = a linear layer.

        Features come as they are, in float32 as a rule; what is put out is of the weights' type.
        """
        return None

    @abstractmethod
    def picture(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Tensor:
        """One contact sheet ``[3, H, W]`` uint8, for dashboards.

        Args:
            samples: decoded ones.
            captions: a text to write below each sample; none = there is nothing to say.
            batch: what they were made for, with ``kept_keys`` and ``shown_keys`` where there are any; None = not known.
        """

    def wandb_media(self, samples: Any, captions: Sequence[str] = (), batch: Batch | None = None) -> Any:
        """What a W&B dashboard shows beside the sheet: a list of ``wandb.Object3D``, or a ``wandb.Table``, say.

        Args:
            samples: decoded ones.
            captions: a text about each sample; none = there is nothing to say.
            batch: what they were made for, with ``kept_keys`` where there are any; None = the trained values.

        Returns:
            As a rule nothing: an empty list.
        """
        return []

    @abstractmethod
    def save(
        self,
        samples: Any,
        folder: Path,
        numbers: Sequence[int],
        texts: Sequence[Mapping[str, str]] = (),
        batch: Batch | None = None,
    ) -> list[Path]:
        """Writes decoded samples into ``folder``, each to a file of its own unless one table says it better.

        Args:
            samples: what `decode` returned.
            folder: where to.
            numbers: of the samples, ascending; files are named by them, as a folder may be filled in several calls.
            texts: named texts of each sample, such as its settings, for formats that can hold some; empty = none.
            batch: what they were made for, with `fields` at least; None = the trained values.
        """

    def shown(self, file: Path, text: str = "") -> Shown:
        """How a web page in the folder of ``file`` shows it; as a rule a link.

        Args:
            file: that `save` wrote.
            text: what it shows, in words, for readers who cannot see or hear it.
        """
        return Shown(html=f'<a href="{quote(file.name)}">{escape(file.name)}</a>')


class Conditioner(nn.Module, ABC):
    """Turns one field of the batch into one route of `Conditioning`.

    Class attributes:
        route: the route, named and never guessed from a tensor's rank.
        class_rows: names of the parameters with a row for each class, other rows after them.
        wish: the user's option for this condition; None = there is none, and `lumina sample` refuses the model unless
            the condition is ``of_canvas``.
        stand_ins: options that serve where users leave that of ``wish`` out, first the one that goes before the others;
            `ask` takes their values too.
        avoid: the user's option for a condition that guidance steers away from; None = there is none. `ask` takes its
            values too.
        of_canvas: its value comes from `Modality.fields`, not from a wish: it describes the canvas, and is never
            dropped, neither in training nor by guidance.
        asks: attributes of its data that `resolve` asks for; cached latents have them as well.

    Attributes:
        classes: names of the classes in the order of their numbers; None = there are none, or the data names them.
        key: the field of the batch that is read.
        latent_key: the field that replaces ``key`` where `lumina cache` has stored what `compress` makes of it; None =
            it makes nothing.
        dim: C, the width of what is put out on the cross route.
        dropout: chance in training that a sample's condition is replaced by the null condition.
        drop_group: conditioners with one name here are dropped by one draw, together where their chances are equal;
            None = it is dropped for itself.
    """

    route: ClassVar[Route]
    class_rows: ClassVar[tuple[str, ...]] = ()
    wish: ClassVar[Wish | None] = None
    stand_ins: ClassVar[tuple[Wish, ...]] = ()
    avoid: ClassVar[Wish | None] = None
    of_canvas: ClassVar[bool] = False
    asks: ClassVar[tuple[str, ...]] = ()
    classes: list[str] | None = None
    key: str
    latent_key: str | None = None
    dim: int
    dropout: float
    drop_group: str | None = None

    def build(self, width: int) -> None:
        """Creates the parameters whose shape depends on the backbone: ``width`` of its condition vector."""

    def connect(self, modality: Modality) -> None:
        """Called once with the model's modality, before training; a prefix compresses and tokenizes with it.

        Store its methods, not the modality: a module that is an attribute becomes a part of the conditioner.
        """

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """As `Modality.resolve`; parameters whose shape depends on the data are created here."""
        return {}

    def check(self, value: Any) -> None:
        """Refuses a value ``batch[key]`` that `forward` cannot take; asked while the batch is on the CPU.

        Raises:
            ValueError: naming the value and what is possible.
        """

    def compress(self, value: Any) -> Any:
        """What `forward` takes of ``batch[key]``: what is expensive and never trained here, cacheable; as a rule all.

        Args:
            value: ``batch[key]``.
        """
        return value

    @abstractmethod
    def forward(self, value: Any, keep: Tensor) -> Conditioning:
        """A `Conditioning` with this route's fields.

        Args:
            value: what `compress` makes of ``batch[key]``, or ``batch[latent_key]``.
            keep: ``[B]`` bool; False = the null condition. Of a prefix `ConditionerSet` leaves such samples out itself.
        """

    def cacheable(self) -> TextEncoder | None:
        """The frozen encoder of the texts in ``key``, whose features `lumina cache` computes once; None = nothing."""
        return None

    def ask(self, value: Any) -> Any:
        """What this model makes of a value of ``wish``, or of one that serves as such: the number of a class, say.

        Raises:
            ValueError: the model does not know it.
        """
        return value

    def unasked(self) -> Sequence[Any]:
        """What samples show in turn where users ask for nothing; None among it stands for the null condition.

        Empty = users have to ask for something, unless another condition of the model may be left out: then all may.
        """
        return (None,)

    def gather(self, values: Sequence[Any]) -> Any:
        """``batch[key]`` of one value that `ask` gave for each sample, on the CPU."""
        return list(values)

    def words(self, value: Any) -> list[str]:
        """What people may read of ``value``, a text for each sample, on sheets and pages; as a rule nothing."""
        return []

    def record(self, value: Any) -> dict[str, Any]:
        """A value that `ask` gave as plain data by name, for files."""
        return {} if self.wish is None else {self.wish.name: self.wish.show(value)}

    @abstractmethod
    def example(self, count: int) -> Any:
        """A random ``value`` for ``count`` samples, for checks and contract tests."""


class BackboneConfig(Protocol):
    """What an objective may ask of a backbone before it is built."""

    @property
    def dim(self) -> int:
        """D, the width of the features."""

    @property
    def positions(self) -> str:
        """How tokens learn where they are: "rope", or another way that no rule for larger sizes applies to."""

    @property
    def modulation(self) -> str:
        """How time and pooled conditions act on the blocks; for error messages."""

    @property
    def has_time(self) -> bool:
        """Whether the network waits for a time."""


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

    @property
    def tells_apart(self) -> frozenset[str]:
        """Names of the conditions that `outputs` leaves out one without the other."""
        return frozenset()

    def build(self, config: BackboneConfig, modality: Modality) -> None:
        """Creates the parameters that depend on the other parts, if there are any, and refuses parts that do not fit.

        Args:
            config: of the backbone.
            modality: whose outputs it makes.
        """

    def resolve(self, data: Any, modality: Modality) -> Mapping[str, Any]:
        """As `Modality.resolve`, after it; parameters whose shape depends on the data are created here.

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
        generator: Randomness | None = None,
        inference: Inference | None = None,
    ) -> Any:
        """What `Modality.decode` takes: generated `Tokens` on the places of ``tokens``, or logits.

        Args:
            backbone: the network.
            tokens: the canvas to fill (its features are ignored by generative objectives), or the data to recognise.
            cond: the conditions.
            null: the null conditions, for guidance.
            generator: source of the initial noise; None = there is none to draw.
            inference: options of the backbone.
        """


class ProbabilityPath(ABC):
    """How much data and how much noise there is at each time.

    Every method takes times of any shape and returns a tensor of that shape.
    """

    @property
    @abstractmethod
    def noise_range(self) -> tuple[float, float]:
        """Times between which the velocity follows from the noise alone, without dividing by zero."""

    @abstractmethod
    def alpha(self, t: Tensor) -> Tensor:
        """Coefficient of the data."""

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Coefficient of the noise."""

    @abstractmethod
    def d_alpha(self, t: Tensor) -> Tensor:
        """Time derivative of `alpha`."""

    @abstractmethod
    def d_sigma(self, t: Tensor) -> Tensor:
        """Time derivative of `sigma`."""


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
    """Combines velocities under all conditions and under fewer.

    Attributes:
        without: what each velocity but the first goes without: conditions by the names of their wishes; None = all of
            them, or all that is to be avoided in place of a wish.
    """

    without: tuple[frozenset[str] | None, ...] = (None,)

    @abstractmethod
    def combine(self, velocities: Sequence[Tensor], t: Tensor) -> Tensor:
        """The velocity ``[B, L, F]`` for the solver.

        Args:
            velocities: ``[B, L, F]`` each, that under all conditions, then those of ``without``.
            t: ``[]``, the time.
        """


class SampleMetric(torchmetrics.Metric, ABC):
    """A metric over decoded outputs; `lumina.metrics.robust.RobustMetric` does all but measure.

    Samples that hold NaN or infinity never reach `update`; `MetricSuite` counts them in ``missed``.

    Attributes:
        taken: ``[]`` int64, samples that `update` saw.
        missed: ``[]`` int64, samples that hold NaN or infinity.
        failures: what the last `compute` could not compute, and why.
    """

    taken: Tensor
    missed: Tensor
    failures: dict[str, str]

    def prepare(self, data: DataModule) -> None:
        """Called before each evaluation, for references that need the data set; keeps what it found the first time."""

    @abstractmethod
    def update(self, generated: Any, batch: Batch) -> None:
        """Takes in one batch: what `Modality.decode` returned, and the batch whose conditions it was asked for."""

    @abstractmethod
    def compute(self) -> dict[str, float]:
        """Named results of all samples of all processes; those that are missing are named in ``failures``."""
