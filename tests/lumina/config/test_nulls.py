"""Null where a class does not know it, at whatever depth, in the words of the user's file."""

from typing import Any, Optional

import pytest

from lumina.backbone import NextDiTConfig
from lumina.config.nulls import refuse_nulls

LABEL = "lumina.conditioning.label.LabelConditioner"


def owner(
    plain: int,
    chosen: str = "x",
    optional: Optional[int] = 3,  # noqa: UP045  # the older spelling
    union: int | str | None = 3,
    anything: Any = 3,
    sloppy: int = None,  # noqa: RUF013
    bare=3,
    config: NextDiTConfig | None = None,
    part: object = None,
):
    """Takes arguments of all sorts."""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plain", "model.plain is null, but it must have a value."),
        ("chosen", "it must have a value; left out, it is 'x'."),
    ],
)
def test_null_is_refused_with_what_it_is_when_left_out(name, said):
    with pytest.raises(ValueError) as error:
        refuse_nulls({name: None}, "model", owner)
    assert str(error.value).endswith(said)


@pytest.mark.parametrize("name", ["optional", "union", "anything", "sloppy", "bare", "config", "unknown"])
def test_null_is_taken_where_it_is_a_value(name):
    refuse_nulls({name: None}, "model", owner)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"class_path": LABEL, "init_args": {"dropout": None}}, "model.part.dropout"),
        ([{"class_path": LABEL}, {"class_path": LABEL, "init_args": {"key": None}}], "model.part.1.key"),
        ({"inner": 1, "class_path": LABEL, "init_args": {"dropout": None}}, "model.part.dropout"),
    ],
)
def test_objects_are_looked_into(value, place):
    __import__("lumina.conditioning.label")
    with pytest.raises(ValueError, match=f"{place} is null"):
        refuse_nulls({"part": value}, "model", owner)
    with pytest.raises(ValueError, match=place.replace("model.part", "data")):
        refuse_nulls(value, "data")


def test_settings_of_a_dataclass_are_known_by_their_type():
    refuse_nulls({"config": {"num_kv_heads": None}}, "model", owner)
    with pytest.raises(ValueError, match=r"model\.config\.dim is null, .* left out, it is 768"):
        refuse_nulls({"config": {"dim": None}}, "model", owner)


def test_what_is_not_imported_is_left_to_whoever_builds_it():
    refuse_nulls({"class_path": "no.such.Thing", "init_args": {"a": None}}, "data")
    refuse_nulls({"class_path": "lumina.config.nulls.refuse_nulls", "init_args": {"place": None}}, "data")
