"""Real scores, where they lie beside the repository."""

from pathlib import Path

import pytest
from tests.crf import samples


@pytest.fixture(scope="session")
def real_scores(real_voc_root: Path) -> list[samples.Sample]:
    """Parts of real pictures, and what a real network says of them."""
    found = samples.real(real_voc_root)
    if not found:
        pytest.skip("no real scores beside the repository (../shared/data/voc12_scores_60)")
    return found
