import pytest


@pytest.fixture(scope="session")
def synth():
    """With the soundfont that comes with pretty_midi."""
    pytest.importorskip("tinysoundfont")
    pytest.importorskip("pretty_midi")
    from lumina.music.soundfonts import find_soundfont
    from lumina.music.synthesizer import synthesizer

    return synthesizer(find_soundfont(None, []), 16_000)
