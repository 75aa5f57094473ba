from lumina.reports.config import flattened


def test_settings_become_a_table():
    callback = {"class_path": "lumina.callbacks.ema.EMA", "init_args": {"decay": 0.5}}
    config = {
        "seed": 0,
        "model": {
            "weights": None,
            "optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.1, "betas": [0.9, 0.99]}},
        },
        "trainer": {"callbacks": [callback, callback, {"class_path": "a.Plain"}], "devices": [0, 1], "plugins": []},
    }
    assert flattened(config) == {
        "seed": 0,
        "model.optimizer": "AdamW",
        "model.optimizer.lr": 0.1,
        "model.optimizer.betas": "[0.9, 0.99]",
        "trainer.callbacks": "EMA, EMA, Plain",
        "trainer.callbacks.EMA.decay": 0.5,
        "trainer.callbacks.EMA_1.decay": 0.5,
        "trainer.devices": "[0, 1]",
        "trainer.plugins": "[]",
    }
