"""What decides how strongly pixels pull at one another: the two kinds of kernels, and known values.

Reference: DeepLab v2, arXiv 1606.00915, section 3.3, eq. 3. The paper's w1, sigma_alpha and
sigma_beta are `Bilateral.weight`, `.xy` and `.rgb`; its w2 and sigma_gamma are `Spatial.weight` and
`.xy`. Values are those of the authors' released scripts, or of transcriptions of them that agree.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from types import MappingProxyType

LARGEST = 1e12
"""Largest weight and penalty: their products stay within the range of float32."""


@dataclass(frozen=True)
class Bilateral:
    """A kernel between pixels that lie near each other and have similar colours.

    Args:
        weight: How much it counts, at least 0.
        xy: Standard deviation of places in pixels: one for both axes, or (x, y).
        rgb: Standard deviation of colours in grey levels (0..255): one for all channels, or one
            per channel of the pictures, which need not be three.

    Raises:
        ValueError: A weight that is negative, a deviation that is not positive.
    """

    weight: float
    xy: float | tuple[float, float]
    rgb: float | tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the values, and take them as plain floats."""
        object.__setattr__(self, "weight", _weight(self.weight, "Bilateral"))
        object.__setattr__(self, "xy", _deviations(self.xy, "Bilateral.xy", 2))
        object.__setattr__(self, "rgb", _deviations(self.rgb, "Bilateral.rgb", None))

    def deviations(self, num_channels: int) -> tuple[float, ...]:
        """List the deviations of (x, y, channel 0, ...) for pictures of so many channels.

        Raises:
            ValueError: `rgb` has another number of channels.
        """
        rgb = self.rgb if isinstance(self.rgb, tuple) else (self.rgb,) * num_channels
        if len(rgb) != num_channels:
            raise ValueError(
                f"Bilateral.rgb has {len(rgb)} deviations, the picture {num_channels} channels: "
                "give one deviation per channel, or one number for all"
            )
        return (*_pair(self.xy), *rgb)


@dataclass(frozen=True)
class Spatial:
    """A kernel between pixels that lie near each other, whatever their colours.

    Args:
        weight: How much it counts, at least 0.
        xy: Standard deviation of places in pixels: one for both axes, or (x, y).

    Raises:
        ValueError: A weight that is negative, a deviation that is not positive.
    """

    weight: float
    xy: float | tuple[float, float]

    def __post_init__(self) -> None:
        """Check the values, and take them as plain floats."""
        object.__setattr__(self, "weight", _weight(self.weight, "Spatial"))
        object.__setattr__(self, "xy", _deviations(self.xy, "Spatial.xy", 2))

    def deviations(self, num_channels: int) -> tuple[float, ...]:
        """List the deviations of (x, y); the picture's channels do not matter."""
        return _pair(self.xy)


@dataclass(frozen=True)
class Term:
    """One kernel, whichever kind: what it counts, and the deviations of what it looks at.

    Args:
        weight: How much it counts.
        deviations: Of x, y, and of every channel if it sees colours.
    """

    weight: float
    deviations: tuple[float, ...]

    @property
    def sees_colour(self) -> bool:
        """Whether the picture matters, or the places alone."""
        return len(self.deviations) > 2


def number(value: object, name: str, *, allowed: str) -> float:
    """Take a finite number, as a plain float.

    Raises:
        ValueError: Not a number, or not finite; the message names it and says what is allowed.
    """
    # bool is a number to Python; `weight: yes` in a YAML file is a slip.
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise ValueError(f"{name}={value!r}: give {allowed}")
    return float(value)


def _weight(value: object, kind: str) -> float:
    allowed = "a finite number of at least 0"
    weight = number(value, f"{kind}.weight", allowed=allowed)
    if weight > LARGEST:
        raise ValueError(f"{kind}.weight={weight:g}: give at most {LARGEST:g}")
    if weight < 0:
        raise ValueError(
            f"{kind}.weight={weight:g}: give {allowed}; to make labels repel their like, use "
            "DenseCRF(compatibility=...)"
        )
    return weight


def _deviations(value: object, name: str, count: int | None) -> float | tuple[float, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return _deviation(value, name)
    if not 1 <= len(value) <= 8 or count not in (None, len(value)):
        wanted = "(x, y)" if count == 2 else "1 to 8 of them"
        raise ValueError(f"{name} has {len(value)} deviations: give one number, or {wanted}")
    return tuple(_deviation(entry, name) for entry in value)


def _deviation(value: object, name: str) -> float:
    allowed = "a positive, finite number (a standard deviation)"
    deviation = number(value, name, allowed=allowed)
    if deviation <= 0:
        raise ValueError(f"{name}={deviation:g}: give {allowed}")
    return deviation


def _pair(xy: float | tuple[float, float]) -> tuple[float, float]:
    return xy if isinstance(xy, tuple) else (xy, xy)


PRESETS: Mapping[str, tuple[Bilateral, Spatial]] = MappingProxyType(
    {
        # What DeepLab v2 was published with.
        "resnet101": (Bilateral(4, 67, 3), Spatial(3, 1)),
        "vgg16-aspp": (Bilateral(4, 65, 3), Spatial(2, 2)),
        "vgg16-largefov": (Bilateral(4, 121, 5), Spatial(3, 3)),
        "vgg16-largefov-coco": (Bilateral(5, 69, 5), Spatial(3, 3)),
        # Other runs named in the authors' scripts: two of LargeFOV, an early one of ASPP.
        "vgg16-largefov-run1": (Bilateral(4, 123, 5), Spatial(3, 3)),
        "vgg16-largefov-run2": (Bilateral(4, 175, 5), Spatial(3, 3)),
        "vgg16-aspp-early": (Bilateral(4, 83, 4), Spatial(3, 3)),
        # DeepLab v1; the first of these was "not optimized".
        "v1": (Bilateral(5, 50, 10), Spatial(3, 3)),
        "v1-msc": (Bilateral(3, 95, 3), Spatial(3, 3)),
        "v1-coco": (Bilateral(5, 67, 3), Spatial(3, 3)),
        # What the released programs do when nothing else is said.
        "released-script": (Bilateral(4, 49, 5), Spatial(3, 3)),
        "released-grid-search": (Bilateral(4, 51, 5), Spatial(3, 3)),
        "released-program": (Bilateral(5, 70, 5), Spatial(3, 3)),
        # A layer in the released ResNet-101 network that is commented out.
        "resnet101-prototxt": (Bilateral(5, 21, 3), Spatial(4, 1)),
    }
)
"""Published parameters by name; `resnet101` is the default of `DenseCRF`."""
