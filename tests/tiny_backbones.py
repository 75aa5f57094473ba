"""Settings of other architectures that the backbone can take."""

SIT = {
    "positions": "sincos",
    "norm": "layer",
    "post_norm": False,
    "affine_pre_norm": False,
    "qk_norm": None,
    "modulation": "shift_scale_gate",
    "tanh_gates": False,
    "feed_forward": "gelu",
    "bias": True,
    "num_kv_heads": 4,
    "final_shift": True,
    "learn_sigma": True,
}
