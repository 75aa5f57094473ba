"""Classes that help and hints can name."""

import sys

from lumina.config import own_classes
from lumina.config.own_classes import import_own_classes


def test_every_module_that_can_be_imported_is():
    import_own_classes()
    assert {"modalities.image", "datamodules.digits", "lumina.metrics.accuracy", "lumina.callbacks.ema"} <= set(
        sys.modules
    )


def test_a_missing_extra_hides_its_module_alone(monkeypatch):
    tried, real = [], own_classes.import_module

    def without_an_extra(name):
        tried.append(name)
        if name == "modalities.image":
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(own_classes, "import_module", without_an_extra)
    import_own_classes()
    behind = tried[tried.index("modalities.image") + 1 :]
    assert "modalities.point_cloud" in behind and "lumina.conditioning.label" in behind
