"""`load_pretrained` on whole and on broken sources of every form."""

import argparse
import json
import pickle
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints.export import save_export
from lumina.checkpoints.pretrained import load_pretrained
from lumina.conditioning.label import LabelConditioner
from lumina.config.trust import trusting
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.weights import source as sources
from lumina.weights.source import read_weights
from lumina.weights.starting import start_from
from lumina.weights.tensors import OUTPUT_ROWS, channels_last
from modalities.image import Image

DIGITS = {
    "modality": {"class_path": "modalities.image.Image", "init_args": {"size": [8, 8], "channels": 1}},
    "backbone": {"dim": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 32},
    "conditioners": [
        {"class_path": "lumina.conditioning.label.LabelConditioner", "init_args": {"num_classes": 10}},
    ],
    "objective": {"class_path": "lumina.objectives.flow_matching.FlowMatching"},
}


class Payload:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def digits(conditioners=None, **sizes):
    backbone = NextDiTConfig(**DIGITS["backbone"] | sizes)
    told = [LabelConditioner(10)] if conditioners is None else conditioners
    return LuminaModule(Image((8, 8), channels=1), backbone, FlowMatching(), told)


@pytest.fixture
def export(tiny_run, tmp_path):
    save_export(load_pretrained(tiny_run), tmp_path / "export")
    return tmp_path / "export"


@pytest.fixture
def broken(pipeline_folder, tmp_path):
    """A copy of the pipeline, to be spoilt."""
    return shutil.copytree(pipeline_folder, tmp_path / "pipeline")


@pytest.fixture
def official(pipeline_folder, tmp_path):
    folder = tmp_path / "official"
    folder.mkdir()
    state = read_weights(pipeline_folder).backbone
    state |= {name: channels_last(state[name], 2) for name in OUTPUT_ROWS}
    torch.save(state, folder / "consolidated.00-of-01.pth")
    return folder


def change(path, **settings):
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))


def test_run_checkpoint_and_export_are_one_model(tiny_run, export):
    average = torch.load(tiny_run / "checkpoints/last.ckpt", weights_only=True)["ema"]["weights"]
    for source in (tiny_run, tiny_run / "checkpoints/last.ckpt", str(export)):
        module = load_pretrained(source)
        state = module.state_dict()
        assert not module.training
        assert state.keys() == average.keys()
        assert all(torch.equal(state[name], average[name]) for name in average)


def test_a_loaded_module_is_exported_again(export, tmp_path):
    save_export(load_pretrained(export), tmp_path / "again")
    assert (tmp_path / "again/model.yaml").read_text() == (export / "model.yaml").read_text()
    assert (tmp_path / "again/model.safetensors").read_bytes() == (export / "model.safetensors").read_bytes()
    assert sorted(path.name for path in export.iterdir()) == ["model.safetensors", "model.yaml"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dtype(export, tmp_path, dtype):
    module = load_pretrained(export, dtype)
    assert {parameter.dtype for parameter in module.parameters()} == {dtype}
    save_export(module, tmp_path / "half")
    assert {tensor.dtype for tensor in load_file(tmp_path / "half/model.safetensors").values()} == {dtype}
    assert {parameter.dtype for parameter in load_pretrained(tmp_path / "half").parameters()} == {torch.float32}


def test_parameters_are_the_tensors_of_the_file(export, monkeypatch):
    """One copy of the weights: nothing is allocated, initialised and overwritten."""
    monkeypatch.setattr(torch.nn.init, "normal_", lambda x, *a, **k: x if x.is_meta else pytest.fail("initialised"))
    state = load_file(export / "model.safetensors")
    monkeypatch.setattr(sources, "read_export", lambda folder: (DIGITS, state))
    for name, parameter in load_pretrained(export).named_parameters():
        assert parameter.data_ptr() == state[name].data_ptr(), name


def test_bundled_models_have_names(export, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BUNDLED", tmp_path)
    monkeypatch.chdir(tmp_path.parent)
    assert load_pretrained("export").backbone.config.dim == 32
    with pytest.raises(FileNotFoundError, match=r"expert does not exist: .*model_index.json.*bundled model \(export\)"):
        load_pretrained("expert")


def test_a_folder_of_nothing_known(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(FileNotFoundError, match=r"is none of these: a \.ckpt file or run folder"):
        load_pretrained(tmp_path)


def test_paths_follow_the_folder(make_small, tmp_path):
    save_export(make_small(), tmp_path / "first")
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == [
        "bert", "model.safetensors", "model.yaml", "vae",
    ]  # fmt: skip
    (tmp_path / "first").rename(tmp_path / "moved")
    module = load_pretrained(tmp_path / "moved")
    assert module.conditioners[0].encoder.path == str(tmp_path / "moved/bert")
    batch, canvas = {"caption": ["a red apple"]}, module.modality.layout(1, {})
    assert module.generate(canvas, batch, torch.Generator()).shape == (1, 3, 64, 64)
    save_export(module, tmp_path / "light", copy=False)
    assert not [path for path in (tmp_path / "light").iterdir() if path.is_dir()]
    assert load_pretrained(tmp_path / "light").conditioners[0].encoder.path == str(tmp_path / "moved/bert")


def test_a_pipeline_says_what_it_was_sampled_with(pipeline_folder):
    module = load_pretrained(pipeline_folder)
    sampler = module.objective.sampler
    assert module.modality.size == (128, 128)
    assert (type(sampler.schedule).__name__, sampler.schedule.sigma) == ("Rational", 4.0)
    assert (type(sampler.solver).__name__, sampler.guidance.scale) == ("Euler", 4.0)
    assert module.conditioners[0].encoder.layer == -2


@pytest.mark.filterwarnings("ignore:.*does not say which VAE")
def test_authors_folder_without_its_parts(official, pipeline_folder, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError) as error:
        load_pretrained(official)
    assert (
        f"place config.json and diffusion_pytorch_model.safetensors of stabilityai/sdxl-vae in {official}/vae"
        in str(error.value)
    )
    assert f"tokenizer* of google/gemma-2b in {official}/text_encoder" in str(error.value)
    parts = {part: str(pipeline_folder / part) for part in ("text_encoder", "vae")}
    module = load_pretrained(official, **parts)
    assert module.modality.size == (1024, 1024)
    assert type(module.objective.sampler.solver).__name__ == "Midpoint"
    with pytest.raises(FileNotFoundError, match=r"Face hub: place config.json, model\*"):
        load_pretrained(official, vae=parts["vae"])


def test_authors_class_conditional_model(official, pipeline_folder, tmp_path):
    folder = tmp_path / "imagenet"
    config = NextDiTConfig(
        dim=64, num_layers=1, num_heads=4, token_dim=16, position_axes=2, affine_pre_norm=False, final_shift=True
    )
    state = {
        name.replace("attention_norm2", "attention_norm").replace("ffn_norm2", "ffn_norm"): tensor
        for name, tensor in NextDiT(config).state_dict().items()
    }
    folder.mkdir()
    labels = torch.randn(8, 64)
    torch.save(state | {"y_embedder.embedding_table.weight": labels}, folder / "consolidated.00-of-01.pth")
    torch.save(argparse.Namespace(n_heads=4, image_size=512), folder / "model_args.pth")
    module = load_pretrained(folder, vae=str(pipeline_folder / "vae"))
    assert module.modality.size == (512, 512)
    assert module.conditioners[0].num_classes == 7
    assert torch.equal(module.conditioners[0].table.weight, labels)


def test_ours_take_no_other_parts(export):
    with pytest.raises(ValueError, match="names its own text encoder"):
        load_pretrained(export, vae="elsewhere")


@pytest.mark.parametrize("part", ["vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(broken, part):
    shutil.rmtree(broken / part)
    with pytest.raises(FileNotFoundError, match=f"lacks .*{part}/.*fetch the missing folder"):
        load_pretrained(broken)


@pytest.mark.parametrize(
    ("file", "settings", "message"),
    [
        ("model_index.json", {"_class_name": "FluxPipeline"}, "holds a FluxPipeline"),
        ("vae/config.json", {"_class_name": "AutoencoderDC"}, "holds a AutoencoderDC, expected a AutoencoderKL"),
        ("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "DDIMScheduler"),
        ("scheduler/scheduler_config.json", {"use_dynamic_shifting": True}, "use_dynamic_shifting to false"),
        ("transformer/config.json", {"_class_name": "Lumina2Transformer2DModel"}, "got Lumina2Transformer2DModel"),
        ("transformer/config.json", {"num_layers": 4}, "missing .*layers"),
        ("transformer/config.json", {"cross_attention_dim": 40}, "of another shape"),
    ],
)
def test_parts_of_another_kind(broken, file, settings, message):
    change(broken / file, **settings)
    with pytest.raises(ValueError, match=message):
        load_pretrained(broken)


def test_text_encoder_of_another_width(broken, small_parts):
    from transformers import BertConfig, BertModel

    shutil.rmtree(broken / "text_encoder")
    wide = BertConfig(vocab_size=9, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertModel(wide).save_pretrained(broken / "text_encoder")
    with pytest.raises(ValueError, match=r"attention.wk_y.weight \[48, 24\] instead of \[48, 32\]"):
        load_pretrained(broken)


@pytest.mark.parametrize("keep", [0, 4, 200, -100])
@pytest.mark.parametrize("form", ["export", "broken", "official"])
def test_truncated_weights(request, form, keep):
    folder = request.getfixturevalue(form)
    names = {
        "export": "model.safetensors",
        "broken": "transformer/diffusion_pytorch_model.safetensors",
        "official": "consolidated.00-of-01.pth",
    }
    path = folder / names[form]
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=rf"{path.name} is (cut short|broken).*again"):
        load_pretrained(folder)


def test_truncated_settings(broken):
    path = broken / "transformer/config.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(ValueError, match=r"transformer/config.json is damaged"):
        load_pretrained(broken)


def test_more_and_other_tensors(export):
    path = export / "model.safetensors"
    state = load_file(path)
    state["backbone.layers.9.gate"] = torch.zeros(2)
    state["backbone.x_embedder.bias"] = torch.zeros(31)
    save_file(state, path)
    with pytest.raises(ValueError) as error:
        load_pretrained(export)
    assert "1 unexpected (backbone.layers.9.gate)" in str(error.value)
    assert "1 of another shape (backbone.x_embedder.bias [31] instead of [32])" in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modality: [", "model.yaml is damaged"),
        ("- 1", "names no modality"),
        (yaml.safe_dump(DIGITS | {"backbone": {"dim": 32, "depth": 2}}), "cannot be built: .*depth"),
        (yaml.safe_dump(DIGITS | {"modality": {"class_path": "os.system"}}), "names 'os.system' for modality"),
        (yaml.safe_dump(DIGITS | {"backbone": {"dim": 33, "num_heads": 2}}), "dim=33 is not divisible"),
        ("!!python/object/apply:os.system ['touch harm']", "model.yaml is damaged"),
    ],
)
def test_arguments_that_build_nothing(export, text, message):
    (export / "model.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        load_pretrained(export)


def test_code_of_others_is_not_run(official, export, tmp_path):
    harm = tmp_path / "harm"
    torch.save({"x_embedder.weight": Payload(harm)}, official / "consolidated.00-of-01.pth")
    (tmp_path / "run.ckpt").write_bytes(pickle.dumps(Payload(harm)))
    torch.save({"hyper_parameters": Payload(harm), "state_dict": {}}, tmp_path / "other.ckpt")
    for source, told in {
        official: "no file of tensors alone that is safe to load",
        tmp_path / "run.ckpt": "damaged or no checkpoint",
        tmp_path / "other.ckpt": "more than tensors and plain data",
    }.items():
        with pytest.raises(ValueError, match=told):
            load_pretrained(source)
    assert not harm.exists()


def test_remote_code_is_asked_for(make_small, tmp_path):
    with trusting():
        module = make_small(encoder={"trust_remote_code": True})
    save_export(module, tmp_path / "export")
    checkpoint = {"hyper_parameters": dict(module.hparams), "state_dict": module.state_dict()}
    torch.save(checkpoint | {"global_step": 1, "pytorch-lightning_version": "2.6.0"}, tmp_path / "run.ckpt")
    for source in (tmp_path / "export", tmp_path / "run.ckpt"):
        with pytest.raises(ValueError, match=f"{source} sets trust_remote_code .* add --trust"):
            load_pretrained(source)
        with trusting():
            load_pretrained(source)


def test_weights_that_diverged_or_overflow_are_not_exported(export, tmp_path):
    module = load_pretrained(export)
    with torch.no_grad():
        module.backbone.x_embedder.bias[3] = 1e5
    with pytest.raises(ValueError, match=r"backbone.x_embedder.bias.*choose bfloat16 or float32"):
        save_export(module.half(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_backbone_of_every_form(broken, official):
    first, second, third = (read_weights(path).backbone for path in (broken, broken / "transformer", official))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]) and torch.equal(tensor, third[name]), name
    with pytest.raises(ValueError, match="holds a transformer alone"):
        load_pretrained(broken / "transformer")


def test_initialise_copies_backbone_and_labels(export):
    module, source = digits(), load_pretrained(export).state_dict()
    start_from(module, export)
    assert all(torch.equal(tensor, source[name]) for name, tensor in module.state_dict().items())
    assert module.backbone.x_embedder.weight.data_ptr() != source["backbone.x_embedder.weight"].data_ptr()


def test_initialise_leaves_new_conditioners_alone(export):
    module = digits(conditioners=[LabelConditioner(10), LabelConditioner(4, key="colour")])
    colours = module.conditioners[1].table.weight.clone()
    start_from(module, export)
    assert torch.equal(module.conditioners[1].table.weight, colours)


def test_a_table_of_another_number_of_classes_starts_anew(export):
    module = digits(conditioners=[LabelConditioner(12)])
    before = module.conditioners[0].table.weight.clone()
    with pytest.warns(UserWarning, match="has another number of classes .*: the rows of all classes start anew"):
        start_from(module, export)
    torch.testing.assert_close(module.conditioners[0].table.weight, before)


def test_initialise_is_strict(export):
    with pytest.raises(
        ValueError, match=r"tensors of the model to be trained, got 1 unexpected \(conditioners.0.table"
    ):
        start_from(digits(conditioners=[]), export)
    with pytest.raises(ValueError, match=r"num_layers=2, this experiment 3"):
        start_from(digits(num_layers=3), export)


def test_half_precision_weights_draw_nearly_the_same(export):
    batch = {"label": torch.arange(4)}
    drawn = []
    for dtype in (torch.float32, torch.bfloat16):
        module = load_pretrained(export, dtype)
        drawn.append(module.generate(module.modality.layout(4, {}), batch, torch.Generator().manual_seed(0)))
    assert drawn[1].dtype == torch.float32
    torch.testing.assert_close(*drawn, atol=0.1, rtol=0)
