"""Clouds in PyTorch's files."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lumina.clouds.tensor_file import read_tensor
from lumina.errors import CorruptSample


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("upright", [True, False])
def test_coordinates_come_first_whatever_the_layout(tmp_path, dtype, upright):
    values = torch.randn(50, 6).to(dtype)
    torch.save(values if upright else values.T, tmp_path / "a.pt")
    np.testing.assert_array_equal(read_tensor(tmp_path / "a.pt"), values[:, :3].double().numpy())


def test_a_cloud_larger_than_its_file_is_refused(tmp_path):
    torch.save(torch.zeros(1).expand(1 << 40, 3), tmp_path / "a.pt")
    with pytest.raises(CorruptSample, match="larger than the file"):
        read_tensor(tmp_path / "a.pt")


@pytest.mark.parametrize("value", [torch.zeros(3), torch.zeros(2, 8), {"points": torch.zeros(8, 3)}, torch.nn.Linear])
def test_other_content_is_corrupt_and_never_run(tmp_path, value):
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(CorruptSample, match=r"a\.pt: "):
        read_tensor(tmp_path / "a.pt")
