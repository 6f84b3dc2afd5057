"""Measured values become bytes, and the bands of a file those that a network takes.

Transparent pixels are laid on white, as everywhere here. Values of 8 bits stay, those of 16 bits
are divided by 257, as everywhere here: 65535 becomes 255. All other values, and those that fill a
part of their range only, need the range that becomes 0..255. It is never taken from the values
themselves: neighbouring windows would get different ones.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.imaging import Picture


@dataclass(frozen=True)
class Reading:
    """How the values of a file become a picture.

    Attributes:
        num_bands: How many bands the network takes; 3 are RGB.
        bands: Which bands of the file these are, counted from 1, in this order. None: all that the
            file has, or its first three, or its only one three times, where RGB is wanted.
        value_range: The values that become 0 and 255; what lies beyond is clipped. None: the whole
            range of 8 and of 16 bits.
    """

    num_bands: int = 3
    bands: tuple[int, ...] | None = None
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.bands is not None and len(self.bands) != self.num_bands:
            raise ValueError(
                f"bands {','.join(map(str, self.bands))}: the network takes {self.num_bands}"
            )
        if self.bands is not None and min(self.bands) < 1:
            raise ValueError(f"bands {','.join(map(str, self.bands))}: they are counted from 1")
        if self.value_range is not None and not self.value_range[0] < self.value_range[1]:
            low, high = self.value_range
            raise ValueError(f"value range {low:g},{high:g}: give the smaller value first")

    def choose(self, num_stored: int, name: str) -> tuple[int, ...]:
        """Say which bands of a file to read, counted from 0.

        Args:
            num_stored: How many it has, transparency left out.
            name: What to call it in messages.

        Raises:
            ValueError: It has too few, or others than are wanted.
        """
        if self.bands is not None:
            if max(self.bands) > num_stored:
                raise ValueError(
                    f"{name}: {num_stored} bands, but band {max(self.bands)} is wanted"
                )
            return tuple(band - 1 for band in self.bands)
        if num_stored == self.num_bands or (self.num_bands == 3 and num_stored > 3):
            return tuple(range(self.num_bands))
        if self.num_bands == 3 and num_stored in (1, 2):
            return (0,)
        if self.num_bands == 1 and num_stored >= 3:
            return (0, 1, 2)
        raise ValueError(
            f"{name}: {num_stored} bands, but {self.num_bands} are wanted; say which with --bands"
        )

    @property
    def minds_alpha(self) -> bool:
        """Whether transparency counts: of grey and colours, if the bands are not typed."""
        return self.bands is None and self.num_bands in (1, 3)

    def picture(
        self,
        values: NDArray[Any],
        name: str,
        *,
        alpha: NDArray[Any] | None = None,
        is_premultiplied: bool = False,
    ) -> Picture:
        """Make a picture of the bands that were chosen: (n, W, chosen) -> (n, W, num_bands) uint8.

        Args:
            values: Of any kind of number.
            name: What to call it in messages.
            alpha: How opaque pixels are, (n, W), as it is stored; None: wholly.
            is_premultiplied: Colours are stored as light as the alpha makes them.

        Raises:
            ValueError: Numbers of a kind whose range is not known.
        """
        picture = self._bytes(values, name)
        if alpha is not None and (opacity := _opacity(alpha)).min(initial=255) < 255:
            picture = _on_white(picture, opacity, is_premultiplied, name)
        if picture.shape[2] == self.num_bands:
            return picture
        if self.num_bands == 1:
            return np.asarray(Image.fromarray(picture).convert("L"))[..., np.newaxis]
        return np.repeat(picture[..., :1], 3, axis=2)

    def _bytes(self, values: NDArray[Any], name: str) -> Picture:
        if self.value_range is not None:
            low, high = self.value_range
            scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
            np.nan_to_num(scaled, copy=False, nan=0.0)
            return np.asarray(np.clip(scaled, 0, 255) + np.float32(0.5)).astype(np.uint8)
        if values.dtype == np.bool_:
            return values.astype(np.uint8) * np.uint8(255)
        if values.dtype == np.uint8:
            return values
        if values.dtype == np.uint16:
            return np.asarray(values * np.float32(1 / 257) + np.float32(0.5)).astype(np.uint8)
        raise ValueError(
            f"{name}: values of {values.dtype}; say which of them become 0 and 255 with "
            "--value-range LOW,HIGH"
        )


def _opacity(alpha: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale alpha to 0..255; of numbers whose range is not known, all but 0 is opaque."""
    if alpha.dtype == np.uint8:
        return alpha
    if alpha.dtype == np.uint16:
        return np.asarray(alpha * np.float32(1 / 257) + np.float32(0.5)).astype(np.uint8)
    return np.asarray(alpha != 0).astype(np.uint8) * np.uint8(255)


def _on_white(
    picture: Picture, opacity: NDArray[np.uint8], is_premultiplied: bool, name: str
) -> Picture:
    """Lay a grey or coloured picture on white: (n, W, 3), with the numbers of Pillow."""
    height, width = opacity.shape
    rgba = np.dstack([imaging.as_rgb(picture), opacity]).tobytes()
    stored_as = "RGBa" if is_premultiplied else "RGBA"
    image = Image.frombytes("RGBA", (width, height), rgba, "raw", stored_as)
    return imaging.to_rgb(image, name)
