import pytest
import torch

from lumina.config.device import choose_device


def test_auto_is_there():
    torch.zeros(1, device=choose_device("auto"))
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", "mps:7", "xpu:9"])
def test_what_is_not_there_is_refused(name):
    with pytest.raises(ValueError, match="use auto, cpu"):
        choose_device(name)
