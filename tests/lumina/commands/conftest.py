from __future__ import annotations

from pathlib import Path

import pytest
from tiny_text import text_model


@pytest.fixture(scope="session")
def tiny_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an exported text-to-image model with random weights."""
    return text_model(tmp_path_factory.mktemp("tiny_text") / "letters")
