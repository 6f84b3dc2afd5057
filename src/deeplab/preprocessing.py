"""How a network wants its pictures: colour order, mean and scale (torch is not imported)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """From pixels in 0..255 to what a network was trained on.

    Attributes:
        mean_255: Subtracted from each band, 0..255; three bands are in R, G, B order.
        std_255: Divides each band, likewise.
        colour_order: Order in which the network takes three bands.
    """

    mean_255: tuple[float, ...]
    std_255: tuple[float, ...]
    colour_order: Literal["rgb", "bgr"] = "rgb"

    def apply(self, pictures: "Tensor") -> "Tensor":
        """Normalise pictures: (N, C, H, W), 0..255, any dtype -> float32 of the same shape."""
        values = pictures.float()
        mean = values.new_tensor(self.mean_255).view(1, -1, 1, 1)
        std = values.new_tensor(self.std_255).view(1, -1, 1, 1)
        normalised = (values - mean) / std
        return normalised.flip(1) if self.colour_order == "bgr" else normalised

    def to_plain(self) -> dict[str, Any]:
        """Write it as a mapping of numbers and text, as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Preprocessing":
        """Read what `to_plain` wrote.

        Raises:
            ValueError: A value is missing or is something else.
        """
        try:
            mean, std = (tuple(map(float, plain[key])) for key in ("mean_255", "std_255"))
            order = plain["colour_order"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"preprocessing {plain!r}: {error!r}") from None
        if order not in ("rgb", "bgr") or len(mean) != len(std) or not all(one > 0 for one in std):
            raise ValueError(
                f"preprocessing {plain!r}: colour_order is rgb or bgr, and mean_255 and std_255 "
                "have one number for each band, the latter above 0"
            )
        return cls(mean, std, order)

    def __str__(self) -> str:
        """Say it in words, such as "BGR - (104.0, 116.7, 122.7)"."""
        turn = slice(None, None, -1 if self.colour_order == "bgr" else 1)
        mean, std = (
            ", ".join(f"{value:g}" for value in values[turn])
            for values in (self.mean_255, self.std_255)
        )
        bands = self.colour_order.upper() if len(self.mean_255) == 3 else "x"
        is_scaled = any(value != 1 for value in self.std_255)
        return f"({bands} - ({mean})) / ({std})" if is_scaled else f"{bands} - ({mean})"

    def for_bands(self, mean_255: Sequence[float], std_255: Sequence[float]) -> "Preprocessing":
        """Give pictures of other bands the spread that photographs have for this network.

        Args:
            mean_255: Of each band of the pictures, 0..255.
            std_255: Standard deviation of each band, above 0.

        Returns:
            Preprocessing after which each band has mean 0, and the standard deviation that
            ImageNet's pictures have after this one.
        """
        usual = zip(IMAGENET_STATISTICS.std_255, self.std_255, strict=True)
        spread = sum(of_photos / divisor for of_photos, divisor in usual) / len(self.std_255)
        return Preprocessing(tuple(mean_255), tuple(std / spread for std in std_255))


UNIT_RANGE = Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
IMAGENET_STATISTICS = Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
CAFFE_VOC = Preprocessing((122.675, 116.669, 104.008), (1.0, 1.0, 1.0), "bgr")
"""Of the authors' networks: `mean_value` of the released prototxts, and no division."""
