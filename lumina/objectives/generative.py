"""Base class of the generative objectives: corruption, the loss over real tokens, and sampling."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

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
    """Learns to reverse the mixing of data with noise along a probability path; sampling integrates the reverse.

    Args:
        sampler: the default sampler of `outputs`.
        time_sampling: distribution of the training times.
        path: the probability path between noise and data.
    """

    def __init__(self, sampler: Sampler, time_sampling: TimeSampling, path: ProbabilityPath) -> None:
        super().__init__()
        self.sampler = sampler
        self.time_sampling = time_sampling
        self.path = path

    @property
    def tells_apart(self) -> frozenset[str]:
        """What guidance leaves out."""
        return self.sampler.tells_apart

    @property
    @abstractmethod
    def time_range(self) -> tuple[float, float]:
        """Start and end time of the solver; `velocity` is finite between them."""

    @abstractmethod
    def target(self, x1: Tensor, x0: Tensor) -> Tensor:
        """The training target ``[B, L, F]`` for data ``x1 [B, L, F]`` and noise ``x0 [B, L, F]``."""

    @abstractmethod
    def velocity(self, prediction: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """The velocity ``dx/dt [B, L, F]`` from the backbone's prediction at ``x_t [B, L, F]`` and ``t [B]``."""

    def corrupt(
        self, x1: Tensor, mask: Tensor | None, generator: Randomness, lengths: Sequence[int] | None = None
    ) -> Corrupted:
        """Mixes data with noise at random times.

        Args:
            x1: ``[B, L, F]`` data.
            mask: ``[B, L]``, True = real; padding becomes zero.
            generator: source of times and noise; its device may differ from that of the data.
            lengths: real tokens of each sample; None = they are read from the mask.

        Returns:
            The training example, each sample with weight 1.
        """
        x1 = _at_least_float32(x1)
        times = self.time_sampling.sample(x1.shape[0], generator).to(x1.device)
        x0 = _noise(x1, mask, generator, lengths)
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
        """Mean squared error in float32.

        The error of a sample is the mean over all elements of its real tokens, so short and long samples have the same
        weight. The loss is the batch mean of ``weight * error``.

        Returns:
            ``{"loss": []}``.
        """
        example = self.corrupt(tokens.features, tokens.mask, generator, tokens.lengths)
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
        """The velocity field for a solver; it is zero at padding.

        The first evaluation caches everything that depends only on positions and conditions: text keys and values,
        rotary table, pooled text and packing. The backbone's weights must therefore not change between evaluations.
        With the 2B model, keys and values of 256 text tokens take 4 % of the operations of an evaluation at 256 tokens
        and 0.2 % at 4,096; the cached values take a larger share in a small model.

        Args:
            backbone: the network.
            tokens: the canvas; its features are ignored.
            cond: the conditions.
            null: the null conditions; only guidance uses them.
            inference: options of the backbone.
            guidance: combines velocities; if set, one call evaluates a batch that holds every sample once for each.

        Raises:
            ValueError: guidance leaves out some of conditions that cannot be told apart.
        """
        options = replace(inference or Inference(), cache=StepCache())

        def evaluate(canvas: Tokens, condition: Conditioning, x: Tensor, t: Tensor) -> Tensor:
            # times stay in float32 even if the features are bfloat16
            times = t.to(x.device, torch.promote_types(x.dtype, torch.float32)).expand(x.shape[0])
            prediction = backbone.predict(canvas.with_features(x), times, condition, options)
            return _zero_padding(self.velocity(prediction, x, times).to(x.dtype), canvas.mask)

        if guidance is None:
            return lambda x, t: evaluate(tokens, cond, x, t)

        parts = [cond, *(null if names is None else _without(cond, names) for names in guidance.without)]
        copies, conditions = reduce(concatenate_tokens, [tokens] * len(parts)), reduce(concatenate, parts)

        def guided(x: Tensor, t: Tensor) -> Tensor:
            velocities = evaluate(copies, conditions, torch.cat([x] * len(parts)), t).chunk(len(parts))
            return guidance.combine(velocities, t)

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
        """Samples at the positions of ``tokens``.

        Args:
            backbone: the network.
            tokens: the canvas; only shape, dtype and device of its features matter.
            cond: the conditions.
            null: the null conditions, for guidance.
            generator: source of the initial noise; its device may differ from that of the tokens. Needed unless
                ``noise`` is set.
            inference: options of the backbone.
            sampler: replaces the objective's sampler.
            noise: initial noise ``[B, L, F]``; None = drawn from ``generator``.
            progress: show a progress bar.
            known: data to start from or to preserve in part; None = start from noise.

        Returns:
            The tokens with generated features in float32 or wider; features at padding are undefined.

        Raises:
            ValueError: both ``noise`` and ``generator`` are None, or ``noise`` and the features of ``tokens`` differ in
                shape.
        """
        sampler = sampler or self.sampler
        self._check_path(sampler)
        if noise is not None:
            noise = _at_least_float32(noise)
        elif generator is not None:
            noise = _noise(tokens.features, tokens.mask, generator, tokens.lengths)
        else:
            raise ValueError("outputs() needs the initial noise or a generator.")
        if noise.shape != tokens.features.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)}, expected {tuple(tokens.features.shape)}: draw one value for "
                "every token and channel"
            )
        field = self.velocity_field(backbone, tokens, cond, null, inference, sampler.guidance)
        if known is None:
            return tokens.with_features(self._finish(sampler.sample(field, noise, self.time_range, progress), field))
        x, held = begin(known, noise, self.path, self.time_range), hold(known, field, noise, self.path)
        x = self._finish(sampler.sample(held, x, self.time_range, progress, starting_point(known)), held)
        return tokens.with_features(restore(known, x))

    @torch.no_grad()
    def _finish(self, x: Tensor, field: Velocity) -> Tensor:
        """If the solver ends before t = 1, replaces ``x`` by the predicted data; takes one more evaluation."""
        end = self.time_range[1]
        return x if end == 1 else DDIM(self.path).step(field, x, end, 1.0)

    def _check_path(self, sampler: Sampler) -> None:
        paths = [self.path, sampler.solver.path] if isinstance(sampler.solver, DDIM) else []
        names = [f"{type(path).__name__}({vars(path)})" for path in paths]
        if len(set(names)) > 1:
            raise ValueError(f"the objective trains on {names[0]}, but DDIM uses {names[1]}: give DDIM the same path")


def _without(cond: Conditioning, names: frozenset[str]) -> Conditioning:
    if cond.without is None:
        raise ValueError(f"guidance leaves out {', '.join(sorted(names))} alone, but conditions are given as a whole.")
    return cond.without(names)


def _noise(x: Tensor, mask: Tensor | None, source: Randomness, lengths: Sequence[int] | None) -> Tensor:
    """Noise of the shape of ``x [B, L, F]`` in float32 or wider.

    With one generator per sample, each draws noise for the real tokens only, so padding does not change the sample.
    """
    if mask is None or isinstance(source, Generator):
        noise = normal(source, *x.shape)
    else:
        counts = mask.sum(1).tolist() if lengths is None else lengths
        rows = [normal(g, length, x.shape[2]) for g, length in zip(source, counts, strict=True)]
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
