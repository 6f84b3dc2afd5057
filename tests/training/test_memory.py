import platform

import pytest

from deeplab.training.memory import give_back_freed_memory, keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_glibc_takes_the_settings():
    assert give_back_freed_memory()
    assert keep_freed_memory()
