import pytest
import torch

from deeplab.models.pools import CaffeMaxPool2d


@pytest.mark.parametrize("size", [(8, 9), (7, 12), (2, 1), (1, 3)])
def test_what_the_exporter_is_shown_is_the_same(monkeypatch, size):
    pool = CaffeMaxPool2d()
    features = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)) - 5
    expected = pool(features)
    assert expected.shape[2:] == tuple(length // 2 + 1 for length in size)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    torch.testing.assert_close(pool(features), expected, rtol=0, atol=0)
