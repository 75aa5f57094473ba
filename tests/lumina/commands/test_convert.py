"""``lumina convert`` from the command line."""

import pytest
import torch
from tiny import QUICKSTART, TINY

from lumina.checkpoints.pretrained import load_pretrained


def test_a_run_becomes_a_small_folder(tiny_run, run_in, tmp_path, capsys):
    run_in("convert", tiny_run, "out", "--dtype=float16")
    folder = tmp_path / "out"
    assert "out: model.safetensors, model.yaml" in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["model.safetensors", "model.yaml"]
    whole, small = load_pretrained(tiny_run), load_pretrained(folder)
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(small.state_dict()[name], tensor.half().float(), atol=0, rtol=0)
    size = (tiny_run / "checkpoints/last.ckpt").stat().st_size
    assert (folder / "model.safetensors").stat().st_size < size / 6  # no optimizer, no second copy, half the bytes


def test_converted_twice_is_the_same(tiny_run, run_in, tmp_path):
    run_in("convert", tiny_run, "first")
    run_in("convert", "first", "second")
    for name in ("model.safetensors", "model.yaml"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_adapters_are_merged(tiny_run, run_in, tmp_path):
    pytest.importorskip("peft")
    steps = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", "--trainer.callbacks.every_n_train_steps=2"]
    lora = [f"--model.weights={tiny_run}", "--model.lora.rank=2", "--model.optimizer.init_args.lr=0.1"]
    run_in("fit", "--config", QUICKSTART, *TINY, *steps, *lora, "--trainer.limit_val_batches=1")
    run_in("convert", "runs/digits", "out")
    module, before = load_pretrained(tmp_path / "out"), load_pretrained(tiny_run)
    after, state = module.state_dict(), before.state_dict()
    assert after.keys() == state.keys()
    changed = {name.split(".")[-2] for name in after if "layers" in name and not torch.equal(after[name], state[name])}
    assert changed == {"wq", "wk", "wv", "wo", "w1", "w2", "w3"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{run}", "out", "--to=diffusers"], "needs an AutoencoderKL, this model's Image has none"),
        (["{run}", "taken"], "taken is in use; choose a new or empty folder"),
        (["nowhere", "out"], "nowhere does not exist: a .ckpt file or run folder"),
        (["{run}", "out", "--to=onnx"], "onnx"),
        (["{run}", "out", "--vae=here"], "names its own text encoder and VAE"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(tiny_run, run_in, tmp_path, capsys, arguments, message):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/file").touch()
    with pytest.raises(SystemExit) as code:
        run_in("convert", *(word.format(run=tiny_run) for word in arguments))
    assert code.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
