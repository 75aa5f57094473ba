"""A row for each class, and one more for "no class"."""

from types import SimpleNamespace

import pytest
import torch

from lumina.conditioning.label import LabelConditioner, number_of

WIDTH = 8


def built(*arguments, **options):
    conditioner = LabelConditioner(*arguments, **options)
    conditioner.build(WIDTH)
    return conditioner


def test_no_class_is_the_row_behind_all_classes():
    label = built(3)
    assert label.table.weight.shape == (4, WIDTH)
    pooled = label(torch.tensor([2, 0, 1]), torch.tensor([True, False, True])).pooled
    assert torch.equal(pooled, label.table.weight[[2, 3, 1]])


def test_labels_outside_the_table_are_refused():
    for wrong in (4, -1):
        with pytest.raises(ValueError, match=rf"Got label {wrong}, but .*num_classes=4, labels 0 to 3"):
            built(4)(torch.tensor([0, wrong]), torch.tensor([True, False]))


def test_a_device_is_not_asked_for_its_labels():
    """To look would hold up every step; the labels were looked at before they went there."""
    built(4).check(torch.tensor([7], device="meta"))


def test_words_are_names_or_numbers():
    labels = torch.tensor([1, 0])
    assert built(classes=["cat", "dog"]).words(labels) == ["dog", "cat"]
    assert built(2).words(labels) == ["label 1", "label 0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 0}, "num_classes=0 must be at least 1"),
        ({"classes": []}, "num_classes=0 must be at least 1"),
        ({"num_classes": 3, "classes": ["cat", "dog"]}, "num_classes=3, but classes has 2 names"),
    ],
)
def test_counts_that_are_none_or_disagree_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        LabelConditioner(**arguments)


class Data(SimpleNamespace):
    def number_by(self, names):
        self.numbered = names


def test_the_table_waits_for_the_classes_of_the_data():
    label, data = built(), Data(class_names=["ant", "bee", "cow"])
    assert label.table is None
    assert label.resolve(data) == {"num_classes": 3, "classes": ["ant", "bee", "cow"]}
    assert label.table.weight.shape == (4, WIDTH)
    assert data.numbered == ["ant", "bee", "cow"]
    table = label.table
    label.resolve(data)
    assert label.table is table


def test_names_of_the_data_are_of_the_field_label_alone():
    label, data = built(2, key="style"), Data(class_names=["ant", "bee", "cow"])
    assert label.resolve(data) == {"num_classes": 2, "classes": None}
    with pytest.raises(ValueError, match="the data do not name their classes: set num_classes"):
        built(key="style").resolve(data)


def test_a_class_goes_by_name_or_number():
    assert number_of("dog", ["cat", "dog"]) == number_of(1, ["cat", "dog"]) == number_of("1", ["cat", "dog"]) == 1
    assert number_of(10, ["1", "10", "2"]) == 1  # the folder's name
    with pytest.raises(ValueError, match=r"label=dgo: .* Did you mean 'dog'\? It knows cat, dog"):
        number_of("dgo", ["cat", "dog"])
    for unknown, classes in ((2, ["cat", "dog"]), (0, ["1", "10", "2"]), (-1, ["cat"])):
        with pytest.raises(ValueError, match=f"label={unknown}: the model knows no such class"):
            number_of(unknown, classes)
