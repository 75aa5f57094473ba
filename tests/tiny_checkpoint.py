"""Checkpoints of a model with one weight, as `lumina fit` writes them."""

import os
import time

import torch


def head(step=20, **more):
    return {
        "state_dict": {"weight": torch.full((2**14,), 1.0)},
        "global_step": step,
        "epoch": 0,
        "pytorch-lightning_version": "2.6.6",
        "loops": {"fit_loop": {}},
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        **more,
    }


def save(path, step=20, age=0.0, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(head(step, **more), path)
    os.utime(path, (time.time(), time.time() - age))
    return path


def without(*names):
    return {name: value for name, value in head().items() if name not in names}
