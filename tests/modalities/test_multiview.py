"""Views of one object."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from PIL import Image as Pictures
from tiny_view_models import model_of_views
from tiny_views import write_object, write_objects

from datamodules.multiview import MultiViewFolder
from lumina.conditioning.azimuths import ViewAzimuths
from lumina.conditioning.reference import ReferenceView
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.generation.description import describe
from lumina.generation.drawing import Drawing, draw_part, parts
from lumina.generation.what import What
from lumina.randomness import Purpose, keyed_generator
from lumina.reports.sample_folder import SampleFolder
from lumina.sampling.guidance import PerCondition
from lumina.sampling.sampler import Sampler
from lumina.sampling.schedules import Uniform
from lumina.sampling.solvers import Euler
from lumina.scenes.layouts import read_views
from lumina.values import Inference
from modalities.image import Image
from modalities.multiview import MultiView

CPU = torch.device("cpu")
ANGLES = torch.tensor([[0.0, 40, 115], [0, 200, 310]])


def views_of(*counts):
    return [torch.rand(count, 3, 4, 6) * 2 - 1 for count in counts]


def predicted(module, batch, times=(0.3, 0.8), **keep):
    """The velocity ``[B, N, C, H, W]`` at noisy views, as pictures; the data of the batch are taken for them."""
    tokens = module.tokens(batch)
    count = len(tokens.features)
    cond = module.conditioners.conditions(batch, count, CPU, **keep)
    out = module.backbone.predict(tokens, torch.tensor(times[:count]), cond)
    return (
        module.modality.decode(tokens.with_features(out), {}) if tokens.mask is not None else out.unflatten(1, (-1, 6))
    )


def test_tokens_come_view_after_view():
    views = torch.rand(2, 3, 3, 4, 6)
    modality = MultiView((4, 6), views=3, positions="index")
    tokens, single = modality.tokenize(views, {}), Image((4, 6))
    for view in range(3):
        own = single.tokenize(views[:, view], {})
        place = slice(6 * view, 6 * view + 6)
        assert torch.equal(tokens.features[:, place], own.features)
        assert torch.equal(tokens.positions[:, place, 1:], own.positions)
        assert (tokens.positions[:, place, 0] == view).all()
        assert (tokens.groups[:, place] == view).all()
    assert not MultiView((4, 6)).tokenize(views, {}).positions[..., 0].any()


@pytest.mark.parametrize("positions", ["shared", "index"])
def test_mixed_numbers_are_padded_and_come_back(positions):
    modality, views = MultiView((4, 6), positions=positions), views_of(1, 3, 2)
    tokens = modality.tokenize(views, {})
    assert tokens.mask.sum(1).tolist() == [6, 18, 12]
    for one, other in zip(modality.decode(tokens, {}), views, strict=True):
        torch.testing.assert_close(one, other)
    assert modality.tokenize(views_of(2, 2), {}).mask is None


def test_each_view_has_latents_of_its_own():
    modality = MultiView((16, 32), autoencoder=RandomAutoencoder())
    views = torch.rand(2, 3, 3, 16, 32)
    latents = modality.compress({"views": views})
    expected = torch.stack([modality.autoencoder.encode(views[:, view]) for view in range(3)], 1)
    torch.testing.assert_close(latents, expected)
    mixed = modality.compress({"views": [views[0], views[1, :1]]})
    torch.testing.assert_close(mixed[0], expected[0])
    torch.testing.assert_close(mixed[1], expected[1, :1])
    assert modality.decode(modality.tokenize(latents, {}), {}).shape == views.shape


def test_canvases_of_any_views():
    modality = MultiView((4, 6), views=4)
    assert modality.layout(2, {"views": 2}).features.shape == (2, 12, 12)
    assert modality.fields(2, {"views": 2})["azimuths"].tolist() == [[0, 180]] * 2
    assert modality.layout(1, {"azimuths": (0.0, 33.0, 270.0)}).groups.amax() == 2
    assert modality.fields(1, {"azimuths": (0.0, 33.0, 270.0)})["azimuths"].tolist() == [[0, 33, 270]]
    with pytest.warns(UserWarning, match="9 views are asked for at once, but .* trained with at most 4"):
        assert modality.layout(1, {"views": 9}).features.shape == (1, 54, 12)


def test_turning_all_azimuths_changes_nothing():
    modality = MultiView((4, 6))
    asked = modality.fields(1, {"azimuths": (0.0, 33.0, 270.0)})["azimuths"]
    assert torch.equal(modality.fields(1, {"azimuths": (90.0, 123.0, 0.0)})["azimuths"], asked)
    assert torch.equal(modality.fields(1, {"azimuths": (-360.0, 393.0, -90.0)})["azimuths"], asked)


def test_shared_positions_make_views_a_set():
    module, order = model_of_views(ViewAzimuths(), ReferenceView()), [2, 0, 1]
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES, "reference": torch.rand(2, 3, 4, 6)}
    out = predicted(module, batch)
    permuted = predicted(module, batch | {"views": batch["views"][:, order], "azimuths": ANGLES[:, order]})
    torch.testing.assert_close(permuted, out[:, order])
    assert (out - out[:, order]).abs().max() > 0.01


def test_index_positions_move_along():
    module, order = model_of_views(ViewAzimuths(), positions="index"), [2, 0, 1]
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES}
    out, moved = predicted(module, batch), {"views": batch["views"][:, order], "azimuths": ANGLES[:, order]}
    assert (predicted(module, moved) - out[:, order]).abs().max() > 1e-3
    tokens, cond = module.tokens(moved), module.conditioners.conditions(moved, 2, CPU)
    places = module.tokens(batch).positions.unflatten(1, (3, 6))[:, order].flatten(1, 2)
    moving = module.backbone.predict(
        type(tokens)(features=tokens.features, positions=places, groups=tokens.groups), torch.tensor([0.3, 0.8]), cond
    )
    torch.testing.assert_close(moving.unflatten(1, (-1, 6)), out[:, order])


@pytest.mark.parametrize("mixed_sizes", ["packed", "padded"])
def test_a_view_left_out_changes_nothing(mixed_sizes):
    module = model_of_views(ViewAzimuths(), ReferenceView(), mixed_sizes=mixed_sizes)
    views, angles, references = views_of(3, 2), [ANGLES[0], ANGLES[1, :2]], torch.rand(2, 3, 4, 6)
    together = predicted(module, {"views": views, "azimuths": angles, "reference": references})
    for sample, time in enumerate((0.3, 0.8)):
        alone = {"views": views[sample][None], "azimuths": angles[sample][None], "reference": references[sample][None]}
        tokens = module.tokens(alone)
        out = module.backbone.predict(tokens, torch.tensor([time]), module.conditioners.conditions(alone, 1, CPU))
        own = module.modality.decode(tokens.with_features(out), {})[0]
        torch.testing.assert_close(together[sample], own, atol=1e-5, rtol=1e-4)


def test_a_dropped_reference_is_no_reference():
    module, bare = model_of_views(ViewAzimuths(), ReferenceView()), model_of_views(ViewAzimuths())
    bare.backbone, bare.conditioners[0] = module.backbone, module.conditioners[0]
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES, "reference": torch.rand(2, 3, 4, 6)}
    without = predicted(bare, batch)
    assert torch.equal(predicted(module, batch, keep={"reference": [False, False]}), without)
    one = predicted(module, batch, keep={"reference": [False, True]})
    torch.testing.assert_close(one[0], without[0])
    assert (one[1] - without[1]).abs().max() > 0.01


def test_a_reference_dropped_in_training_is_no_reference():
    module = model_of_views(ViewAzimuths(), ReferenceView(dropout=1.0))
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES, "reference": torch.rand(2, 3, 4, 6)}
    tokens, times = module.tokens(batch), torch.tensor([0.3, 0.8])
    cond = module.conditioners.train_conditions(batch, 2, keyed_generator(Purpose.TRAINING, 0))
    assert cond.prefix is not None
    dropped = module.backbone.predict(tokens, times, cond).unflatten(1, (-1, 6))
    torch.testing.assert_close(dropped, predicted(module, batch, keep={"reference": [False, False]}))


def test_the_loss_is_that_of_the_views_alone():
    """The network is asked for the views' velocity, and the reference is seen but never a target."""
    module = model_of_views(ViewAzimuths(), ReferenceView())
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES, "reference": torch.rand(2, 3, 4, 6)}
    tokens, cond = module.tokens(batch), module.conditioners.conditions(batch, 2, CPU)
    asked = []

    class Watched:
        def predict(self, tokens, t, cond, inference):
            asked.append(module.backbone.predict(tokens, t, cond, inference))
            return asked[-1]

    generators = [keyed_generator(Purpose.TRAINING, 0, sample) for sample in range(2)]
    loss = module.objective.loss(Watched(), tokens, cond, batch, generators)["loss"]
    assert asked[0].shape == tokens.features.shape
    generators = [keyed_generator(Purpose.TRAINING, 0, sample) for sample in range(2)]
    target = module.objective.corrupt(tokens.features, None, generators).target
    torch.testing.assert_close(loss, (asked[0] - target).square().mean())


def test_azimuths_of_another_number_are_refused():
    batch = {"views": torch.rand(2, 3, 3, 4, 6), "azimuths": ANGLES[:, :2]}
    with pytest.raises(ValueError, match=r"samples of \[3, 3\] views, but azimuths for \[2, 2\]"):
        MultiView((4, 6)).tokenize(batch["views"], batch)


@pytest.mark.parametrize("wishes", [{}, {"views": 2, "prompt": "a cup"}, {"azimuths": "0,33,-90"}])
def test_nothing_but_the_canvas_has_to_be_asked_for(wishes):
    module = model_of_views()
    requests = What(count=2, **wishes).requests(module)
    (part,) = parts(module, requests)
    drawn = draw_part(module, part)
    count = {"views": 2, "azimuths": 3}.get(next(iter(wishes), ""), 3)
    assert [sample.shape for sample in drawn] == [(count, 3, 4, 6)] * 2


@pytest.mark.parametrize("name", ["views", "channels", "patch_size"])
def test_numbers_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
        MultiView(**{"size": (4, 6), name: 0})


def test_cameras_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="Got field_of_view 0"):
        MultiView((4, 6), field_of_view=0)


def test_a_sample_is_a_folder_from_which_a_reconstruction_can_start(tmp_path):
    modality = MultiView((4, 6), elevation=10.0, distance=1.5, field_of_view=30.0)
    samples, batch = [torch.rand(3, 3, 4, 6), torch.rand(2, 3, 4, 6)], {"azimuths": [ANGLES[0], ANGLES[1, :2]]}
    folders = modality.save(samples, tmp_path, [0, 7], [{"lumina": "{}"}] * 2, batch)
    assert [folder.name for folder in folders] == ["00000", "00007"]
    for folder, angles in zip(folders, batch["azimuths"], strict=True):
        read = read_views(folder)
        assert [view.camera.azimuth for view in read.views] == pytest.approx(angles.tolist())
        assert "assumed" not in read.about and read.views[0].camera.elevation == pytest.approx(10)
        assert modality.shown(folder).html.count("<figure>") == len(angles)
    (even,) = modality.save([torch.rand(4, 3, 4, 6)], tmp_path, [9])
    assert [view.camera.azimuth for view in read_views(even).views] == pytest.approx([0, 90, 180, 270])


def test_cameras_are_those_of_the_data(tmp_path):
    data = MultiViewFolder(write_objects(tmp_path, 6), size=8, batch_size=2)
    modality = MultiView((8, 8), distance=2.0)
    taken = modality.resolve(data)
    assert taken == {"elevation": pytest.approx(20), "distance": 2.0, "field_of_view": pytest.approx(40)}
    assert asdict(modality.ring) == taken and MultiView((8, 8), **taken).ring == modality.ring


def test_cameras_of_any_object_and_group_count(tmp_path):
    def known(root):
        return MultiView((8, 8)).resolve(MultiViewFolder(root, size=8, batch_size=2, reference="none"))

    for number in range(32):
        elevations = (20.0, 20.0) if number < 20 else (-30.0, -30.0)
        write_object(tmp_path / "objects" / f"object{number:02}", [range(0, 360, 90)] * 2, 8, elevations=elevations)
    assert known(tmp_path / "objects") == {"elevation": None, "distance": 3.0, "field_of_view": pytest.approx(40)}
    write_object(tmp_path / "groups/object", [range(0, 360, 90)] * 2, 8, elevations=(20.0, -30.0))
    assert known(tmp_path / "groups")["elevation"] is None


def test_a_dashboard_gets_turntables():
    pytest.importorskip("wandb")
    assert len(MultiView((4, 6)).wandb_media(torch.rand(2, 3, 3, 4, 6), ["a", "b"])) == 2


def test_a_dashboard_turns_objects_as_their_files_do(tmp_path):
    pytest.importorskip("wandb")
    modality, samples = MultiView((4, 6)), [torch.rand(3, 3, 4, 6), torch.rand(4, 3, 4, 6)]
    batch = {"azimuths": [torch.tensor([0.0, 270, 90]), torch.tensor([0.0, 180, 350, 10])]}
    shown = modality.wandb_media(samples, (), batch)
    files = [folder / "turntable.gif" for folder in modality.save(samples, tmp_path, [0, 1], (), batch)]
    unsorted = modality.wandb_media(samples)
    assert [Path(gif._path).read_bytes() for gif in shown] == [file.read_bytes() for file in files]
    assert all(Path(gif._path).read_bytes() != file.read_bytes() for gif, file in zip(unsorted, files, strict=True))


def test_data_of_other_views_are_refused_or_told(tmp_path):
    data = MultiViewFolder(write_objects(tmp_path, 6), size=8, views=4, batch_size=2)
    with pytest.warns(UserWarning, match=r"has 4 views a sample, the modality is for up to 3: .* set modality\.views"):
        MultiView((8, 8), views=3).resolve(data)
    with pytest.raises(
        ValueError, match=r"views of \(3, 16, 16\) \(channels, height, width\), the data has \(3, 8, 8\)"
    ):
        MultiView((16, 16)).resolve(data)


def test_what_is_asked_for_is_what_is_written(tmp_path):
    """From a file of prompts to folders and a page, with canvases of several kinds."""
    reference = tmp_path / "cup.png"
    Pictures.new("RGBA", (20, 20), (255, 0, 0, 128)).save(reference)
    lines = [{"prompt": "cup", "azimuths": [0, 33, -90], "reference": str(reference)}, {"views": 2}]
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, lines)))
    module = model_of_views()
    requests = What(prompts=tmp_path / "prompts.jsonl").requests(module)
    sampler = Sampler(Uniform(), Euler(), 1, PerCondition({"reference": 2.0, "prompt": 5.0}))
    drawing = Drawing(
        module=module, sampler=sampler, inference=Inference(), batch_size=None, dtype=torch.float32, grid=None
    )
    described = [describe(module, request) for request in requests]
    files = SampleFolder(tmp_path / "out", module.modality, described, drawing.described())
    for part, samples in drawing.run(requests):
        files.add(part.places, samples, part.fields)
    page = files.finish().read_text()
    read = [read_views(tmp_path / "out" / name) for name in ("00000", "00001")]
    angles = [[round(view.camera.azimuth, 6) % 360 for view in views.views] for views in read]
    assert angles == [[0, 33, 270], [0, 180]]
    settings = json.loads((tmp_path / "out/settings.json").read_text())
    assert settings["guidance"] == "PerCondition(scales={'reference': 2.0, 'prompt': 5.0})"
    first, second = settings["samples"]
    assert (first["azimuths"], first["reference"], first["file"]) == ("0,33,270", str(reference), "00000")
    assert second["views"] == 2 and "Reference: cup.png" in page and page.count("turntable.gif") == 2


def test_a_sheet_shows_the_reference_and_the_true_views_above_the_drawn_ones():
    true, drawn, reference = torch.zeros(2, 3, 3, 64, 64), torch.ones(2, 3, 3, 64, 64), -torch.ones(2, 3, 64, 64)
    modality = MultiView((64, 64), views=3)
    sheet = modality.picture(drawn, batch={"views": true, "reference": reference})[0]
    assert sheet.shape == (2 + 2 * (128 + 2), 2 + 4 * 64 + 2)
    first = sheet[2:130, 2:258]
    assert (first[:64, :64] == 0).all() and (first[64:] == 255).all() and (first[:64, 64:] == 128).all()
    assert torch.equal(modality.picture(drawn, batch={"azimuths": torch.zeros(2, 3)}), modality.picture(drawn))
    assert modality.picture(drawn[:, :, :1], batch={"reference": reference}).shape[2] == 2 + 4 * 64 + 2
