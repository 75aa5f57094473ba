"""How to draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import lumina.sampling.schedules  # the classes that --solver and --schedule choose from by name
import lumina.sampling.solvers  # noqa: F401
from lumina.backbone.rope import Rule
from lumina.interfaces import Guidance, Modality, Solver, TimeSchedule
from lumina.module import LuminaModule
from lumina.sampling.guidance import ClassifierFree, FirstChannels, PerCondition
from lumina.sampling.sampler import Sampler
from lumina.values import ContextDrop, Inference


@dataclass(frozen=True, kw_only=True)
class How:
    """How to draw it; what is not given stays as the experiment has it.

    Args:
        steps: intervals of the solver.
        solver: Euler, Midpoint, Heun, RK3, RK4, Dopri5 or DDIM.
        schedule: Uniform, Rational, Sigmoid, Cosine, Linear or EDM.
        guidance: classifier-free guidance scale; 1 = none. Or a scale for each condition by its name, in the order in
            which they are added: --guidance.reference=2 --guidance.prompt=5. One that is not named has the scale 1.
        guidance_channels: channels of the latent that guidance acts on; first_three is what the released sampler does.
        rope: rule for sizes beyond the trained one: none, interpolation, ntk, frequency_aware, time_aware, watershed.
        proportional_attention: scale attention with the logarithm of the number of tokens.
        context_drop: average keys and values early on, which is faster at large sizes; true = the default method. Or
            give options: --context_drop.factor=4.
    """

    steps: int | None = None
    solver: Solver | None = None
    schedule: TimeSchedule | None = None
    guidance: float | dict[str, float] | None = None
    guidance_channels: Literal["all", "first_three"] | None = None
    rope: Rule = "none"
    proportional_attention: bool = False
    context_drop: bool | ContextDrop = False

    def sampler(self, trained: Sampler, modality: Modality) -> Sampler:
        """The experiment's sampler with what was chosen in its place.

        Raises:
            ValueError: where the number of steps of an adaptive solver would be handed to another one.
        """
        solver, steps = self.solver or trained.solver, self.steps
        if steps is None and trained.solver.calls_per_step == 0 and solver.calls_per_step > 0:
            raise ValueError(
                "the model's own solver is adaptive, so its number of steps says nothing for another: give --steps."
            )
        guidance = self._guidance(trained.guidance, modality)
        return Sampler(self.schedule or trained.schedule, solver, trained.steps if steps is None else steps, guidance)

    def _guidance(self, trained: Guidance | None, modality: Modality) -> Guidance | None:
        scale = self.guidance
        if isinstance(scale, dict):
            return self._per_condition(scale)
        if scale is None and self.guidance_channels is None:
            return trained
        if scale is None:
            if not isinstance(trained, ClassifierFree):
                raise ValueError("--guidance_channels needs --guidance: the model samples without guidance by itself.")
            scale = trained.scale
        if scale == 1:
            return None
        if self.guidance_channels == "first_three":
            return FirstChannels(scale, of=_channels(modality))
        if self.guidance_channels is None and isinstance(trained, FirstChannels):
            return FirstChannels(scale, trained.channels, trained.of)
        return ClassifierFree(scale)

    def _per_condition(self, scales: dict[str, float]) -> Guidance | None:
        if self.guidance_channels == "first_three":
            raise ValueError("--guidance_channels=first_three needs one --guidance for all conditions; leave one out.")
        return PerCondition(scales) if any(scale != 1 for scale in scales.values()) or not scales else None

    def inference(self, module: LuminaModule) -> Inference:
        """Options of the backbone; trained lengths are those of the canvas that the modality lays out by default.

        Raises:
            ValueError: for a rule on a backbone without rotary positions, or whose positions know no trained size.
        """
        positions = module.backbone.config.positions
        if self.rope != "none" and positions != "rope":
            raise ValueError(
                f"--rope={self.rope} applies to backbones with positions=rope, this one has positions={positions}."
            )
        trained = module.modality.layout(1, {})
        if self.rope != "none" and trained.locate is not None:
            raise ValueError(
                f"--rope={self.rope} is for more positions than in training, but these tokens lie where their own "
                "coordinates say, and more of them lie in the same space: leave it out."
            )
        lengths = module.modality.trained_length or None
        base = trained.features.shape[1] if self.proportional_attention else None
        drop = ContextDrop() if self.context_drop is True else self.context_drop or None
        return Inference(rope_rule=self.rope, trained_length=lengths, proportional_base=base, context_drop=drop)


def _channels(modality: Modality) -> int:
    if modality.token_channels is None:
        raise ValueError(f"--guidance_channels=first_three: the tokens of {type(modality).__name__} have no channels.")
    return modality.token_channels
