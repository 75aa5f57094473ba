"""Conditioning on class labels."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lumina.data.classes import abbreviate, learn_classes
from lumina.interfaces import Conditioner
from lumina.values import Conditioning, Route, Wish


class LabelConditioner(Conditioner):
    """A learned vector for each class, and one for "no class", added to the time embedding (DiT).

    `build` creates the table, or `resolve` where the number of classes comes from the data.

    Args:
        num_classes: labels run from 0 to ``num_classes - 1``; None = the number of classes in the data.
        dropout: probability in training that a label is replaced by "no class".
        key: field of the batch, ``[B]`` integer.
        classes: class names in the order of their labels; None = those of the data.

    Raises:
        ValueError: ``num_classes`` is below 1 or does not match ``classes``.
    """

    route: ClassVar[Route] = "pooled"
    class_rows: ClassVar[tuple[str, ...]] = ("table.weight",)
    wish: ClassVar[Wish] = Wish(
        name="label",
        type=int | str,
        several=True,
        help="classes to draw by name or number, one (cat) or several ([cat,dog]); all classes in turn if left out",
    )

    def __init__(
        self,
        num_classes: int | None = None,
        dropout: float = 0.1,
        key: str = "label",
        classes: list[str] | None = None,
    ) -> None:
        super().__init__()
        if num_classes is None and classes is not None:
            num_classes = len(classes)
        if num_classes is not None and num_classes < 1:
            raise ValueError(f"LabelConditioner: num_classes={num_classes} must be at least 1.")
        if classes is not None and num_classes != len(classes):
            raise ValueError(
                f"LabelConditioner: num_classes={num_classes}, but classes has {len(classes)} names; leave num_classes "
                "out."
            )
        self.num_classes, self.dropout, self.key, self.classes = num_classes, dropout, key, classes
        self.table: nn.Embedding | None = None
        self.width = 0

    def build(self, width: int) -> None:
        """Creates the table ``[num_classes + 1, width]`` from N(0, 0.02^2) if the number of classes is set."""
        self.width = width
        if self.num_classes is not None:
            self.table = nn.Embedding(self.num_classes + 1, width)
            nn.init.normal_(self.table.weight, std=0.02)

    def resolve(self, data: Any) -> Mapping[str, Any]:
        """Takes the classes from the data if they are unset, and creates the table.

        Raises:
            ValueError: the data have different classes, or none.
        """
        if self.key == "label":  # a datamodule's class names belong to this field
            self.classes = learn_classes(data, self.classes, self.num_classes, "LabelConditioner")
        if self.table is None:
            self.num_classes = len(self.classes or ()) or None
            self.build(self.width)
        check_count(self.num_classes, "LabelConditioner")
        return {"num_classes": self.num_classes, "classes": self.classes}

    def check(self, value: Tensor) -> None:
        """Refuses labels ``[B]`` outside the table.

        Raises:
            ValueError: names the first invalid label.
        """
        check_labels(value, check_count(self.num_classes, "LabelConditioner"), "LabelConditioner")

    def forward(self, value: Tensor, keep: Tensor) -> Conditioning:
        """Looks up labels ``value [B]``: ``pooled [B, width]``.

        Raises:
            ValueError: a label on the CPU is outside the table.
        """
        self.check(value)
        num_classes = check_count(self.num_classes, "LabelConditioner")
        assert self.table is not None
        return Conditioning(pooled=self.table(torch.where(keep, value, num_classes)))

    def ask(self, value: int | str) -> int:
        """The number of a class by its name or number.

        Raises:
            ValueError: there is no such class.
        """
        return number_of(value, self.classes or [str(number) for number in self.unasked()])

    def unasked(self) -> Sequence[int]:
        """The labels of all classes, in order."""
        return range(check_count(self.num_classes, "LabelConditioner"))

    def gather(self, values: Sequence[int]) -> Tensor:
        """Labels ``[B]``."""
        return torch.tensor(values)

    def words(self, value: Tensor) -> list[str]:
        """The class names, or the labels if there are none."""
        return [f"label {number}" if self.classes is None else self.classes[number] for number in value.tolist()]

    def record(self, value: int) -> dict[str, Any]:
        """The number, and the name unless the classes are only numbered."""
        classes = self.classes or ()
        numbered = list(classes) == [str(number) for number in range(len(classes))]
        return {"label": value} | ({} if numbered else {"class": classes[value]})

    def example(self, count: int) -> Any:
        """Random labels ``[count]``."""
        return torch.randint(check_count(self.num_classes, "LabelConditioner"), (count,))


def number_of(label: int | str, classes: Sequence[str]) -> int:
    """The number of a class by its name, or, where no class is named by a number, by the number itself.

    Args:
        label: as the user gave it.
        classes: names in the order of their numbers.

    Raises:
        ValueError: there is no such class; the message lists those that there are.
    """
    asked = str(label).strip()
    if asked in classes:
        return classes.index(asked)
    numbered = asked.isdecimal() and not any(name.isdecimal() for name in classes)
    if numbered and int(asked) < len(classes):
        return int(asked)
    close = difflib.get_close_matches(asked, classes, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"label={asked}: the model knows no such class.{hint} It knows {abbreviate(classes)}.")


def check_count(num_classes: int | None, owner: str) -> int:
    """Returns the number of classes.

    Raises:
        ValueError: it is not set.
    """
    if num_classes is None:
        raise ValueError(f"the data do not name their classes: set num_classes of the {owner}.")
    return num_classes


def check_labels(labels: Tensor, num_classes: int, owner: str) -> None:
    """Refuses labels ``[B]`` on the CPU that are outside the classes.

    Labels on other devices are not checked, because reading them would synchronise every step; they are checked before
    they move there.

    Raises:
        ValueError: names the first invalid label and the owner of ``num_classes``.
    """
    if labels.device.type != "cpu":
        return
    invalid = labels[(labels < 0) | (labels >= num_classes)]
    if len(invalid):
        raise ValueError(
            f"Got label {int(invalid[0])}, but the {owner} has num_classes={num_classes}, labels 0 to "
            f"{num_classes - 1}: set num_classes to the number of classes in the data."
        )
