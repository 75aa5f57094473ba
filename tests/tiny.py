"""The quickstart with a backbone so small that it trains in seconds."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
QUICKSTART = ROOT / "experiments/quickstart/digits.yaml"
TINY = [
    "--model.backbone.dim=32",
    "--model.backbone.num_layers=2",
    "--model.backbone.num_heads=2",
    "--model.backbone.num_kv_heads=1",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
]
