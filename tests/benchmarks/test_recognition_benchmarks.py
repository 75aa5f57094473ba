"""DeiT of timm behind our seams is timm's DeiT, and the benchmarks against it run."""

import json
import sys

import pytest
import torch
from tiny import ROOT

from benchmarks import recognition, table1
from benchmarks.deit import ClassToken, DeiT
from lumina.values import Conditioning
from modalities.recognition import Recognition

pytest.importorskip("timm")
NOTHING = Conditioning()


def model(grid=3):
    torch.manual_seed(0)
    made = DeiT(grid, 4, embed_dim=16, depth=2, num_heads=2).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made


def tokens(images):
    modality = Recognition((12, 12), 3, 4)
    return modality.tokenize(images, {"image": images})


def test_features_are_those_of_timm():
    made, images = model(), torch.randn(2, 3, 12, 12)
    torch.testing.assert_close(made.features(tokens(images), None, NOTHING), made.vit.forward_features(images))


def test_positions_are_interpolated_as_timm_does():
    made, images = model(), torch.randn(2, 3, 20, 8)
    found = made.features(tokens(images), None, NOTHING)
    made.vit.set_input_size(img_size=(20, 8))
    torch.testing.assert_close(found, made.vit.forward_features(images), atol=1e-5, rtol=1e-4)


def test_padding_is_masked():
    made, images = model(), [torch.randn(3, 20, 8), torch.randn(3, 12, 12), torch.randn(3, 4, 4)]
    together = made.features(tokens(images), None, NOTHING)
    for found, image in zip(together, images, strict=True):
        alone = made.features(tokens(image[None]), None, NOTHING)[0]
        torch.testing.assert_close(found[: len(alone)], alone, atol=1e-5, rtol=1e-4)
    head = ClassToken(4)
    head.build(16)
    assert head(together, None).shape == (3, 4)


def test_ways_to_batch_are_timed(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(recognition, "FIXED", ((2, 2),) * 2)
    monkeypatch.setattr(recognition, "MIXED", ((2, 2), (1, 3)))
    monkeypatch.setattr("benchmarks.timing.ENOUGH_SECONDS", 0.1)
    output = tmp_path / "timings.json"
    monkeypatch.setattr(sys, "argv", ["recognition", "--quick", f"--output={output}"])
    recognition.main()
    cases = json.loads(output.read_text())["cases"]
    assert len(cases) == 4 and all(rows["timm"]["ratio"] == 1 for rows in cases.values())
    assert set(cases["mixed, training"]) == {"timm", "packed", "padded", "timm, one by one", "packed, one by one"}


def test_another_computation_is_not_timed():
    device = torch.device("cpu")
    models = {name: recognition.next_dit(64, 1, "packed") for name in ("packed", "padded")}
    models = {"timm": recognition.deit(64, 1), **models}
    torch.nn.init.normal_(models["padded"].objective.head.mlp[2].weight)
    batch = recognition.batch_of(((2, 2), (1, 3)), device)
    with pytest.raises(ValueError, match=r"padded is .* off packed; 1e-04 is allowed, so it is not timed"):
        recognition.measure(models, batch, "inference", device)


def test_errors_of_shares():
    assert table1.error(0.5, 100) == pytest.approx(5)
    assert table1.error(1.0, 100) == 0


def test_models_of_table_1_have_one_size():
    counts = []
    for training in table1.TRAININGS:
        module = training.built(["--trainer.logger=false", "--data.init_args.num_workers=0"]).model
        counts.append(sum(parameter.numel() for parameter in module.parameters()))
    assert len(counts) == 4 and max(counts) < 1.03 * min(counts)


def test_grid_is_that_of_the_experiment():
    text = (ROOT / "experiments/toy/table1_pretrain.yaml").read_text()
    assert f"size: [{table1.GRID * table1.PATCH}, {table1.GRID * table1.PATCH}]" in text
