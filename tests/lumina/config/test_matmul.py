import pytest
import torch
from tiny import QUICKSTART

from lumina.commands.train import build
from lumina.config.matmul import choose_matmul_precision

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_the_user_chooses_by_name():
    built = build(["--config", str(QUICKSTART), "--float32_matmul_precision=highest"])
    assert built.config.float32_matmul_precision == "highest"
    assert build(["--config", str(QUICKSTART)]).config.float32_matmul_precision == "high"


def test_a_cpu_is_left_alone():
    before = torch.get_float32_matmul_precision()
    choose_matmul_precision("medium", torch.device("cpu"))
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.gpu
@GPU
@pytest.mark.parametrize(("precision", "told"), [("high", "TF32"), ("highest", "float32 itself")])
def test_a_gpu_is_told(caplog, precision, told):
    before = torch.get_float32_matmul_precision()
    try:
        choose_matmul_precision(precision, torch.device("cuda"))
        assert torch.get_float32_matmul_precision() == precision and told in caplog.text
    finally:
        torch.set_float32_matmul_precision(before)
