"""`lumina sample` as users type it, on a text model and on a class-conditional one with random weights."""

import json
import time
from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image

import lumina.commands.sample
import lumina.generation.drawing
from lumina.backbone.rope import Rule
from lumina.checkpoints.pretrained import build_module, load_pretrained
from lumina.cli import main
from lumina.config.trust import trusting
from lumina.randomness import Purpose, keyed_generator
from lumina.weights.source import read_weights

RULES = Rule.__args__


@pytest.fixture(scope="module", autouse=True)
def _models_are_read_once():
    modules = {}

    def build(weights):
        if weights.origin not in modules:
            modules[weights.origin] = build_module(weights)
        return modules[weights.origin]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lumina.commands.sample, "read_weights", cache(read_weights))
        patch.setattr(lumina.commands.sample, "build_module", build)
        yield


@pytest.fixture
def draw(tiny_text, tmp_path):
    """Runs `lumina sample` and gives the pictures of its settings' files, as arrays, and the folder."""

    def run(*options, model=("--weights", tiny_text, "--trust")):
        folder = tmp_path / f"out{time.monotonic_ns()}"
        main(["sample", *map(str, model), "--output", str(folder), *map(str, options)])
        files = [sample["file"] for sample in json.loads((folder / "settings.json").read_text())["samples"]]
        return [np.asarray(Image.open(folder / file)).astype(int) for file in files], folder

    return run


def error_of(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and "usage:" not in error
    return error


def same(first, second):
    return all(np.abs(a - b).max() <= 1 for a, b in zip(first, second, strict=True))


def test_prompt_is_taken_literally_and_told_in_the_file(draw):
    prompts = ["a: b # c", "42", "[x]", "яблоко 🍎 <b>"]
    options = [option for prompt in prompts for option in ("--prompt", prompt)]
    pictures, folder = draw(*options, "--negative", "dull: x", "--steps=1", "--size", "8x16", "--seed=7")
    assert [picture.shape for picture in pictures] == [(8, 16, 3)] * 4
    for number, prompt in enumerate(prompts):
        with Image.open(folder / f"{number:05d}.png") as picture:
            told = json.loads(picture.text["lumina"])
            lines = picture.text["parameters"].split("\n")
        assert told["prompt"] == lines[0] == prompt
        assert lines[1] == "Negative prompt: dull: x"
        assert (told["seed"], told["size"], told["steps"], told["solver"]) == (7 + number, "8x16", 1, "Midpoint()")
        assert f"Seed: {7 + number}" in lines[2] and "Guidance: ClassifierFree(scale=3.0)" in lines[2]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert (folder / "grid.png").is_file() and (folder / "index.html").is_file()


def test_pictures_depend_neither_on_the_batch_nor_on_their_neighbours(draw):
    options = ("--prompt", "apple", "--prompt", "a much longer prompt", "--count=2", "--steps=2")
    together, _ = draw(*options)
    assert same(together, draw(*options, "--batch_size=1")[0])
    assert same(together, draw(*options, "--batch_size=3")[0])
    assert same(together[3:], draw("--prompt", "a much longer prompt", "--seed=3", "--steps=2")[0])


def test_prompts_from_a_file_in_sizes_of_their_own(draw, tmp_path):
    path = tmp_path / "p.jsonl"
    records = [{"prompt": "a", "size": "16x8"}, {"prompt": "b"}, {"prompt": "c", "size": [16, 8], "seed": 40}]
    path.write_text("\n".join(map(json.dumps, records)))
    pictures, folder = draw("--prompts", path, "--prompt", "first", "--steps=1")
    assert [picture.shape[:2] for picture in pictures] == [(8, 8), (16, 8), (8, 8), (16, 8)]
    samples = json.loads((folder / "settings.json").read_text())["samples"]
    assert [(sample["prompt"], sample["seed"]) for sample in samples] == [("first", 0), ("a", 1), ("b", 2), ("c", 40)]


def test_negative_prompt_takes_the_place_of_the_empty_one(draw):
    plain, empty, other = (draw("--prompt", "apple", "--steps=1", "--negative", text)[0] for text in ("", "", "pear"))
    assert same(plain, empty) and not same(plain, other)


def test_module_generates_with_negative_conditions(tiny_text):
    with trusting():
        module = load_pretrained(tiny_text)
    noise = torch.randn(1, 16, 12, generator=keyed_generator(Purpose.SAMPLE, 0))
    canvas, batch = module.modality.layout(1, {}), {"caption": ["apple"]}
    told = [module.conditioners.conditions({"caption": [text]}, 1, module.device) for text in ("apple", "", "pear")]
    plain, empty, other = (
        module.generate(canvas, batch, noise=noise, conditions=None if null is None else (told[0], null))
        for null in (None, told[1], told[2])
    )
    assert torch.equal(plain, empty) and not torch.allclose(plain, other)


def test_guidance_on_the_first_channels(draw):
    base = ("--prompt", "a", "--steps=1")
    everything, three, plain = (
        draw(*base, *o)[0] for o in ((), ("--guidance_channels=first_three",), ("--guidance=1",))
    )
    assert same(everything, three)  # the picture has three channels
    assert not same(everything, plain)


@pytest.mark.parametrize("size", ["8x32", "32x8", "16x16"])
def test_every_rope_rule_runs_at_other_sizes(draw, size):
    pictures = {
        rule: draw("--prompt", "a", "--steps=1", "--size", size, "--rope", rule)[0]
        for rule in set(RULES) - {"frequency_aware"}
    }
    assert all(picture[0].shape[:2] == tuple(map(int, size.split("x"))) for picture in pictures.values())
    assert len({picture[0].tobytes() for picture in pictures.values()}) >= 4


def test_rope_is_scaled_on_the_axis_that_is_longer_alone(tiny_text):
    """A panorama of 1:4 on a square model: rows as trained, columns at a quarter of the pace."""
    from lumina.backbone.rope import rotary_table
    from lumina.generation.how import How

    with trusting():
        module = load_pretrained(tiny_text)
    inference = How(rope="interpolation").inference(module)
    assert inference.trained_length == (4, 4)
    wide, square = (module.modality.layout(1, {"size": size}).positions for size in ((8, 32), (8, 8)))
    wide = rotary_table(wide, (8, 8), 1e4, "concatenated", inference)[0].view(4, 16, 8)
    square = rotary_table(square, (8, 8), 1e4, "concatenated", inference)[0].view(4, 4, 8)
    torch.testing.assert_close(wide[:, ::4], square)
    torch.testing.assert_close(wide[:, 1, :4], square[:, 1, :4])
    assert not torch.allclose(wide[:, 1, 4:], square[:, 1, 4:])


def test_options_of_the_network_reach_it(draw):
    base = ("--prompt", "a", "--steps=2", "--size=16x16")
    plain = draw(*base)[0]
    for option in ("--proportional_attention=true", "--context_drop=true", "--context_drop.layers=last"):
        assert not same(plain, draw(*base, option)[0]), option
    assert np.abs(plain[0] - draw(*base, "--dtype=bfloat16")[0][0]).mean() < 10


def test_picture_to_picture(draw, tmp_path):
    path = tmp_path / "start.png"
    start = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(start).save(path)
    base = ("--prompt", "a", "--prompt", "b", "--steps=4", "--image", path)
    assert same(draw(*base, "--strength=0")[0], [start.astype(int)] * 2)
    assert same(draw(*base, "--strength=1")[0], draw(*base[:5])[0])
    distances = [np.abs(draw(*base, f"--strength={s}")[0][0] - start).mean() for s in (0.1, 0.5, 0.9)]
    assert 0 < distances[0] < distances[1] < distances[2]


def test_box_of_a_picture(draw, tmp_path):
    path = tmp_path / "start.png"
    start = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(start).save(path)
    pictures, folder = draw("--prompt", "a", "--count=2", "--steps=3", "--image", path, "--box=1,2,5,7")
    outside = np.ones((8, 8), bool)
    outside[1:5, 2:7] = False
    for picture in pictures:
        assert np.array_equal(picture[outside], start[outside])
        assert (picture[~outside] != start[~outside]).any(-1).mean() > 0.9
    assert json.loads((folder / "settings.json").read_text())["samples"][0]["box"] == "1,2,5,7"


def test_regions_have_prompts_of_their_own(draw):  # and with one text for all, it is as without regions
    one, other, same_text = (
        draw(*[o for p in prompts for o in ("--prompt", p)], "--compose=2x2", "--steps=2", "--size=16x16")[0]
        for prompts in ("abcd", "abdc", "aaaa")
    )
    assert not same(one, other)
    assert same(same_text, draw("--prompt", "a", "--steps=2", "--size=16x16")[0])


def test_one_label_without_brackets(tiny_run, draw):
    _, folder = draw("--label", "3", "--steps=1", model=("--ckpt_path", tiny_run))
    assert [sample["label"] for sample in json.loads((folder / "settings.json").read_text())["samples"]] == [3]


def test_record_names_checkpoint_and_step(tiny_run, draw):
    _, folder = draw("--label", "3", "--steps=1", model=("--ckpt_path", tiny_run))
    told = json.loads((folder / "settings.json").read_text())
    assert (told["checkpoint"], told["step"]) == (str(tiny_run / "checkpoints/last.ckpt"), 6)
    assert "Step: 6" in (folder / "index.html").read_text()


def test_the_checkpoint_is_named_once(tiny_run, draw, caplog):
    lumina.commands.sample.read_weights.cache_clear()
    with caplog.at_level("INFO"):
        draw("--label", "3", "--steps=1", model=("--weights", tiny_run))
    assert caplog.text.count("newest checkpoint") == 1


def test_labels_as_before(tiny_run, draw):
    pictures, folder = draw("--label=[3,5]", "--count=2", "--steps=1", model=("--ckpt_path", tiny_run))
    samples = json.loads((folder / "settings.json").read_text())["samples"]
    assert [sample["label"] for sample in samples] == [3, 3, 5, 5] and pictures[0].shape == (8, 8)
    _, folder = draw("--count=12", "--steps=1", model=("--weights", tiny_run))
    samples = json.loads((folder / "settings.json").read_text())["samples"]
    assert [sample["label"] for sample in samples] == [*range(10), 0, 1]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "say what to draw with --prompt"),
        (("--label=[3]",), "--label was given, but this model is of Image"),
        (("--prompt", "a", "--points=9"), "it is for PointCloud"),
        (("--prompt", "a", "--size=9x8"), "8x8 would fit"),
        (("--prompt", "a", "--size=1024"), "HEIGHTxWIDTH"),
        (("--prompt", "a", "--size=99999x99999"), "ask for fewer"),
        (("--prompt", "a", "--solver=Eulr"), "Eulr"),
        (("--prompt", "a", "--guidance_channels=two"), "guidance_channels"),
        (("--prompt", "a", "--rope=frequency_aware", "--size=8x32"), "trained length above 2 pi"),
        (("--prompt", "a", "--strength=0.5"), "give --image"),
        (("--prompt", "a", "--image=absent.png"), "absent.png"),
        (("--prompts", "absent.txt"), "absent.txt"),
        (("--prompt", "a", "--compose=2x2"), "--prompt 4 times"),
        (("--prompt", "a", "--seed=-3"), "seed=-3"),
        (("--prompt", "a", "--negative=b", "--guidance=1"), "acts through guidance"),
        (("--prompt", "a\udcff"), "is not Unicode"),
        (("--prompt", "a", "--batch_size=0"), "batch_size=0"),
        (("--prompt", "a", "--context_drop.factor=1"), "factor=1"),
        (("--promt", "a"), "Did you mean 'prompt'"),
        (("--prompt", "a", "--ckpt_path=x"), "give one of them"),
    ],
)
def test_bad_options_are_told_in_a_sentence(capsys, tiny_text, tmp_path, options, told):
    error = error_of(capsys, "sample", "--weights", tiny_text, "--trust", "--steps=1", "--output", tmp_path, *options)
    assert told in error and len(error) < 700


def test_models_that_cannot_do_what_is_asked(capsys, tiny_run, tmp_path):
    run = ["sample", "--ckpt_path", tiny_run, "--output", tmp_path]
    assert "--prompt was given" in error_of(capsys, *run, "--prompt", "a")
    assert "--negative was given" in error_of(capsys, *run, "--negative", "a")
    assert "give a model to draw with: --weights or --ckpt_path" in error_of(capsys, "sample", "--prompt", "a")
    assert "3 channels of 1" in error_of(capsys, *run, "--guidance_channels=first_three")
    assert "does not exist" in error_of(capsys, "sample", "--weights", "no-such-model", "--prompt", "a")


def test_lack_of_memory_is_told(capsys, tiny_text, tmp_path, monkeypatch):
    def exhausted(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(lumina.generation.drawing, "conditions", exhausted)
    run = ["sample", "--weights", tiny_text, "--trust", "--prompt", "a", "--size=8x64", "--output", tmp_path]
    assert "ask for a smaller --size" in error_of(capsys, *run)
    assert "2 samples at once of size 8x64 do not fit into memory: lower --batch_size" in error_of(
        capsys, *run, "--count=2"
    )
