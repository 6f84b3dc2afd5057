"""Make docs/result.jpg, the picture in the README, out of what `make demo` left in demo-output/.

make demo && .venv/bin/python docs/make_result.py
"""

from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).parents[1]
PHOTOS = ("cat", "astronaut")
HEIGHT = 300


def main() -> None:
    tiles = [tile for name in PHOTOS for tile in (photo(name), overlay(name))]
    result = Image.new("RGB", (sum(tile.width for tile in tiles), HEIGHT))
    left = 0
    for tile in tiles:
        result.paste(tile, (left, 0))
        left += tile.width
    result.save(REPOSITORY / "docs" / "result.jpg", quality=88)


def photo(name: str) -> Image.Image:
    return shrunk(REPOSITORY / "examples" / f"{name}.jpg")


def overlay(name: str) -> Image.Image:
    return shrunk(REPOSITORY / "demo-output" / f"{name}.overlay.jpg")


def shrunk(path: Path) -> Image.Image:
    image = Image.open(path)
    return image.resize((round(image.width * HEIGHT / image.height), HEIGHT))


if __name__ == "__main__":
    main()
