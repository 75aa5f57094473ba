"""W&B by one line of YAML, without an account or a network."""

from __future__ import annotations

from tiny import QUICKSTART, TINY

WANDB = (
    "trainer: {logger: {class_path: lightning.pytorch.loggers.WandbLogger, "
    "init_args: {project: digits, save_dir: runs, offline: true, version: first}}}\n"
)


def test_offline_run(run_in, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    (tmp_path / "wandb.yaml").write_text(WANDB)
    steps = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", "--trainer.callbacks.every_n_train_steps=2"]
    grid = ["--data.init_args.eval_batch_size=16", "--trainer.limit_val_batches=1"]
    run_in("fit", "--config", QUICKSTART, "--config", tmp_path / "wandb.yaml", *TINY, *steps, *grid)
    import wandb

    wandb.finish()
    run = tmp_path / "runs/digits/first"
    assert (run / "config.yaml").is_file()
    assert (run / "checkpoints/last.ckpt").is_file()
    assert list((tmp_path / "runs/wandb").glob("offline-run-*/*.wandb"))
