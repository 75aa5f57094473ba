"""Starting from trained weights, whole or with adapters on them."""

from __future__ import annotations

import shutil

import pytest
import torch
from tiny import QUICKSTART, TINY

from lumina.backbone import NextDiT, NextDiTConfig
from lumina.backbone.lora import Lora, add_adapters, lower_base
from lumina.checkpoints import load_diffusers, save_diffusers
from lumina.checkpoints.pretrained import load_pretrained
from lumina.conditioning.text import TextConditioner
from lumina.frozen.autoencoders import RandomAutoencoder
from lumina.interfaces import TextEncoder
from lumina.module import LuminaModule
from lumina.objectives.flow_matching import FlowMatching
from lumina.values import Conditioning, Tokens
from lumina.weights.adapters import KEY, export_adapter, merged
from lumina.weights.source import read_weights
from lumina.weights.starting import start_from
from modalities.image import Image

STEPS = [
    "--trainer.max_steps=4",
    "--trainer.callbacks.every_n_train_steps=2",
    "--trainer.val_check_interval=4",
    "--trainer.limit_val_batches=0",
]
LORA = ["--model.lora.rank=2", "--model.lora.alpha=4"]
TEXT = NextDiTConfig(
    dim=32, num_layers=2, num_heads=4, num_kv_heads=2, token_dim=16, position_axes=2, text_dim=12, multiple_of=32,
    learn_sigma=True, pad_token=True,
)  # fmt: skip


@pytest.fixture(scope="session")
def source(tmp_path_factory, tiny_run):
    """A trained run that may be moved away."""
    return shutil.copytree(tiny_run, tmp_path_factory.mktemp("source") / "run")


@pytest.fixture
def fit(run_in, tmp_path, source):
    """Trains the quickstart from the source's weights; returns the run's last checkpoint."""

    def run(name, *options, weights=source):
        run_in("fit", "--config", QUICKSTART, *TINY, *STEPS, f"--trainer.logger.name={name}",
               f"--model.weights={weights}", *options)  # fmt: skip
        return max((tmp_path / "runs" / name).rglob("last.ckpt"), key=lambda path: path.stat().st_mtime)

    return run


def read(path):
    return torch.load(path, weights_only=True)


def whole(path):
    """Averaged weights of a checkpoint, merged if it has adapters."""
    return read_weights(path).tensors


def predict(backbone):
    """Velocities of digits of two classes."""
    generator = torch.Generator().manual_seed(0)
    positions = torch.cartesian_prod(torch.arange(4), torch.arange(4)).expand(2, -1, -1)
    tokens = Tokens(features=torch.randn(2, 16, 4, generator=generator), positions=positions)
    pooled = torch.randn(2, backbone.config.cond_dim, generator=generator)
    with torch.no_grad():
        return backbone.predict(tokens, torch.tensor([0.2, 0.7]), Conditioning(pooled=pooled))


def test_starts_from_the_averaged_weights_and_the_label_table(fit, source):
    path = fit("full", "--model.optimizer.lr=0")
    start = whole(next(source.rglob("last.ckpt")))
    found = read(path)["state_dict"]
    assert found.keys() == start.keys()
    assert all(torch.equal(found[name], start[name]) for name in start)


def test_resumes_after_the_source_has_gone(fit, source, tmp_path):
    moved = shutil.copytree(source, tmp_path / "source")
    path = fit("full", "--trainer.max_steps=2", weights=moved)
    shutil.rmtree(moved)
    resumed = fit("resumed", f"--ckpt_path={path}", weights=moved)
    assert read(resumed)["global_step"] == 4
    LuminaModule.load_from_checkpoint(resumed)


def test_other_architecture_is_refused_in_a_sentence(fit, capsys):
    with pytest.raises(SystemExit):
        fit("wrong", "--model.backbone.num_heads=4")
    assert "have backbone.num_heads=2, this experiment 4" in capsys.readouterr().err


def test_only_adapters_and_labels_train_and_are_saved(fit, source):
    path = fit("lora", *LORA)
    checkpoint, start = read(path), read_weights(source).backbone
    trained = checkpoint["state_dict"]
    assert all(".lora_" in name or name.startswith("conditioners.") for name in trained)
    assert sum(".lora_" in name for name in trained) == 2 * 2 * 7  # matrices, blocks, linear layers
    assert checkpoint["ema"]["weights"].keys() == trained.keys()
    assert path.stat().st_size < 0.6 * next(source.rglob("last.ckpt")).stat().st_size
    after = whole(path)
    for name, weight in start.items():
        adapted = name.split(".")[-2] in ("wq", "wk", "wv", "wo", "w1", "w2", "w3")
        assert torch.equal(after[f"backbone.{name}"], weight) != adapted


def test_resumed_adapters_are_those_never_interrupted(fit):
    straight = fit("straight", *LORA)
    first = fit("first", *LORA, "--trainer.max_steps=2")
    resumed = fit("second", *LORA, f"--ckpt_path={first}")
    for part in ("state_dict", "ema"):
        torch.testing.assert_close(read(resumed)[part], read(straight)[part], atol=0, rtol=0)
    states = [read(path)["optimizer_states"][0]["state"] for path in (resumed, straight)]
    torch.testing.assert_close(*states, atol=0, rtol=0)


def test_merged_predicts_what_the_adapters_predict(fit):
    path = fit("lora", *LORA, "--model.optimizer.lr=0.1")
    checkpoint = read(path)
    live = LuminaModule.load_from_checkpoint(path).backbone
    plain = NextDiT(live.config)
    base = checkpoint[KEY]["weights"]
    state = merged(checkpoint[KEY], checkpoint["state_dict"], read_weights(base).backbone, base)
    plain.load_state_dict({name[9:]: value for name, value in state.items() if name.startswith("backbone.")})
    torch.testing.assert_close(predict(plain), predict(live), atol=1e-5, rtol=1e-4)
    assert not torch.allclose(predict(plain), predict(load_pretrained(base).backbone), atol=1e-3)


def test_adapters_of_other_weights_are_refused(fit, source, tmp_path, capsys):
    moved = shutil.copytree(source, tmp_path / "source")
    path = fit("lora", *LORA, "--trainer.max_steps=2", weights=moved)
    file = next(moved.rglob("last.ckpt"))
    for old in moved.rglob("*.ckpt"):
        old.unlink()
    checkpoint = read(next(source.rglob("last.ckpt")))
    checkpoint["ema"]["weights"]["backbone.layers.0.attention.wq.weight"] += 1e-3
    torch.save(checkpoint, file)
    with pytest.raises(ValueError, match="trained on"):
        whole(path)
    with pytest.raises(SystemExit):
        fit("again", *LORA, f"--ckpt_path={path}", weights=moved)
    assert "are not those of" in capsys.readouterr().err


def test_moved_weights_are_named_by_an_option(fit, source, run_in, tmp_path, capsys):
    before = shutil.copytree(source, tmp_path / "before")
    path = fit("lora", *LORA, "--trainer.max_steps=1", weights=before)
    before.rename(tmp_path / "after")
    options = ["sample", "--ckpt_path", path, "--count=1", "--steps=1", "--output", tmp_path / "drawn"]
    with pytest.raises(SystemExit):
        run_in(*options)
    assert "say where they are now: --base" in capsys.readouterr().err
    run_in(*options, "--base", tmp_path / "after")
    assert (tmp_path / "drawn/00000.png").is_file()


def test_checkpoint_without_adapters_does_not_resume_them(fit, source, capsys):
    with pytest.raises(SystemExit):
        fit("mixed", *LORA, f"--ckpt_path={source}")
    assert "the checkpoint holds no adapters" in capsys.readouterr().err


def test_adapters_need_weights():
    with pytest.raises(ValueError, match=r"model\.weights"):
        LuminaModule(Image((8, 8), channels=1), NextDiTConfig(dim=32, num_heads=2), FlowMatching(), lora=Lora())


def test_peft_reads_what_is_exported(fit, source, tmp_path):
    from peft import PeftModel

    path = fit("lora", *LORA, "--model.optimizer.lr=0.1")
    export_adapter(path, tmp_path / "adapter")
    model = PeftModel.from_pretrained(load_pretrained(source).backbone, tmp_path / "adapter").merge_and_unload()
    after = whole(path)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, after[f"backbone.{name}"])


def test_other_parts_train_where_asked(source):
    backbone = load_pretrained(source).backbone
    add_adapters(backbone, Lora(targets=("wq",), also=("norm1", "final_layer.linear")))
    trained = {name.removeprefix("layers.0.") for name, p in backbone.named_parameters() if p.requires_grad}
    assert {name for name in trained if not name.startswith("layers.1.")} == {
        "attention.wq.lora_A.default.weight", "attention.wq.lora_B.default.weight", "attention_norm1.weight",
        "ffn_norm1.weight", "final_layer.linear.weight", "final_layer.linear.bias",
    }  # fmt: skip


@pytest.mark.parametrize("names", [{"targets": ("wz",)}, {"also": ("nrom",)}])
def test_unknown_names_are_refused(names):
    with pytest.raises(ValueError, match=r"the backbone has no (wz|nrom)"):
        add_adapters(NextDiT(TEXT), Lora(**names))


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


def batch(mask=None):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 16, 16, generator=generator)
    positions = torch.cartesian_prod(torch.arange(4), torch.arange(4)).expand(2, -1, -1)
    cross = torch.randn(2, 5, 12, generator=generator)
    return Tokens(features=features, positions=positions, mask=mask), Conditioning(cross=cross)


def adapted(base="float32", **options):
    torch.manual_seed(0)
    backbone = NextDiT(TEXT, **options)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    add_adapters(backbone, Lora(rank=2, base=base))
    lower_base(backbone, base)
    with torch.no_grad():
        for parameter in backbone.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return backbone


def gradients(backbone, mask=None, autocast=False):
    tokens, cond = batch(mask)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = backbone.predict(tokens, torch.tensor([0.2, 0.7]), cond)
    out.float().square().mean().backward()
    assert all((p.grad is not None) == p.requires_grad for p in backbone.parameters())
    return {name: p.grad for name, p in backbone.named_parameters() if p.requires_grad}


RAGGED = torch.arange(16) < torch.tensor([[16], [9]])


@pytest.mark.parametrize("mask", [None, RAGGED], ids=["equal", "packed"])
def test_adapters_under_checkpointing(mask):
    plain = gradients(adapted(), mask)
    torch.testing.assert_close(gradients(adapted(activation_checkpointing=True), mask), plain, atol=1e-6, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("mask", [None, RAGGED], ids=["equal", "packed"])
def test_adapters_in_compiled_blocks(mask):
    compiled = adapted(activation_checkpointing=True)
    compiled.compile_blocks()
    torch.testing.assert_close(gradients(compiled, mask), gradients(adapted(), mask), atol=1e-5, rtol=1e-3)


def test_half_precise_base_under_autocast():
    backbone = adapted("bfloat16")
    kept = {name.split(".")[-1]: p.dtype for name, p in backbone.layers.named_parameters() if "base_layer" in name}
    assert set(kept.values()) == {torch.bfloat16}
    assert all(p.dtype == torch.float32 for p in backbone.parameters() if p.requires_grad or p.dim() == 1)
    low, full = gradients(backbone, autocast=True), gradients(adapted())
    a, b = (torch.cat([x.flatten() for x in grads.values()]) for grads in (low, full))
    assert torch.nn.functional.cosine_similarity(a, b, 0) > 0.99


def test_missing_weights_stop_the_first_step(fit, capsys):
    with pytest.raises(SystemExit):
        fit("nothing", weights="nowhere")
    assert "nowhere does not exist" in capsys.readouterr().err
