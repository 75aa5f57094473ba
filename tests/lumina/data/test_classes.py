"""Classes go by name, so that a label means in a model what it means in the data."""

from __future__ import annotations

import warnings

import pytest

from lumina.data.classes import abbreviate, learn_classes, numbers_among, warn_of_one


class Data:
    def __init__(self, *names):
        self.class_names, self.numbered = names, None

    def number_by(self, names):
        self.numbered = list(names)


def test_numbers_are_those_of_the_model():
    own, names = ["cat", "dog", "fox"], ["fox", "cat", "dog"]
    numbers = numbers_among(own, names)
    assert [names[number] for number in numbers] == own


def test_data_without_names_go_by_number():
    assert numbers_among(["0", "1"], ["cat", "dog", "fox"]) == [0, 1]
    with pytest.raises(ValueError, match="does not know: 0, 1, 2"):
        numbers_among(["0", "1", "2"], ["cat", "dog"])


def test_classes_that_the_data_lack_are_warned_of_and_unknown_ones_refused():
    with pytest.warns(UserWarning, match="no samples of fox, which the model knows"):
        assert numbers_among(["dog"], ["fox", "dog"]) == [1]
    with pytest.raises(ValueError, match="the model does not know: cow"):
        numbers_among(["cow", "dog"], ["fox", "dog"])
    with pytest.raises(ValueError, match="a name occurs twice"):
        numbers_among(["dog"], ["dog", "dog"])


def test_a_model_takes_the_names_of_the_data_once():
    data = Data("cat", "dog")
    assert learn_classes(data, None, None, "the head") == ["cat", "dog"] == data.numbered
    other = Data("dog", "cat")
    assert learn_classes(other, ["cat", "dog"], 2, "the head") == ["cat", "dog"] == other.numbered
    assert learn_classes(Data(), None, 10, "the head") is None


@pytest.mark.parametrize(("classes", "where"), [(None, "the data has"), (["cat", "dog"], "its classes are")])
def test_another_count_is_refused(classes, where):
    with pytest.raises(ValueError, match=f"the head has num_classes=3, but {where} 2: cat, dog"):
        learn_classes(Data("cat", "dog"), classes, 3, "the head")


def test_a_single_class_is_warned_of():
    with pytest.warns(UserWarning, match="all samples in data are of one class, 'images'"):
        warn_of_one(["images"], "data")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_one(["cat", "dog"], "data")
        warn_of_one([""], "data")  # files that lie in no folder


def test_long_lists_are_cut():
    assert abbreviate(range(3)) == "0, 1, 2" and abbreviate(range(5), most=2) == "0, 1 and 3 more"
