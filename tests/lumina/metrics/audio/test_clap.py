"""CLAP's features and cosines against transformers' own, on a tiny random model."""

import numpy as np
import pytest
import torch

from lumina.metrics.audio.clap import Clap, Towers, as_16_bits, end_to_end

transformers = pytest.importorskip("transformers")
CPU = torch.device("cpu")
SECOND = 48_000


def noise(seconds):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(round(seconds * SECOND), generator=generator) / 5).clamp(-1, 1)


def test_features_are_transformers(clap_folder):
    network = transformers.ClapModel.from_pretrained(clap_folder)
    extract = transformers.ClapFeatureExtractor.from_pretrained(clap_folder)
    sound = as_16_bits(noise(11.5))
    (heard,) = Clap(str(clap_folder)).listen([noise(11.5)], SECOND, CPU)
    assert heard.features.shape == (3, 512)
    padded = np.pad(sound.numpy(), (0, SECOND))
    for second, row in enumerate(heard.features):
        window = padded[second * SECOND : (second + 10) * SECOND]
        inputs = extract(window, sampling_rate=SECOND, return_tensors="pt")
        with torch.no_grad():
            expected = network.get_audio_features(**inputs).pooler_output[0]
        torch.testing.assert_close(row, expected)


def test_short_sounds_are_repeated_as_in_training(clap_folder):
    extract = transformers.ClapFeatureExtractor.from_pretrained(clap_folder)
    sound = noise(3.0)
    ours = extract(end_to_end(sound)[0].numpy(), sampling_rate=SECOND)["input_features"]
    np.testing.assert_array_equal(ours, extract(sound.numpy(), sampling_rate=SECOND)["input_features"])


def test_the_last_window_ends_with_the_sound():
    sound = torch.arange(25 * SECOND, dtype=torch.float64)
    windows = end_to_end(sound)
    assert windows.shape == (3, 10 * SECOND)
    assert windows[:, 0].tolist() == [0, 10 * SECOND, 15 * SECOND]
    assert len(end_to_end(sound[: 20 * SECOND])) == 2


def test_samples_are_rounded_to_16_bits():
    assert as_16_bits(torch.tensor([-2.0, 0.4 / 32767, 1.6 / 32767, 1.0])).mul(32767).round().tolist() == [
        *(-32767, 0, 1, 32767)
    ]


def test_cosines_are_those_of_the_pairs(clap_folder):
    clap = Clap(str(clap_folder))
    sounds, captions = [noise(2.0), noise(12.0)], ["a red apple", "pear"]
    found = clap.cosines(sounds, SECOND, captions, CPU)
    assert torch.equal(found, clap.cosines(sounds, SECOND, captions, CPU))  # nothing is random
    towers: Towers = clap.ready(CPU)
    with torch.no_grad():
        rows = towers(end_to_end(as_16_bits(sounds[1])))
        text = towers.read(["pear"])
    torch.testing.assert_close(found[1], (rows @ text[0]).mean().double())
    assert found.abs().max() <= 1 and found[0] != found[1]


def test_long_captions_are_cut(clap_folder):
    assert Clap(str(clap_folder)).cosines([noise(1.0)], SECOND, ["apple " * 2000], CPU).isfinite().all()


def test_fused_models_are_never_random(clap_folder, tmp_path):
    config = transformers.ClapConfig.from_pretrained(clap_folder)
    config.audio_config.enable_fusion = True
    torch.manual_seed(0)
    transformers.ClapModel(config).save_pretrained(tmp_path)
    transformers.ClapFeatureExtractor(truncation="fusion").save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(clap_folder).save_pretrained(tmp_path)
    clap = Clap(str(tmp_path))
    first, second = (clap.listen([noise(11.0)], SECOND, CPU)[0].features for _ in range(2))
    assert torch.equal(first, second)


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(FileNotFoundError, match=r"preprocessor_config\.json.* of laion/clap-htsat-unfused"):
        Clap(str(tmp_path / "none")).ready(CPU)
