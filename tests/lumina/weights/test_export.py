"""Reading our folder of a trained model."""

import pytest

from lumina.weights.export import read_export


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modality: [", "model.yaml is damaged"),
        ("- 1", "names no modality"),
        ("!!python/object/apply:os.system ['touch harm']", "model.yaml is damaged"),
    ],
)
def test_arguments_that_are_none(tmp_path, text, message):
    (tmp_path / "model.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_export(tmp_path)
