"""A tiny CLAP with random weights, and the extractor of its spectrograms."""

import pytest


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory):
    pytest.importorskip("transformers")
    from tiny_encoders import clap
    from transformers import ClapConfig, ClapFeatureExtractor, ClapModel

    folder = clap(tmp_path_factory.mktemp("clap"))
    config = ClapConfig.from_pretrained(folder)
    config.audio_config.spec_size, config.audio_config.num_hidden_layers = 256, 2  # for 10 s
    config.audio_config.hidden_size = 16
    ClapModel(config).save_pretrained(folder)
    ClapFeatureExtractor(truncation="rand_trunc").save_pretrained(folder)
    return folder
