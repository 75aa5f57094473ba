"""`lumina cache` and training from what it wrote: the same batches as without it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import torch
import yaml
from PIL import Image
from tiny_encoders import t5
from tiny_sounds import write_tones
from tiny_views import write_objects
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Generator, Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

import lumina.commands.cache
from datamodules.cached import Cached
from datamodules.multiview import MultiViewFolder
from lumina.commands.cache import _begin
from lumina.commands.train import build
from lumina.data.batches import take
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.frozen.text_encoders import HuggingFaceText
from lumina.randomness import Purpose, keyed_generator
from lumina.values import Item

WORDS = ["<pad>", "<unk>", "a", "red", "green", "pear", "apple"]
SIZES = {"wide": (64, 32), "tall": (32, 64), "square": (48, 48)}


def text_encoder(folder: Path, seed: int = 0) -> dict[str, object]:
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>").save_pretrained(folder)
    return {"path": str(folder), "layer": -1, "dtype": "float32"}


def pictures(folder: Path, corrupt: bool = False) -> Path:
    folder.mkdir()
    generator = torch.Generator().manual_seed(0)
    for number in range(24):
        width, height = list(SIZES.values())[number % 3]
        pixels = torch.randint(256, (height, width, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(f"a {WORDS[3 + number % 2]} {WORDS[5 + number % 2]}")
    if corrupt:
        (folder / "00.png").write_bytes(b"no picture")
    return folder


def experiment(folder: Path, corrupt: bool = False, **data: object) -> Path:
    encoder = text_encoder(folder / "encoder")
    image = {
        "size": [48, 48],
        "patch_size": 2,
        "autoencoder": part("lumina.frozen.autoencoders.RandomAutoencoder", levels=3),
    }
    text = part(
        "lumina.conditioning.text.TextConditioner",
        encoder=part("lumina.frozen.text_encoders.HuggingFaceText", **encoder),
    )
    config = {
        "model": {
            "modality": part("modalities.image.Image", **image),
            "backbone": {"dim": 32, "num_layers": 2, "num_heads": 2, "multiple_of": 32},
            "conditioners": [text],
            "objective": part("lumina.objectives.flow_matching.FlowMatching"),
        },
        "data": part(
            "datamodules.image_text.ImageText",
            **{
                "batch_size": 4,
                "sources": [str(pictures(folder / "pictures", corrupt))],
                "size": 48,
                "cell": 8,
                **data,
            },
        ),
        "trainer": {"accelerator": "cpu", "max_steps": 2, "logger": False, "enable_progress_bar": False},
    }
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def sound_experiment(folder: Path, *conditioners: dict[str, object], **data: object) -> Path:
    sounds = write_tones(folder / "sounds", [0.3, 0.7, 0.3, 0.7, 1.1, 2.0])
    (sounds / "005.wav").write_bytes((sounds / "005.wav").read_bytes()[:9000])
    read = {"sources": [str(sounds)], "batch_size": 2, "cache": str(folder / "lengths"), "holdout": 0.2, **data}
    config = {
        "model": {
            "modality": part("tiny_waves.Waves"),
            "backbone": {"dim": 32, "num_layers": 1, "num_heads": 2, "multiple_of": 32},
            "conditioners": list(conditioners),
            "objective": part("lumina.objectives.flow_matching.FlowMatching"),
        },
        "data": part("datamodules.audio_text.AudioText", **read),
        "trainer": {"accelerator": "cpu", "max_steps": 2, "logger": False},
    }
    path = folder / "sounds.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def text(encoder: dict[str, object], **arguments: object) -> dict[str, object]:
    kind = "lumina.frozen.text_encoders.HuggingFaceText"
    return part("lumina.conditioning.text.TextConditioner", encoder=part(kind, **encoder), **arguments)


def part(class_path: str, /, **arguments: object) -> dict[str, object]:
    return {"class_path": class_path, "init_args": arguments}


def batches(data: object) -> dict[str, Tensor]:
    """Latents by name of the sample."""
    found: dict[str, Tensor] = {}
    for batch in data.test_dataloader():  # type: ignore[attr-defined]
        found |= dict(zip(batch["name"], batch["latent"], strict=True))
    return found


@pytest.mark.parametrize("batching", ["mixed", "buckets"])
def test_cached_latents_and_captions_are_those_of_the_data(
    run_in: Callable[..., None], tmp_path: Path, batching: str
) -> None:
    config = experiment(tmp_path, max_aspect=2.0, holdout=0.5)
    run_in("cache", "--config", config, "--output", "cache", "--dtype", "float32", "--batch_size", 5, "--shard_size", 7)
    built = build(["--config", str(config)])
    cached = Cached(batch_size=2, root=Path("cache"), batching=batching)  # type: ignore[arg-type]
    latents = batches(cached)
    dataset = built.datamodule.dataset("test")
    assert set(latents) == {dataset[i]["name"] for i in range(len(dataset))} and len(latents) == 12
    for index in range(len(dataset)):
        item = take(built.datamodule, "test", [index])
        (expected,) = built.model.modality.compress(item)
        torch.testing.assert_close(latents[item["name"][0]], expected, atol=1e-5, rtol=1e-4)
    for batch in cached.train_dataloader():
        assert isinstance(batch["latent"], Tensor) or batching == "mixed"


def test_training_from_the_cache_needs_neither_pictures_nor_text_encoder(
    run_in: Callable[..., None], tmp_path: Path
) -> None:
    config = experiment(tmp_path)
    run_in("cache", "--config", config, "--output", "cache", "--variants", 2)
    for path in [*tmp_path.glob("pictures/*"), tmp_path / "encoder/model.safetensors"]:
        path.unlink()
    piece = yaml.safe_load(config.read_text())
    piece["model"]["conditioners"][0]["init_args"]["encoder"]["init_args"]["cache"] = "cache/text"
    piece["data"] = part("datamodules.cached.Cached", batch_size=4, root="cache")
    Path("cached.yaml").write_text(yaml.safe_dump(piece))
    run_in("fit", "--config", "cached.yaml")
    data = Cached(batch_size=4, root=Path("cache"))
    assert len(data.dataset("train")[0]["variants"]) == 2
    assert len(data.dataset("test")[0]["variants"]) == 1


def test_each_of_two_encoders_finds_its_own_features(run_in: Callable[..., None], tmp_path: Path) -> None:
    config = experiment(tmp_path)
    piece = yaml.safe_load(config.read_text())
    (first,) = piece["model"]["conditioners"]
    first["init_args"]["width"] = 12
    other = {"path": str(t5(tmp_path / "t5")), "layer": -1, "dtype": "float32"}
    encoder = part("lumina.frozen.text_encoders.HuggingFaceText", **other)
    second = part("lumina.conditioning.text.TextConditioner", encoder=encoder, width=12)
    piece["model"]["conditioners"] = [first, second]
    config.write_text(yaml.safe_dump(piece))
    run_in("cache", "--config", config, "--output", "cache")
    for folder in ("encoder", "t5"):
        (tmp_path / folder / "model.safetensors").unlink()
    for conditioner in (first, second):
        conditioner["init_args"]["encoder"]["init_args"]["cache"] = "cache/text"
    piece["data"] = part("datamodules.cached.Cached", batch_size=4, root="cache")
    Path("cached.yaml").write_text(yaml.safe_dump(piece))
    run_in("fit", "--config", "cached.yaml")


def test_neither_the_network_nor_the_trainer_is_built(run_in: Callable[..., None], tmp_path: Path) -> None:
    config = experiment(tmp_path)
    beyond = ["--model.backbone.dim=65536", "--model.backbone.num_layers=1000", "--trainer.devices=100000"]
    with pytest.raises(SystemExit):
        run_in("fit", "--config", config, *beyond)
    run_in("cache", "--config", config, "--output", "cache", *beyond)
    assert len(Cached(batch_size=4, root=Path("cache")).dataset("train")) > 0  # type: ignore[arg-type]


def test_a_corrupt_picture_is_left_out_and_named(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_in("cache", "--config", experiment(tmp_path, corrupt=True), "--output", "cache")
    assert "skipped" in (out := capsys.readouterr().out) and "00.png" in out
    data = Cached(batch_size=4, root=Path("cache"))
    assert len(data.dataset("train")) + len(data.dataset("test")) == 23
    run_in("cache", "--config", tmp_path / "experiment.yaml", "--output", "ones", "--shard_size", 1)
    assert len(Cached(batch_size=4, root=Path("ones")).dataset("train")) == len(data.dataset("train"))


def test_nothing_is_overwritten_and_what_is_missing_is_made_or_named(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["cache", "--config", experiment(tmp_path), "--output", "cache", "--shard_size=4"]
    run_in(*options)
    whole = {file: file.read_bytes() for file in Path("cache").rglob("*") if file.is_file()}
    with pytest.raises(SystemExit):
        run_in(*options, "--variants=2")
    assert "begun with other settings (variants 1, now 2)" in capsys.readouterr().err
    lost = next(file for file in whole if file.match("train/*.safetensors"))
    lost.unlink()
    with pytest.raises(ValueError, match=rf"lacks 1 shard of .*train/{lost.stem}: run the `lumina cache` that made it"):
        Cached(batch_size=4, root=Path("cache"))
    monkeypatch.setattr(HuggingFaceText, "encode", lambda *_: 1 / 0)  # the texts are there
    run_in(*options)
    assert "makes what is missing of cache" in capsys.readouterr().out
    assert {file: file.read_bytes() for file in whole} == whole
    with pytest.raises(FileNotFoundError, match="holds no latents"):
        Cached(batch_size=4, root=Path("nothing"))


def cached_experiment(config: Path, **image: object) -> Path:
    """The experiment on latents and features of ``cache``, with other arguments of the modality."""
    piece = yaml.safe_load(config.read_text())
    piece["model"]["conditioners"][0]["init_args"]["encoder"]["init_args"]["cache"] = "cache/text"
    piece["model"]["modality"]["init_args"] |= image
    piece["data"] = part("datamodules.cached.Cached", batch_size=4, root="cache")
    Path("cached.yaml").write_text(yaml.safe_dump(piece))
    return Path("cached.yaml")


@pytest.mark.parametrize(
    "vae, told",
    [
        (part("lumina.frozen.autoencoders.RandomAutoencoder", levels=2), r"factor 4 \(this run: 2\)"),
        (
            part("lumina.frozen.autoencoders.KLAutoencoder", path="vae", scaling_factor=0.5),
            r"scaling 1.0 \(this run: 0.5\)",
        ),
        (
            part("lumina.frozen.autoencoders.KLAutoencoder", path="vae", scaling_factor=1.0),
            r"weights \w+ \(this run: \w+",
        ),
    ],
)
def test_latents_of_another_autoencoder_are_refused(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], vae: object, told: str
) -> None:
    config = experiment(tmp_path)
    run_in("cache", "--config", config, "--output", "cache")
    network = RandomAutoencoder(levels=3)._network.on(torch.device("cpu"))
    network.encoder.conv_out.bias.data.add_(1)
    network.save_pretrained("vae")
    with pytest.raises(SystemExit):
        run_in("fit", "--config", cached_experiment(config, autoencoder=vae))
    assert re.search(rf"made with another autoencoder: .*{told}", capsys.readouterr().err)


def test_an_interrupted_cache_is_gone_on_with(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = experiment(tmp_path, holdout=0.5)
    options = ["cache", "--config", config, "--shard_size", 5]
    run_in(*options, "--output", "whole")
    write, written = lumina.commands.cache.write_shard, []

    def stopping(folder: Path, number: int, *rest: object) -> None:
        if len(written) == 2:
            raise ValueError("stopped")
        written.append((folder, number))
        write(folder, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(lumina.commands.cache, "write_shard", stopping)
    with pytest.raises(SystemExit):
        run_in(*options, "--output", "cache")
    with pytest.raises(ValueError, match="not finished"):
        Cached(batch_size=4, root=Path("cache"))
    with pytest.raises(SystemExit):
        run_in(*options, "--output", "cache", "--variants", 3)
    assert "begun with other settings (variants 1, now 3)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_in(*options, "--output", "cache", "--data.init_args.seed", 3)
    assert "begun with other settings (samples_from.init_args.seed 0, now 3); set them as" in capsys.readouterr().err
    monkeypatch.setattr(lumina.commands.cache, "write_shard", lambda *given: (written.append(given[:2]), write(*given)))
    run_in(*options, "--output", "cache")
    assert len(written) == len(set(written)) == len(list(Path("whole").glob("*/latents-*.jsonl")))
    for path in Path("whole").rglob("*.*"):
        assert (Path("cache") / path.relative_to("whole")).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["train/latents-00000.safetensors", "train/latents-00000.jsonl", "cache.json"])
def test_a_damaged_cache_is_named(run_in: Callable[..., None], tmp_path: Path, name: str) -> None:
    run_in("cache", "--config", experiment(tmp_path), "--output", "cache")
    path = Path("cache", name)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match=rf"{name} .*damaged|beside it"):
        Cached(batch_size=4, root=Path("cache"))


def test_sounds_of_many_lengths_with_two_text_encoders(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = text_encoder(tmp_path / "one"), text_encoder(tmp_path / "other", seed=1)
    texts = [text(one), text(other, key="structured"), text(other, key="caption")]
    config = sound_experiment(tmp_path, *texts)
    run_in("cache", "--config", config, "--output", "cache", "--dtype", "float32", "--variants", 2)
    told = capsys.readouterr().out
    assert "skipped" in told and "005.wav" in told
    assert "6 texts of caption" in told and "11 texts of structured and caption" in told
    assert len([*Path("cache/text").iterdir()]) == 2
    for encoder, caption in ((one, "tone number 1"), (other, "<tone number 1& all>"), (other, "tone number 1")):
        cached = HuggingFaceText(**encoder, cache=Path("cache/text"))  # type: ignore[arg-type]
        assert cached.cache is not None and cached.cache.get([caption])[0] is not None
        (found,), (fresh,) = (
            made.encode([caption], torch.device("cpu"))
            for made in (cached, HuggingFaceText(**encoder))  # type: ignore[arg-type]
        )
        torch.testing.assert_close(found, fresh)
    data = Cached(batch_size=1, root=Path("cache"), batching="buckets")
    assert data.rate == 16_000  # type: ignore[attr-defined]
    batches = [take(data, split, [n]) for split in ("train", "test") for n in range(len(data.dataset(split)))]  # type: ignore[arg-type]
    assert len(batches) == 5
    for batch in batches:
        assert 0 <= batch["latent"].shape[-1] * 512 - int(batch["length"]) < 1024
        assert batch["structured"] == [f"<{batch['caption'][0]}& all>"]
    assert all(batch["latent"].shape[:2] == (1, 2) for batch in data.train_dataloader())


def test_what_cannot_be_cached_is_refused_at_once(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = text_encoder(tmp_path / "one")
    for conditioner, reason in (
        (text(encoder, key="translation"), "AudioText has no 'translation'"),
        (
            part("lumina.conditioning.text.TextConditioner", encoder=part("tiny_text.Letters")),
            "a Letters cannot be cached",
        ),
    ):
        config = sound_experiment(tmp_path / str(len(reason)), conditioner)
        with pytest.raises(SystemExit):
            run_in("cache", "--config", config, "--output", "cache")
        assert reason in capsys.readouterr().err and not Path("cache").exists()


def views_experiment(folder: Path, **modality: object) -> Path:
    """Views and a reference under a VAE, in their own number of views."""
    write_objects(folder / "views", 12, size=32, azimuths=[range(0, 360, 45)], caption="a ball")
    autoencoder = part("lumina.frozen.autoencoders.RandomAutoencoder", levels=3)
    names = ("azimuths.ViewAzimuths", "reference.ReferenceView")
    data = {"root": str(folder / "views"), "size": 32, "views": [2, 4], "background": "grey", "holdout": 0.25}
    backbone = {"dim": 24, "num_layers": 1, "num_heads": 2, "multiple_of": 8}
    piece = {
        "model": {
            "modality": part("modalities.multiview.MultiView", size=[32, 32], autoencoder=autoencoder, **modality),
            "backbone": backbone,
            "objective": part("lumina.objectives.flow_matching.FlowMatching"),
            "conditioners": [part(f"lumina.conditioning.{name}") for name in names],
        },
        "data": part("datamodules.multiview.MultiViewFolder", batch_size=4, **data),
        "trainer": {"max_steps": 2, "accelerator": "cpu", "logger": False, "enable_checkpointing": False},
    }
    config = folder / "views.yaml"
    config.write_text(yaml.safe_dump(piece))
    return config


def test_data_without_what_the_model_reads_are_refused_at_once(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run_in("cache", "--config", views_experiment(tmp_path), "--output", "cache", "--data.reference=none")
    assert "MultiViewFolder has no 'reference'" in capsys.readouterr().err and not Path("cache").exists()


def test_views_are_gone_on_with_unless_their_files_have_changed(
    run_in: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "captions.csv").write_text("object01,a ball\n")
    options = ["cache", "--config", views_experiment(tmp_path), "--data.captions", tmp_path / "captions.csv"]
    run_in(*options, "--output", "whole")
    with monkeypatch.context() as stopping:
        stopping.setattr(lumina.commands.cache, "write_shard", lambda *_: 1 / 0)
        for output in ("one", "two", "same"):
            with pytest.raises(SystemExit):
                run_in(*options, "--output", output)
    capsys.readouterr()
    run_in(*options, "--output", "same", "--data.num_workers", 1)
    assert "goes on with the unfinished same" in capsys.readouterr().out
    for path in Path("whole").rglob("*.*"):
        assert (Path("same") / path.relative_to("whole")).read_bytes() == path.read_bytes()
    for output, file in (("one", tmp_path / "captions.csv"), ("two", tmp_path / "views/object03/transforms.json")):
        before = file.read_text()
        file.write_text(before.replace("ball", "bowl"))
        with pytest.raises(SystemExit):
            run_in(*options, "--output", output)
        assert f"are not those that {output} was begun with" in capsys.readouterr().err


def test_what_fit_tells_of_the_data_is_told(
    run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = views_experiment(tmp_path)
    run_in("cache", "--config", config, "--output", "cache")
    data = build(["--config", str(config)]).datamodule
    (told,) = data.about(data.dataset("train"))
    assert "8 views of an object" in told and f"{told}\n" in capsys.readouterr().out


def test_one_is_said_of_one(run_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_in("cache", "--config", views_experiment(tmp_path), "--output", "cache", "--data.holdout", 0.08)
    assert "train: 11 samples\nvalidation: 1 sample\n" in capsys.readouterr().out


def test_a_variant_keeps_its_own_caption(
    run_in: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = MultiViewFolder.transform

    def named(data: MultiViewFolder, item: Item, generator: Generator | None = None) -> Item:
        own = shown(data, item, generator)
        return own if generator is None else {**own, "caption": f"a ball {generator.initial_seed() % 2}"}

    monkeypatch.setattr(MultiViewFolder, "transform", named)
    config, encoder = views_experiment(tmp_path), text_encoder(tmp_path / "encoder")
    piece = yaml.safe_load(config.read_text())
    piece["model"]["conditioners"].append(text(encoder))
    config.write_text(yaml.safe_dump(piece))
    run_in("cache", "--config", config, "--output", "cache", "--variants", 6, "--dtype", "float32")
    assert "4 texts of caption" in capsys.readouterr().out  # none, that of the files, and two of variants
    files, cached = build(["--config", str(config)]).datamodule, Cached(batch_size=3, root=Path("cache"))
    items = [cached.dataset("train")[index] for index in range(9)]
    assert all(item["caption"] == "a ball" and len(item["variants"]) == 6 for item in items)
    for index in range(2):
        for number, variant in enumerate(items[index]["variants"]):
            made = files.transform(
                files.dataset("train")[index], keyed_generator(Purpose.AUGMENTATION, files.seed, number, index)
            )
            assert variant["caption"] == made["caption"]
            torch.testing.assert_close(variant["azimuths"], made["azimuths"])
    drawn = {caption for batch in cached.train_dataloader() for caption in batch["caption"]}
    assert drawn == {"a ball 0", "a ball 1"}
    assert next(iter(cached.val_dataloader()))["caption"] == ["a ball"] * 3
    run_in("fit", "--config", config)


def test_views_and_references_are_trained_on_without_pictures(run_in: Callable[..., None], tmp_path: Path) -> None:
    config = views_experiment(tmp_path)
    run_in("cache", "--config", config, "--output", "cache", "--variants", 3, "--dtype", "float32")
    cli = build(["--config", str(config)])
    files, cached = cli.datamodule, Cached(batch_size=3, root=Path("cache"))
    assert set(cached.batch_keys) == {
        *("latent", "reference_latent", "azimuths", "camera_to_world", "field_of_view", "caption", "name")
    }
    one, other = take(files, "validation", range(3)), take(cached, "validation", range(3))
    module = cli.model
    module.conditioners[1].vector.data.normal_()
    torch.testing.assert_close(module.tokens(one).features, module.tokens(other).features)
    conds = [module.conditioners.conditions(batch, 3, torch.device("cpu")) for batch in (one, other)]
    torch.testing.assert_close(conds[0].prefix.tokens.features, conds[1].prefix.tokens.features)
    torch.testing.assert_close(conds[0].grouped, conds[1].grouped)
    assert len(next(iter(cached.train_dataloader()))["latent"]) == 3
    for path in tmp_path.glob("views/*/*"):
        path.unlink()
    piece = yaml.safe_load(config.read_text())
    piece["data"] = part("datamodules.cached.Cached", batch_size=3, root="cache")
    Path("cached.yaml").write_text(yaml.safe_dump(piece))
    run_in("fit", "--config", "cached.yaml")
    with pytest.warns(UserWarning, match=r"has 4 views a sample, the modality is for up to 2: .* set modality\.views"):
        build(["--config", "cached.yaml", "--model.modality.views=2"]).model.resolve(cached)
    again = build(["--config", "cached.yaml"]).model
    again.resolve(cached)
    assert again.conditioners[1].background == pytest.approx((128 / 255,) * 3)
    assert again.modality.ring.elevation == pytest.approx(20)


def test_a_cache_keeps_what_samples_show(run_in: Callable[..., None], tmp_path: Path) -> None:
    config = views_experiment(tmp_path)
    piece = yaml.safe_load(config.read_text())
    autoencoder = piece["model"]["modality"]["init_args"]["autoencoder"]
    piece["model"]["modality"] = part("modalities.image.Image", size=[32, 32], autoencoder=autoencoder)
    piece["model"]["conditioners"] = []
    piece["data"] = part("datamodules.single_views.SingleViews", batch_size=4, root=str(tmp_path / "views"), size=32)
    piece["data"]["init_args"] |= {"holdout": 0.25, "labels": "folders", "recolour": True}
    for folder in sorted((tmp_path / "views").glob("*/")):
        (kind := tmp_path / "views" / "balls").mkdir(exist_ok=True)
        folder.rename(kind / folder.name)
    config.write_text(yaml.safe_dump(piece))
    run_in("cache", "--config", config, "--output", "cache", "--variants", 4, "--dtype", "float32")
    items = [Cached(batch_size=3, root=Path("cache")).dataset("train")[index] for index in range(9)]
    assert all(item.keys() == {"caption", "label", "name", "variants"} for item in items)  # no views, which are files
    assert {variant.get("caption", "the same") for item in items for variant in item["variants"]} >= {"a ball", ""}
    piece["data"] = part("datamodules.cached.Cached", batch_size=3, root="cache")
    Path("cached.yaml").write_text(yaml.safe_dump(piece))
    run_in("fit", "--config", "cached.yaml")


@pytest.mark.parametrize("variants", [[1] * 8, range(8)])
def test_of_several_that_begin_at_once_one_decides_the_settings(tmp_path: Path, variants: Sequence[int]) -> None:
    for attempt in range(5):
        together = Barrier(8)

        def begin(number: int, output: Path = tmp_path / str(attempt), together: Barrier = together) -> bool:
            together.wait()
            try:
                _begin(output, {"modality": {}, "variants": number})
            except ValueError as error:
                assert "begun with other settings (variants" in str(error)
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(begin, variants)) == (8 if len({*variants}) == 1 else 1)
