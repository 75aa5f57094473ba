import hashlib
import sys

import pytest

from lumina.music.soundfonts import credits_of, digest, facts_of, find_soundfont


def soundfont(path):
    path.write_bytes(b"RIFF\x10\0\0\0sfbk" + b"\0" * 16)
    return path


def test_an_installed_one_comes_before_that_of_pretty_midi(tmp_path):
    pytest.importorskip("pretty_midi")
    installed = soundfont(tmp_path / "FluidR3Mono_GM.sf3")
    assert find_soundfont(None, [tmp_path / "none.sf3", installed]) == installed
    assert find_soundfont(None, [tmp_path / "none.sf3"]).name == "TimGM6mb.sf2"
    assert find_soundfont(soundfont(tmp_path / "own.sf2"), [installed]).name == "own.sf2"


def test_what_is_no_soundfont_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no soundfont .*missing\.sf2"):
        find_soundfont(tmp_path / "missing.sf2")
    (tmp_path / "text.sf2").write_text("not at all a soundfont")
    with pytest.raises(ValueError, match=r"text\.sf2 is not a soundfont"):
        find_soundfont(tmp_path / "text.sf2")


def test_without_any_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pretty_midi", None)
    with pytest.raises(ImportError, match=r"the soundfont TimGM6mb needs the package pretty-midi"):
        find_soundfont(None, [])


def test_credits_name_the_file_and_its_licence(tmp_path):
    file = soundfont(tmp_path / "TimGM6mb.sf2")
    assert digest(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "TimGM6mb.sf2 (licence: GPL-2" in credits_of(file)
    assert "see where the file came from" in credits_of(soundfont(tmp_path / "own.sf2"))


def test_the_notice_in_a_soundfont_goes_along(tmp_path):
    def chunk(key, data):
        return key + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)

    texts = chunk(b"INAM", b"Mine\0") + chunk(b"ICOP", "\u00a9 A. Person\0".encode()) + chunk(b"ICMT", b"Keep\nthis.")
    body = b"sfbk" + chunk(b"LIST", b"INFO" + texts) + chunk(b"LIST", b"sdta" + chunk(b"ICMT", b"no text"))
    file = tmp_path / "own.sf2"
    file.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body)
    assert facts_of(file) == [("ICOP", "\u00a9 A. Person"), ("ICMT", "Keep\nthis.")]
    assert credits_of(file).endswith(
        "The soundfont's copyright:\n\u00a9 A. Person\n\nThe soundfont's comment:\nKeep\nthis."
    )
    for cut in range(12, 80):
        file.write_bytes(b"RIFF" + len(body).to_bytes(4, "little") + body[:cut])
        assert len(facts_of(file)) <= 2
