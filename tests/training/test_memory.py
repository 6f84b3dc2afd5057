import platform

import pytest

from deeplab.training.memory import keep_freed_memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is one of glibc")
def test_glibc_takes_the_setting():
    assert keep_freed_memory()
