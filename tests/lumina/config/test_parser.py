"""Options of a command that is one function, and errors that are one line."""

from pathlib import Path

import pytest

from lumina.config.parser import ShortErrorParser, parse_function


def command(source: Path, count: int = 4, prompts: list[str] | None = None, inner: str = "x") -> None:
    """Draws.

    Args:
        source: where from.
        count: how many.
        prompts: what of.
        inner: no option.
    """


def parsed(*options, skip=("inner",)):
    return parse_function(command, "draw", list(options), skip)


def refused(capsys, *options):
    with pytest.raises(SystemExit) as stop:
        parsed(*options)
    assert stop.value.code == 2
    said = capsys.readouterr()
    assert not said.out
    return said.err


def test_options_are_the_typed_arguments():
    found = parsed("--source=a/b", "--prompts=[red, blue]")
    assert found == {"source": Path("a/b"), "count": 4, "prompts": ["red", "blue"]}
    assert isinstance(found["source"], Path)
    command(**found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--source=a", "--cuont=3"], "Did you mean 'count'?"),
        (["--source=a", "--coun=3"], "Did you mean 'count'?"),  # an abbreviation would change its meaning one day
        (["--source=a", "--inner=y"], "inner"),
        (["--source=a", "--zebra=1"], "zebra"),
        (["--source=a", "--count=many"], "count: expected a whole number, got many"),
        (["--count=3"], "source"),
    ],
)
def test_an_error_is_one_line(capsys, options, told):
    said = refused(capsys, *options)
    assert said.startswith("lumina: error: ") and said.count("\n") == 1
    assert told in said


def test_nothing_near_is_suggested(capsys):
    assert "Did you mean" not in refused(capsys, "--source=a", "--zebra=1")


def test_a_parser_inside_another_raises_instead_of_ending_the_process():
    parser = ShortErrorParser(exit_on_error=False)
    parser.add_argument("--count", type=int)
    with pytest.raises(Exception, match="count") as error:
        parser.parse_args(["--count=many"])
    assert not isinstance(error.value, SystemExit)


def test_help_comes_from_the_docstring(capsys):
    with pytest.raises(SystemExit) as stop:
        parsed("--help")
    assert stop.value.code == 0
    assert "how many." in capsys.readouterr().out


def test_a_value_that_begins_with_a_minus_needs_an_equals_sign(capsys):
    assert "If its value begins with a minus, write --source=VALUE." in refused(capsys, "--source", "-a,b")
