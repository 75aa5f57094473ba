"""Recognition: which class a sample is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor
from torch.nn import functional as F

from lumina.backbone.rope import Rule
from lumina.conditioning.label import check_count, check_labels
from lumina.data.classes import some
from lumina.interfaces import Backbone, BackboneConfig, Head, Modality, Objective
from lumina.randomness import Randomness
from lumina.values import Batch, Conditioning, Inference, Tokens


class Recognition(Objective):
    """Cross-entropy of a head's logits over the backbone's features, without time (Lumina-Next, appendix D).

    Reads ``batch["label"]`` ``[B]``, and in training ``batch["target"]`` ``[B, K]`` instead, where mixup or cutmix has
    made soft targets of the labels.

    Args:
        head: turns features into logits.
        label_smoothing: share of a target that goes to all classes alike; in training alone.
        rope_rule: how rotary frequencies change in evaluation for samples beyond the modality's own size; the
            paper takes "ntk" where the network was trained on one size.

    Raises:
        ValueError: if the smoothing is no share.
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
        """Creates the head's parameters; the rule measures from the modality's own size.

        Raises:
            ValueError: for a backbone that waits for a time, or whose positions no rule applies to; and for other
                classes than the modality's.
        """
        if config.has_time:
            raise ValueError(
                f"backbone: modulation={config.modulation} needs a time, which recognition has not; set it to learned."
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
        """As many classes as the data has, where the head's number is left out.

        Raises:
            ValueError: the data has another number of classes, or names none.
        """
        waiting = self.head.num_classes is None
        names = modality.classes or list(data.class_names)
        if names:
            self._count(names, "the data has")
        check_count(self.head.num_classes, type(self.head).__name__)
        if waiting:
            self.head.build(self.width)
        return {"head": {"init_args": {"num_classes": self.head.num_classes}}}

    def _count(self, names: list[str], whose: str) -> None:
        if self.head.num_classes is None:
            self.head.num_classes = len(names)
        if self.head.num_classes != len(names):
            raise ValueError(
                f"the head has {self.head.num_classes} classes, but {whose} {len(names)}: {some(names)}; leave "
                f"num_classes of the {type(self.head).__name__} out, it is measured."
            )

    def check(self, batch: Batch) -> None:
        """Refuses labels of classes that the head has not.

        Raises:
            ValueError: naming the first of them.
        """
        if "label" in batch:
            owner = type(self.head).__name__
            check_labels(batch["label"], check_count(self.head.num_classes, owner), owner)

    def loss(
        self, backbone: Backbone, tokens: Tokens, cond: Conditioning, batch: Batch, generator: Randomness
    ) -> dict[str, Tensor]:
        """Mean cross-entropy, in float32.

        Returns:
            ``{"loss": []}``.

        Raises:
            ValueError: for labels of classes that the head has not, or soft targets of other classes.
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
        """Logits ``[B, K]`` float32; nothing is random, and ``null`` is not read.

        Args:
            backbone: the network.
            tokens: the data to recognise.
            cond: the conditions.
            null: the null conditions.
            generator: not read.
            inference: options of the backbone; None = the objective's own rule for larger sizes.
        """
        return self._logits(backbone, tokens, cond, inference or self.inference)

    def _logits(self, backbone: Backbone, tokens: Tokens, cond: Conditioning, inference: Inference) -> Tensor:
        logits: Tensor = self.head(backbone.features(tokens, None, cond, inference), tokens.mask)
        return logits.float()
