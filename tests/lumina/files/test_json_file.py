import os

import pytest

from lumina.files.json_file import load_object


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1]", "holds a list, expected named values"),
        ("{", "Expecting"),
        (200_000 * "[", "nested too deeply"),
        ('{"a": ' + 100_000 * '{"a":', "nested too deeply"),
        ('{"a": "\xff', "no JSON"),
    ],
)
def test_what_is_no_object_is_refused(tmp_path, text, reason):
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=reason):
        load_object(tmp_path / "a.json")


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="expected a file"):
        load_object(tmp_path / "pipe")
