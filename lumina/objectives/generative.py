"""What all generative objectives share: corrupting data, the loss over real tokens, and sampling."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from lumina.conditioning.concatenate import concatenate, concatenate_tokens
from lumina.interfaces import Backbone, Guidance, Objective, ProbabilityPath, TimeSampling
from lumina.randomness import Randomness, normal
from lumina.sampling.known import begin, hold, restore, starting_point
from lumina.sampling.sampler import Sampler
from lumina.sampling.solvers import DDIM
from lumina.values import Batch, Conditioning, Corrupted, Inference, Known, StepCache, Tokens, Velocity


class Generative(Objective):
    """Learns to undo the mixing of data with noise along a probability path, and samples by doing so.

    Args:
        sampler: what `outputs` samples with unless it is given another.
        time_sampling: distribution of the training times.
        path: how data and noise are mixed.
    """

    def __init__(self, sampler: Sampler, time_sampling: TimeSampling, path: ProbabilityPath) -> None:
        super().__init__()
        self.sampler = sampler
        self.time_sampling = time_sampling
        self.path = path

    @property
    @abstractmethod
    def time_range(self) -> tuple[float, float]:
        """Where the solver starts and ends; `velocity` is finite in between."""

    @abstractmethod
    def target(self, x1: Tensor, x0: Tensor) -> Tensor:
        """``[B, L, F]`` what the backbone is asked for, from data ``x1`` and noise ``x0``, both ``[B, L, F]``."""

    @abstractmethod
    def velocity(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """``dx/dt [B, L, F]`` from what the backbone predicts at ``x_t [B, L, F]`` and ``t [B]``."""

    def corrupt(self, x1: Tensor, mask: Tensor | None, generator: Randomness) -> Corrupted:
        """Mixes data with noise at random times.

        Args:
            x1: ``[B, L, F]`` data.
            mask: ``[B, L]`` True = real; everything else becomes zero.
            generator: source of times and noise; it may be on another device than the data.

        Returns:
            The training example, each sample with weight 1.
        """
        x1 = _at_least_float32(x1)
        times = self.time_sampling.sample(x1.shape[0], generator).to(x1.device)
        x0 = _noise(x1, mask, generator)
        t = times[:, None, None]
        x_t = self.path.alpha(t) * x1 + self.path.sigma(t) * x0
        return Corrupted(
            x_t=_zero_padding(x_t, mask),
            t=times,
            target=_zero_padding(self.target(x1, x0), mask),
            weight=torch.ones_like(times),
        )

    def loss(
        self, backbone: Backbone, tokens: Tokens, cond: Conditioning, batch: Batch, generator: Randomness
    ) -> dict[str, Tensor]:
        """Mean squared error, in float32.

        Each sample's error is the mean over the elements of its own real tokens, so a short sample counts as much as a
        long one; the loss is the batch mean of weight times error.

        Returns:
            ``{"loss": []}``.
        """
        example = self.corrupt(tokens.features, tokens.mask, generator)
        options = Inference(drop_path=generator if self.training else None)
        prediction = backbone.predict(tokens.with_features(example.x_t), example.t, cond, options)
        error = F.mse_loss(prediction.float(), example.target.float(), reduction="none").mean(dim=2)
        return {"loss": (example.weight * _token_mean(error, tokens.mask)).mean()}

    def velocity_field(
        self,
        backbone: Backbone,
        tokens: Tokens,
        cond: Conditioning,
        null: Conditioning,
        inference: Inference | None = None,
        guidance: Guidance | None = None,
    ) -> Velocity:
        """The velocity that a solver follows; at padding it is zero.

        What depends on places and conditions alone is computed by the first evaluation and kept for the others: text
        keys and values, rotary table, pooled text, packing. So the backbone's weights must not change in between. Keys
        and values of 256 text tokens are 4 % of the operations of an evaluation at the 2B model's shape and 256 tokens,
        0.2 % at 4,096; a small model on a small picture spends more of its time on all that is kept.

        Args:
            backbone: the network.
            tokens: the places to fill; their features are ignored.
            cond: the conditions.
            null: the null conditions, used under guidance alone.
            inference: options of the backbone.
            guidance: how the two velocities are combined; given, one call evaluates a doubled batch.
        """
        options = replace(inference or Inference(), cache=StepCache())

        def evaluate(places: Tokens, condition: Conditioning, x: Tensor, t: Tensor) -> Tensor:
            # Times keep float32 even where the features are bfloat16.
            times = t.to(x.device, torch.promote_types(x.dtype, torch.float32)).expand(x.shape[0])
            prediction = backbone.predict(places.with_features(x), times, condition, options)
            return _zero_padding(self.velocity(prediction, x, times).to(x.dtype), places.mask)

        if guidance is None:
            return lambda x, t: evaluate(tokens, cond, x, t)

        doubled, both, combine = concatenate_tokens(tokens, tokens), concatenate(cond, null), guidance.combine

        def guided(x: Tensor, t: Tensor) -> Tensor:
            conditional, unconditional = evaluate(doubled, both, torch.cat((x, x)), t).chunk(2)
            return combine(conditional, unconditional, t)

        return guided

    def outputs(
        self,
        backbone: Backbone,
        tokens: Tokens,
        cond: Conditioning,
        null: Conditioning,
        generator: Randomness | None = None,
        inference: Inference | None = None,
        sampler: Sampler | None = None,
        noise: Tensor | None = None,
        progress: bool = False,
        known: Known | None = None,
    ) -> Tokens:
        """Samples on the places of ``tokens``.

        Args:
            backbone: the network.
            tokens: the canvas to fill; its features give shape, dtype and device alone.
            cond: the conditions.
            null: the null conditions, for guidance.
            generator: source of the initial noise; it may be on another device than the tokens. None = there is
                ``noise``.
            inference: options of the backbone.
            sampler: used in place of the objective's own.
            noise: ``[B, L, F]``, the initial noise in place of a drawn one.
            progress: whether a progress bar is shown.
            known: data to start from or to keep a part of, in place of noise alone.

        Returns:
            The places of ``tokens`` with generated features, in float32 at least; at padding they say nothing.

        Raises:
            ValueError: if there is neither noise nor a source of it, or if ``noise`` has another shape than the
                features of ``tokens``.
        """
        sampler = sampler or self.sampler
        self._check_path(sampler)
        if noise is not None:
            noise = _at_least_float32(noise)
        elif generator is not None:
            noise = _noise(tokens.features, tokens.mask, generator)
        else:
            raise ValueError("give the noise that samples start from, or a generator of it.")
        if noise.shape != tokens.features.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)}, expected that of the canvas, {tuple(tokens.features.shape)}: "
                "draw one value for every token and channel"
            )
        field = self.velocity_field(backbone, tokens, cond, null, inference, sampler.guidance)
        if known is None:
            return tokens.with_features(self._finish(sampler.sample(field, noise, self.time_range, progress), field))
        x, held = begin(known, noise, self.path, self.time_range), hold(known, field, noise, self.path)
        x = self._finish(sampler.sample(held, x, self.time_range, progress, starting_point(known)), held)
        return tokens.with_features(restore(known, x))

    @torch.no_grad()
    def _finish(self, x: Tensor, field: Velocity) -> Tensor:
        """What the network takes for the data in ``x``, where the solver ends short of t = 1; one more evaluation."""
        end = self.time_range[1]
        return x if end == 1 else DDIM(self.path).step(field, x, end, 1.0)

    def _check_path(self, sampler: Sampler) -> None:
        paths = [self.path, sampler.solver.path] if isinstance(sampler.solver, DDIM) else []
        names = [f"{type(path).__name__}({vars(path)})" for path in paths]
        if len(set(names)) > 1:
            raise ValueError(
                f"the objective learns on {names[0]}, but DDIM follows {names[1]}: give DDIM the same path"
            )


def _noise(x: Tensor, mask: Tensor | None, source: Randomness) -> Tensor:
    """Of the shape of ``x [B, L, F]``, in float32 at least; one of many generators draws its sample's real tokens."""
    if mask is None or isinstance(source, Generator):
        noise = normal(source, *x.shape)
    else:
        rows = [normal(one, length, x.shape[2]) for one, length in zip(source, mask.sum(1).tolist(), strict=True)]
        noise = torch.stack([F.pad(row, (0, 0, 0, x.shape[1] - len(row))) for row in rows])
    return noise.to(_at_least_float32(x))


def _at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _zero_padding(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x.masked_fill(~mask[:, :, None], 0)


def _token_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        return values.mean(dim=1)
    return values.masked_fill(~mask, 0).sum(dim=1) / mask.sum(dim=1)
