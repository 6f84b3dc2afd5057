"""DeepLab v2: semantic segmentation with atrous networks.

import deeplab

result = deeplab.Segmenter.load()("cat.jpg")
result.labels, result.class_names, result.overlay()
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deeplab.inference import Segmentation as Segmentation
    from deeplab.inference import Segmenter as Segmenter

__version__ = "0.1.0"

__all__ = ["Segmentation", "Segmenter", "__version__"]

if not TYPE_CHECKING:  # so that the type checker still knows which names do not exist

    def __getattr__(name: str) -> object:
        # Only now: `deeplab --help` shall not wait for numpy.
        if name not in __all__:
            raise AttributeError(f"module 'deeplab' has no attribute {name!r}")
        from deeplab import inference

        return getattr(inference, name)

    def __dir__() -> list[str]:
        return __all__
