"""Starting from trained weights."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace

import pytest
import torch
from tiny_view_models import BACKBONE, model_of_views

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.checkpoints.pretrained import load_pretrained
from lumina.conditioning.azimuths import ViewAzimuths
from lumina.conditioning.label import LabelConditioner
from lumina.conditioning.reference import ReferenceView
from lumina.conditioning.text import TextConditioner
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.interfaces import TextEncoder
from lumina.module import LuminaModule
from lumina.objectives import recognition as objectives
from lumina.objectives.flow_matching import FlowMatching
from lumina.survival.checkpoints import NEEDED
from lumina.weights.run import ARCHITECTURE
from lumina.weights.source import read_weights
from lumina.weights.starting import StartingPoint, check_same, start_from
from modalities.image import Image
from modalities.multiview import MultiView
from modalities.recognition import PooledHead, Recognition

TEXT = NextDiTConfig(
    dim=32, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=12, multiple_of=32,
    learn_sigma=True, pad_token=True,
)  # fmt: skip


def test_starts_from_the_averaged_weights_and_the_label_table(fit, source):
    path = fit("full", "--model.optimizer.lr=0")
    start = read_weights(next(source.rglob("last.ckpt"))).tensors
    found = torch.load(path, weights_only=True)["state_dict"]
    assert found.keys() == start.keys()
    assert all(torch.equal(found[name], start[name]) for name in start)


def test_resumes_after_the_source_has_gone(fit, source, tmp_path):
    moved = shutil.copytree(source, tmp_path / "source")
    path = fit("full", "--trainer.max_steps=2", weights=moved)
    shutil.rmtree(moved)
    resumed = fit("resumed", f"--ckpt_path={path}", weights=moved)
    assert torch.load(resumed, weights_only=True)["global_step"] == 4
    LuminaModule.load_from_checkpoint(resumed)


def test_other_architecture_is_refused_in_a_sentence(fit, capsys):
    with pytest.raises(SystemExit):
        fit("wrong", "--model.backbone.num_heads=4", "--model.backbone.qk_norm=per_head")
    told = capsys.readouterr().err
    assert "have backbone.num_heads=2, this experiment 4; " in told
    assert "backbone.qk_norm=layer, this experiment per_head" in told


def stored(module, file):
    """Writes the checkpoint of a run, with what start_from reads of it alone."""
    checkpoint = {"state_dict": module.state_dict(), ARCHITECTURE: asdict(module.backbone.config)}
    torch.save({name: {} for name in (*NEEDED, "hyper_parameters")} | checkpoint, file)
    return file


class Still(Image):
    """Pictures as videos of one frame: on three axes, at t = 0."""

    position_axes = 3

    def layout(self, count, request):
        canvas = super().layout(count, request)
        return replace(canvas, positions=torch.nn.functional.pad(canvas.positions, (1, 0)))


class Words(TextEncoder):
    """A text encoder that has read nothing."""

    dim = 12

    def encode(self, captions, device):
        return [torch.ones(len(caption.split()), self.dim, device=device) for caption in captions]


def test_starts_from_a_published_format(tmp_path):
    torch.manual_seed(3)
    save_diffusers(NextDiT(TEXT), tmp_path)
    module = LuminaModule(
        Image((64, 64), patch_size=2, autoencoder=RandomAutoencoder()), TEXT, FlowMatching(), [TextConditioner(Words())]
    )
    start_from(module, str(tmp_path))
    state = module.backbone.state_dict()
    assert all(torch.equal(state[name], value) for name, value in load_diffusers(tmp_path).state_dict().items())


def test_missing_weights_stop_the_first_step(fit, capsys):
    with pytest.raises(SystemExit):
        fit("nothing", weights="nowhere")
    assert "nowhere does not exist" in capsys.readouterr().err


def digits(conditioners=None, **sizes):
    small = {"dim": 32, "num_layers": 2, "num_heads": 2, "num_kv_heads": 1, "multiple_of": 32}
    backbone = NextDiTConfig(**small | sizes)
    told = [LabelConditioner(10)] if conditioners is None else conditioners
    return LuminaModule(Image((8, 8), channels=1), backbone, FlowMatching(), told)


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
        transfer = start_from(module, export)
    torch.testing.assert_close(module.conditioners[0].table.weight, before)
    assert transfer.new == transfer.left_out == ("conditioners.0.table.weight",)


def test_initialise_is_strict(export):
    with pytest.raises(
        ValueError, match=r"tensors of the model to be trained, got 1 unexpected \(conditioners.0.table"
    ):
        start_from(digits(conditioners=[]), export)
    with pytest.raises(ValueError, match=r"num_layers=2, this experiment 3"):
        start_from(digits(num_layers=3), export)


@pytest.mark.parametrize(
    ("picture", "layout", "axes"),
    [
        (Image, "interleaved", (0, 4, 4)),
        (Image, "concatenated", (0, 4, 4)),
        (Still, "interleaved", (0, 4, 4)),
        (Still, "concatenated", (2, 4, 2)),
    ],
)
def test_views_start_from_an_image_model(tmp_path, picture, layout, axes):
    """Rows and columns mean the same, so one view without conditions comes out as the picture did, to the bit."""
    torch.manual_seed(3)
    told, views = TextConditioner(Words()), replace(TEXT, rope_layout=layout, position_axes=3, axes_dims=axes)
    config = views if picture is Still else replace(TEXT, rope_layout=layout)
    image = LuminaModule(picture((64, 64), 3, 2, RandomAutoencoder()), config, FlowMatching(), [told])
    for parameter in image.backbone.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    module = LuminaModule(
        MultiView((64, 64), patch_size=2, autoencoder=RandomAutoencoder()),
        views,
        FlowMatching(),
        [told, ViewAzimuths(), ReferenceView()],
    )
    transfer = start_from(module, stored(image, tmp_path / "image.ckpt"))
    canvas, still = module.modality.layout(1, {"views": 1}), image.modality.layout(1, {})
    noise, t, cpu = torch.randn_like(canvas.features), torch.tensor([0.4]), torch.device("cpu")
    batch = {"caption": ["two words"], "reference": torch.rand(1, 3, 64, 64), **module.modality.fields(1, {"views": 1})}
    keep = {"caption": [True], "reference": [False]}
    with torch.no_grad():
        cond, plain = module.conditioners.conditions(batch, 1, cpu, keep), image.conditioners.conditions(batch, 1, cpu)
        got = module.backbone.predict(canvas.with_features(noise), t, cond)
        expected = image.backbone.predict(still.with_features(noise), t, plain)
    assert cond.grouped is not None
    assert torch.equal(got, expected) and got.abs().mean() > 0.05
    assert transfer.taken == tuple(image.state_dict())
    layers = [f"conditioners.1.layers.{name}" for name in ("0.weight", "0.bias", "2.weight", "2.bias")]
    assert sorted(transfer.new) == sorted([*layers, "conditioners.2.vector"])
    put_in_front = "axis 1 is new and rotates nothing", *(f"axis {axis} keeps its 4 dimensions" for axis in (2, 3))
    assert transfer.axes == (put_in_front if picture is Image else ())


def test_views_of_other_patches_are_no_stage(tmp_path):
    source = stored(model_of_views(), tmp_path / "stage.ckpt")
    parts = model_of_views().conditioners
    module = LuminaModule(MultiView((4, 8), patch_size=4), NextDiTConfig(**BACKBONE), FlowMatching(), [*parts])
    with pytest.raises(
        ValueError,
        match=r"token_dim=12, this experiment 48 \(decided by modality\.patch_size and the channels of the data",
    ):
        start_from(module, source)


def test_the_next_stage_takes_everything(tmp_path):
    """More views, and larger ones, change no tensor."""
    source = model_of_views(views=3)
    module = LuminaModule(
        MultiView((8, 12), views=8), NextDiTConfig(**BACKBONE), FlowMatching(), [*model_of_views().conditioners]
    )
    transfer = start_from(module, stored(source, tmp_path / "stage.ckpt"))
    assert (transfer.taken, transfer.new, transfer.left_out) == (tuple(source.state_dict()), (), ())
    assert all(torch.equal(module.state_dict()[name], value) for name, value in source.state_dict().items())


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ((0, 6, 6), (4, 4, 4), "axis 1 is new and rotates 4 dimensions; axis 2 changes: 6 dimensions became 4, "),
        ((4, 4, 4), (0, 6, 6), "axis 1 changes: 4 dimensions became 0, "),
    ],
    ids=["to numbers", "from numbers"],
)
def test_a_stage_may_divide_the_rotary_dimensions_otherwise(tmp_path, caplog, before, after, told):
    """From shared positions of views to numbered ones, and back."""
    places = {dims: "index" if dims[0] else "shared" for dims in (before, after)}
    stored(model_of_views(positions=places[before], axes_dims=before), tmp_path / "stage.ckpt")
    module = model_of_views(positions=places[after], axes_dims=after)
    module.start = StartingPoint(str(tmp_path / "stage.ckpt"), None)
    with caplog.at_level("INFO"), pytest.warns(UserWarning, match="axis 2 changes: .* has to learn these positions"):
        module.start.prepare(module, resumes=False)
    assert f"tensors taken\n  positions: {told}" in caplog.text


def test_the_order_of_the_rotary_dimensions_alone_is_no_stage():
    config = replace(TEXT, axes_dims=(4, 4))
    with pytest.raises(ValueError, match=r"backbone\.rope_layout=interleaved, this experiment concatenated; give"):
        check_same(config, replace(config, rope_layout="concatenated"), "the source")


def test_latents_of_another_autoencoder_are_told(tmp_path):
    source, fresh = (
        LuminaModule(Image((64, 64), 3, 2, RandomAutoencoder()), TEXT, FlowMatching(), [TextConditioner(Words())])
        for _ in range(2)
    )
    checkpoint = {name: {} for name in (*NEEDED, "hyper_parameters")} | {"state_dict": source.state_dict()}
    source.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, tmp_path / "same.ckpt")
    start_from(fresh, tmp_path / "same.ckpt")
    fresh.on_load_checkpoint(checkpoint)
    checkpoint["latents"] = {**checkpoint["latents"], "weights": "0123"}
    torch.save(checkpoint, tmp_path / "other.ckpt")
    with pytest.warns(
        UserWarning, match=r"other\.ckpt was trained on the latents of another autoencoder: weights 0123 \("
    ):
        start_from(fresh, tmp_path / "other.ckpt")
    with pytest.warns(UserWarning, match="the checkpoint was trained on the latents of another"):
        fresh.on_load_checkpoint(checkpoint)


def test_a_model_without_text_gets_attention_to_it(tmp_path):
    """Its gates are zero, so that the network puts out at first what it did."""
    source = model_of_views(ViewAzimuths())
    module = LuminaModule(
        MultiView((4, 6), views=3),
        NextDiTConfig(**BACKBONE),
        FlowMatching(),
        [ViewAzimuths(), TextConditioner(Words())],
    )
    transfer = start_from(module, stored(source, tmp_path / "plain.ckpt"))
    assert transfer.taken == tuple(source.state_dict())
    assert transfer.new and all("cap_embedder" in name or "attention" in name for name in transfer.new)
    canvas, fields = module.modality.layout(1, {}), module.modality.fields(1, {})
    told = module.conditioners.conditions({**fields, "caption": ["two words"]}, 1, torch.device("cpu"))
    plain = source.conditioners.conditions(fields, 1, torch.device("cpu"))
    noise, t = canvas.with_features(torch.randn_like(canvas.features)), torch.tensor([0.4])
    with torch.no_grad():
        expected = source.backbone.predict(noise, t, plain)
        assert torch.equal(module.backbone.predict(noise, t, told), expected) and expected.any()


def test_a_width_that_no_experiment_sets_is_told_with_what_decides_it():
    with pytest.raises(ValueError, match=r"token_dim=16, this experiment 64 \(decided by modality\.patch_size"):
        check_same(TEXT, replace(TEXT, token_dim=64), "the source")
    with pytest.raises(ValueError, match=r"text_dim=12, this experiment 16 \(decided by the text encoder\);"):
        check_same(TEXT, replace(TEXT, text_dim=16), "the source")


def test_axes_that_need_other_frequencies_are_told(tmp_path):
    save_diffusers(NextDiT(TEXT), tmp_path)
    views = MultiView((64, 64), patch_size=2, autoencoder=RandomAutoencoder())
    config = replace(TEXT, position_axes=3, rope_layout="concatenated", axes_dims=(2, 2, 4))
    with pytest.warns(UserWarning, match=r"axis 2 changes: .*; axis 3 changes: .* has to learn these positions anew"):
        transfer = start_from(LuminaModule(views, config, FlowMatching(), [TextConditioner(Words())]), str(tmp_path))
    assert transfer.axes[0] == "axis 1 is new and rotates 2 dimensions"
    assert transfer.axes[1].startswith("axis 2 changes: 4 dimensions became 2")
    assert transfer.axes[2].startswith("axis 3 changes: 4 dimensions became 4")


def test_what_is_new_and_left_out_is_printed(export, caplog):
    module = digits(conditioners=[LabelConditioner(10), LabelConditioner(4, key="colour")])
    module.start = StartingPoint(str(export), None)
    with caplog.at_level("INFO"):
        module.start.prepare(module, resumes=False)
    assert "tensors taken\n  new: conditioners.1.table.weight" in caplog.text


def test_a_head_that_does_not_fit_is_new_and_left_out(tmp_path):
    def recognition(hidden):
        config = NextDiTConfig(dim=16, num_layers=1, num_heads=2, multiple_of=16, modulation="learned")
        modality = Recognition((8, 8), 1, 2, ["a", "b"])
        return LuminaModule(modality, config, objectives.Recognition(PooledHead(2, hidden)))

    source, module = recognition(8), recognition(6)
    file = stored(source, tmp_path / "source.ckpt")
    with pytest.warns(UserWarning, match=r"objective\.head\.mlp\.0\.weight|not name its classes"):
        transfer = start_from(module, file)
    assert {"objective.head.mlp.0.weight", "objective.head.mlp.0.bias"} <= set(transfer.left_out) & set(transfer.new)
    assert "objective.head.norm.weight" in transfer.taken
    assert "  left out: objective.head.mlp.0" in str(transfer)
