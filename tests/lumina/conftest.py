"""Models whose every parameter is random: gates, norms and zero-initialised layers too."""

import shutil

import pytest
import torch
from torch import nn

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints.export import save_export
from lumina.checkpoints.pretrained import build_module, load_pretrained
from lumina.weights.source import Weights, read_weights
from lumina.weights.tensors import OUTPUT_ROWS, channels_last

LATENTS, TEXT = 16, 24  # side of the trained latents, width of the text


@pytest.fixture(scope="session")
def randomise():
    """Fills every parameter: norm weights around 1, all else around 0."""

    def fill(model: nn.Module, seed: int = 0) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                noise = torch.randn(parameter.shape, generator=generator)
                scale = 0.3 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5
                is_norm = "norm" in name and name.endswith("weight") and parameter.dim() == 1
                parameter.copy_(noise * scale + is_norm)
        return model

    return fill


def tiny_gemma():
    from transformers import GemmaConfig, GemmaModel

    sizes = {"hidden_size": TEXT, "intermediate_size": 48, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 6}
    return GemmaModel(GemmaConfig(vocab_size=300, **sizes, **heads, initializer_range=0.5))


def letters():
    """A Gemma tokenizer that knows single bytes, and pads on the left as Gemma's does."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import GemmaTokenizer

    words = ["<pad>", "<eos>", "<bos>", "<unk>", "▁", *sorted(ByteLevel.alphabet())]
    return GemmaTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], add_bos_token=True)


def tiny_vae(factor=8):
    from diffusers import AutoencoderKL

    levels = factor.bit_length()
    return AutoencoderKL(
        latent_channels=4,
        block_out_channels=(8,) * levels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.13025,
    )


def tie(model):
    for layer in model.layers:
        layer.attn2.to_q.load_state_dict(layer.attn1.to_q.state_dict())
        layer.attn2.norm_q.load_state_dict(layer.attn1.norm_q.state_dict())
    return model


@pytest.fixture(scope="session")
def pipeline(randomise):
    """A diffusers LuminaPipeline of random weights; its transformer's two queries are equal, as in released weights."""
    diffusers, _ = pytest.importorskip("diffusers"), pytest.importorskip("transformers")
    transformer = diffusers.LuminaNextDiT2DModel(
        sample_size=LATENTS,
        hidden_size=96,
        num_layers=3,
        num_attention_heads=4,
        num_kv_heads=2,
        cross_attention_dim=TEXT,
    )
    parts = {"transformer": tie(randomise(transformer)), "vae": tiny_vae().eval(), "text_encoder": tiny_gemma().eval()}
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=4.0)
    pipe = diffusers.LuminaPipeline(**parts, tokenizer=letters(), scheduler=scheduler)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="session")
def pipeline_folder(pipeline, tmp_path_factory):
    """The pipeline as diffusers writes it."""
    folder = tmp_path_factory.mktemp("published") / "pipeline"
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def small_parts(tmp_path_factory):
    """A BERT-like encoder and a VAE of factor 4, as the bundled emoji model has them."""
    transformers, _ = pytest.importorskip("transformers"), pytest.importorskip("diffusers")
    folder = tmp_path_factory.mktemp("parts")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "red", "apple", "two", "grey", "cats", "on", "blur", "sofa"]
    sizes = {"hidden_size": TEXT, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    config = transformers.BertConfig(vocab_size=len(words), **sizes, initializer_range=0.5)
    transformers.BertModel(config).save_pretrained(folder / "bert")
    transformers.BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(
        folder / "bert"
    )
    tiny_vae(factor=4).save_pretrained(folder / "vae")
    return folder


@pytest.fixture(scope="session")
def make_small(small_parts, randomise):
    """A model of ours with random weights: 64 pixels, latents 16 x 16, captions."""

    def make(size=(64, 64), vae=(), encoder=(), backbone=(), labels=0, objective=None):
        text = {"path": str(small_parts / "bert"), "layer": -1, "dtype": "float32"} | dict(encoder)
        settings = {"path": str(small_parts / "vae")} | dict(vae or ())
        autoencoder = {"class_path": "lumina.frozen.autoencoders.KLAutoencoder", "init_args": settings}
        image = {"size": list(size), "autoencoder": None if vae is None else autoencoder}
        read = {"class_path": "lumina.frozen.text_encoders.HuggingFaceText", "init_args": text}
        conditioners = [{"class_path": "lumina.conditioning.text.TextConditioner", "init_args": {"encoder": read}}]
        if labels:
            table = {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"num_classes": labels}}
            conditioners.append(table)
        sizes = {"dim": 64, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "multiple_of": 32} | dict(backbone)
        arguments = {
            "modality": {"class_path": "modalities.image.Image", "init_args": image},
            "backbone": sizes,
            "conditioners": conditioners,
            "objective": objective or {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
        }
        widths = {"token_dim": 12 if vae is None else 16, "position_axes": 2, "text_dim": TEXT}
        network = randomise(NextDiT(NextDiTConfig(**sizes, **widths)))
        state = {f"backbone.{name}": tensor for name, tensor in network.state_dict().items()}
        if labels:
            state["conditioners.1.table.weight"] = torch.randn(labels + 1, 64)
        config = network.config
        return build_module(
            Weights(origin=small_parts, form="export", tensors=state, architecture=config, arguments=arguments)
        )

    return make


@pytest.fixture(scope="session")
def small_model(make_small):
    return make_small()


@pytest.fixture
def export(tiny_run, tmp_path):
    """The tiny run, exported."""
    save_export(load_pretrained(tiny_run), tmp_path / "export")
    return tmp_path / "export"


@pytest.fixture
def broken(pipeline_folder, tmp_path):
    """A copy of the pipeline, to be spoilt."""
    return shutil.copytree(pipeline_folder, tmp_path / "pipeline")


@pytest.fixture
def official(pipeline_folder, tmp_path):
    """The pipeline's transformer as the authors release it, without text encoder and VAE."""
    folder = tmp_path / "official"
    folder.mkdir()
    state = read_weights(pipeline_folder).backbone
    state |= {name: channels_last(state[name], 2) for name in OUTPUT_ROWS}
    torch.save(state, folder / "consolidated.00-of-01.pth")
    return folder
