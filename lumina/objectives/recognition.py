"""Recognition: classifies samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from lumina.backbone.rope import Rule
from lumina.conditioning.label import check_count, check_labels
from lumina.data.classes import abbreviate
from lumina.interfaces import Backbone, BackboneConfig, Head, Modality, Objective
from lumina.randomness import Randomness
from lumina.values import Batch, Conditioning, Inference, Tokens


class Recognition(Objective):
    """Cross-entropy of a head's logits on the features of a backbone without time (Lumina-Next, appendix D).

    Uses the labels ``batch["label"]`` ``[B]``; in training, the soft targets ``batch["target"]`` ``[B, K]`` of mixup or
    CutMix take precedence.

    Args:
        head: turns features into logits.
        label_smoothing: share of the target distributed evenly over all classes; only in training.
        rope_rule: scaling rule of the rotary frequencies for evaluation samples larger than the modality's size; the
            paper uses "ntk" for networks trained at one size.

    Raises:
        ValueError: the smoothing is not in [0, 1).
    """

    batch_keys: ClassVar[tuple[str, ...]] = ("label",)
    puts_out: ClassVar[type] = Tensor

    def __init__(self, head: Head, label_smoothing: float = 0.1, rope_rule: Rule = "none") -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"Recognition: label_smoothing={label_smoothing} must be from 0 to below 1.")
        self.head, self.label_smoothing, self.rope_rule = head, label_smoothing, rope_rule
        self.inference = Inference()
        self.class_rows = tuple(f"head.{name}" for name in head.class_rows)
        self.width = 0

    def build(self, config: BackboneConfig, modality: Modality) -> None:
        """Creates the head's parameters and stores the trained size for the scaling rule.

        Raises:
            ValueError: the backbone needs a time, the rule does not apply to its positions, or the head's number of
                classes differs from the modality's.
        """
        if config.has_time:
            raise ValueError(
                f"backbone: modulation={config.modulation} needs a time, but recognition has none; set it to learned."
            )
        if self.rope_rule != "none" and config.positions != "rope":
            raise ValueError(
                f"Recognition: rope_rule={self.rope_rule} applies to backbones with positions=rope, this one has "
                f"positions={config.positions}; set rope_rule to none."
            )
        self.width = config.dim
        if modality.classes is not None:
            self._count(modality.classes, "the modality names")
        if self.head.num_classes is not None:
            self.head.build(config.dim)
        self.inference = Inference(rope_rule=self.rope_rule, trained_length=modality.trained_length)

    def resolve(self, data: Any, modality: Modality) -> Mapping[str, Any]:
        """Sets the head's number of classes from the data if it is unset.

        Raises:
            ValueError: the data have a different number of classes, or do not name their classes.
        """
        unset = self.head.num_classes is None
        names = modality.classes or list(data.class_names)
        if names:
            self._count(names, "the data has")
        check_count(self.head.num_classes, type(self.head).__name__)
        if unset:
            self.head.build(self.width)
        return {"head": {"init_args": {"num_classes": self.head.num_classes}}}

    def _count(self, names: list[str], whose: str) -> None:
        if self.head.num_classes is None:
            self.head.num_classes = len(names)
        if self.head.num_classes != len(names):
            raise ValueError(
                f"the head has {self.head.num_classes} classes, but {whose} {len(names)}: {abbreviate(names)}; leave "
                f"num_classes of the {type(self.head).__name__} out: it is set automatically."
            )

    def check(self, batch: Batch) -> None:
        """Refuses labels outside the head's classes.

        Raises:
            ValueError: names the first invalid label.
        """
        if "label" in batch:
            owner = type(self.head).__name__
            check_labels(batch["label"], check_count(self.head.num_classes, owner), owner)

    def loss(
        self, backbone: Backbone, tokens: Tokens, cond: Conditioning, batch: Batch, generator: Randomness
    ) -> dict[str, Tensor]:
        """Mean cross-entropy in float32.

        Returns:
            ``{"loss": []}``.

        Raises:
            ValueError: a label is outside the head's classes, or soft targets have a different number of classes.
        """
        self.check(batch)
        if self.training:
            logits = self._logits(backbone, tokens, cond, Inference(drop_path=generator))
            target = batch.get("target", batch["label"])
            if target.ndim > 1 and target.shape != logits.shape:
                raise ValueError(
                    f"the data mixes {target.shape[1]} classes, but the head has {logits.shape[1]}; set num_classes of "
                    f"the {type(self.head).__name__} to the number of classes in the data."
                )
            return {"loss": F.cross_entropy(logits, target, label_smoothing=self.label_smoothing)}
        return {"loss": F.cross_entropy(self._logits(backbone, tokens, cond, self.inference), batch["label"])}

    def outputs(
        self,
        backbone: Backbone,
        tokens: Tokens,
        cond: Conditioning,
        null: Conditioning,
        generator: Randomness | None = None,
        inference: Inference | None = None,
    ) -> Tensor:
        """Logits ``[B, K]`` float32; deterministic.

        Args:
            backbone: the network.
            tokens: the data to classify.
            cond: the conditions.
            null: not used.
            generator: not used.
            inference: options of the backbone; None = the objective's ``rope_rule``.
        """
        return self._logits(backbone, tokens, cond, inference or self.inference)

    def _logits(self, backbone: Backbone, tokens: Tokens, cond: Conditioning, inference: Inference) -> Tensor:
        logits: Tensor = self.head(backbone.features(tokens, None, cond, inference), tokens.mask)
        return logits.float()
