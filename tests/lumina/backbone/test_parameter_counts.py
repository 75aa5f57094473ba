"""The sizes of the released models, to the last parameter."""

import pytest
import torch

from lumina.backbone import NextDiT, NextDiTConfig

HEADS = {"num_heads": 32, "token_dim": 16, "position_axes": 2}
NEXT = HEADS | {"affine_pre_norm": False, "final_shift": True, "learn_sigma": True}
FLAG = HEADS | {
    "positions": "rope_1d",
    "post_norm": False,
    "modulation": "shift_scale_gate",
    "tanh_gates": False,
    "final_shift": True,
    "learn_sigma": True,
}
TEXT = HEADS | {"dim": 2304, "num_layers": 24, "text_dim": 2048, "learn_sigma": True, "pad_token": True}
LABELS = 1001 * 1024


def tensors(**settings):
    with torch.device("meta"):
        return NextDiT(NextDiTConfig(**settings)).state_dict().values()


def count(**settings):
    return sum(tensor.numel() for tensor in tensors(**settings))


@pytest.mark.parametrize(
    ("dim", "layers", "family", "parameters"),
    [
        (1536, 16, NEXT, 559_455_776),
        (2304, 24, NEXT, 1_763_043_104),
        (3072, 32, NEXT, 4_036_300_832),
        (4096, 32, NEXT, 7_025_122_336),
        (1536, 16, FLAG, 609_836_576),
        (3072, 32, FLAG, 4_237_824_032),
        (4096, 32, FLAG, 7_293_819_936),
    ],
)
def test_class_conditional(dim, layers, family, parameters):
    assert count(dim=dim, num_layers=layers, **family) + LABELS == parameters


def test_text_to_image():
    assert count(**TEXT, num_kv_heads=8) == 1_627_386_400
    assert len(tensors(**TEXT, num_kv_heads=8)) == 567
    assert count(**TEXT | {"token_dim": 64}, num_kv_heads=8) == 1_627_718_272


def test_flag_dit_with_text():
    wide = {"dim": 3072, "num_layers": 32, "text_dim": 4096, "line_tokens": True, "pad_token": True}
    assert count(**FLAG, **wide) == 5_046_643_744
    audio = {"dim": 768, "num_layers": 16, "text_dim": 1024, "token_dim": 20, "position_axes": 1}
    assert count(**FLAG | audio | {"learn_sigma": False, "qk_norm": None}) == 197_940_244


def test_recognition_is_about_86_million():
    assert count(token_dim=768, position_axes=2, modulation="learned") == pytest.approx(86e6, rel=0.01)
