"""What users ask of views is understood, or refused in a sentence."""

import math
from pathlib import Path

import pytest
from PIL import Image

from lumina.config.parser import ShortErrorParser
from lumina.generation.options import add_wishes
from lumina.scenes.wishes import (
    AZIMUTHS,
    REFERENCE,
    VIEWS,
    check_together,
    even_azimuths,
    parse_azimuths,
    parse_views,
    show_azimuths,
    wanted_azimuths,
    warn_beyond,
)


@pytest.mark.parametrize(
    ("given", "azimuths"),
    [
        ("0,33,-90", (0, 33, 270)),
        ("0", (0,)),
        (0, (0,)),
        (0.0, (0,)),
        ([0, 33.5, 393], (0, 33.5, 33)),
        ("[0, 720, -1e-20]", (0, 0, 0)),
        ("360, 45", (0, 45)),
    ],
)
def test_azimuths_are_degrees_below_360(given, azimuths):
    assert parse_azimuths(given) == pytest.approx(azimuths)
    assert all(0 <= degree < 360 for degree in parse_azimuths(given))


def test_azimuths_are_counted_from_the_first_which_a_warning_says():
    with pytest.warns(UserWarning, match="those at 0,60,300"):
        assert parse_azimuths("30,90,-30") == (0, 60, 300)


@pytest.mark.parametrize(
    "given", ["", " ", "[]", [], "nan", math.nan, "0,inf", [0, -math.inf], "0,x", "0,,3", "0,3,", ["a"], [[0]], "0;3"]
)
def test_other_azimuths_are_refused(given):
    with pytest.raises(ValueError, match=r"is not understood; give degrees between commas, 0,33,-90 say"):
        parse_azimuths(given)


def test_too_many_azimuths_are_refused():
    with pytest.raises(ValueError, match="are 361 views; give at most 360"):
        parse_azimuths(list(range(361)))


def test_shown_azimuths_are_read_back():
    azimuths = parse_azimuths("0,33.25,-90")
    assert show_azimuths(azimuths) == "0,33.25,270"
    assert parse_azimuths(show_azimuths(azimuths)) == azimuths


@pytest.mark.parametrize("views", [0, -1, 361])
def test_other_numbers_of_views_are_refused(views):
    assert parse_views(1) == 1 and parse_views(360) == 360
    with pytest.raises(ValueError, match="must be at least 1 and at most 360"):
        parse_views(views)


def test_views_are_evenly_around_unless_azimuths_say_where():
    assert even_azimuths(6) == (0, 60, 120, 180, 240, 300)
    assert wanted_azimuths({}, 4) == (0, 90, 180, 270)
    assert wanted_azimuths({"views": 2}, 4) == (0, 180)
    assert wanted_azimuths({"azimuths": (0.0, 33.0)}, 4) == (0, 33)


def test_views_and_azimuths_have_to_agree():
    check_together({"views": 2, "azimuths": (0.0, 5.0)})
    with pytest.raises(ValueError, match="views=3, but azimuths=0,5 are 2: give one of both"):
        check_together({"views": 3, "azimuths": (0.0, 5.0)})


def test_more_views_than_trained_are_drawn_with_a_warning(recwarn):
    warn_beyond(8, 8)
    assert not recwarn.list
    with pytest.warns(UserWarning, match="9 views are asked for at once, but this model was trained with at most 8"):
        warn_beyond(9, 8)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--views=6"], "views", 6),
        (["--azimuths", "0,33,-90"], "azimuths", (0, 33, 270)),
        (["--azimuths=-360,45"], "azimuths", (0, 45)),
        (["--azimuths=[0,45]"], "azimuths", (0, 45)),
        (["--azimuths", "0"], "azimuths", (0,)),
    ],
)
def test_a_command_line_gives_them(words, name, value):
    wishes = {wish.name: wish for wish in (VIEWS, AZIMUTHS)}
    assert wishes[name].parse(_given(words)[name]) == value


def test_a_command_line_gives_one_reference_or_several(tmp_path):
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for file in files:
        Image.new("RGBA", (16, 16), (9, 9, 9, 128)).save(file)
    assert _given([f"--reference={files[0]}"])["reference"] == files[0]
    several = _given([f"--reference=[{files[0]},{files[1]}]"])["reference"]
    assert several == files and [REFERENCE.parse(file) for file in several] == files
    assert REFERENCE.show(files[0]) == str(files[0])


def test_a_page_shows_the_reference(tmp_path):
    file, page = tmp_path / "chair.png", tmp_path / "page"
    page.mkdir()
    Image.new("RGBA", (16, 16), (9, 9, 9, 128)).save(file)
    assert REFERENCE.exhibit is not None
    assert REFERENCE.exhibit(file, page).note == "Reference: chair.png"
    assert (page / "reference.png").is_file()


@pytest.mark.parametrize("path", ["", "none.png"])
def test_what_is_no_picture_is_refused(path, tmp_path):
    with pytest.raises(ValueError, match="--reference cannot be read"):
        REFERENCE.parse(tmp_path / path)


def _given(words: list[str]) -> dict[str, object]:
    parser = ShortErrorParser(exit_on_error=False)
    add_wishes(parser, [VIEWS, AZIMUTHS, REFERENCE])
    return vars(parser.parse_args(words))


def test_types_are_those_of_the_parsers():
    assert REFERENCE.type is Path and VIEWS.type is int
