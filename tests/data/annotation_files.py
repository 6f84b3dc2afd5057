"""Small pictures and annotation files as the tools write them, for tests of several readers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIZE = (8, 10)
"""Height and width of all pictures here."""


def save_picture(path: Path, size: tuple[int, int] = SIZE, *, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", size[::-1], (90, 80, 70))
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(path, exif=exif)
    return path


def save_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def coco_runs(mask: np.ndarray) -> list[int]:
    """Run lengths down the columns, by going through all pixels: zeros, ones, zeros, ..."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if bool(pixel) != value:
            counts.append(0)
            value = not value
        counts[-1] += 1
    return counts


def coco(
    annotations: Sequence[Mapping[str, Any]],
    *,
    names: Sequence[str] = ("a.jpg",),
    categories: Mapping[int, str] | None = None,
    size: tuple[int, int] = SIZE,
) -> dict[str, Any]:
    """A COCO file; annotations get ids, and the first picture unless they say another."""
    return {
        "images": [
            {"id": number, "file_name": name, "height": size[0], "width": size[1]}
            for number, name in enumerate(names, start=1)
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": "thing"}
            for number, name in (categories or {1: "cat", 2: "dog"}).items()
        ],
        "annotations": [
            {"id": number, "image_id": 1, "iscrowd": 0, "category_id": 1, **annotation}
            for number, annotation in enumerate(annotations, start=1)
        ],
    }


def square(left: float, top: float, right: float, bottom: float) -> list[float]:
    """The corners of a square as a COCO polygon."""
    return [left, top, right, top, right, bottom, left, bottom]


def labelme(shapes: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    base = {"group_id": None, "shape_type": "polygon", "flags": {}}
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [{**base, **shape} for shape in shapes],
        "imagePath": "a.jpg",
        "imageData": None,
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
        **more,
    }


def cvat(shapes: str, *, labels: Sequence[str] = ("cat", "dog"), image: str = "") -> str:
    """A CVAT export with one picture of `SIZE`, or with `image` in its place."""
    listed = "".join(f"<label><name>{name}</name><type>any</type></label>" for name in labels)
    height, width = SIZE
    one = f'<image id="0" name="a.jpg" width="{width}" height="{height}">{shapes}</image>'
    return (
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version>'
        f"<meta><task><labels>{listed}</labels></task></meta>{image or one}</annotations>"
    )


def pack_brush(values: Sequence[int]) -> list[int]:
    """thi.ng's packed run lengths, written down bit by bit; runs of up to 8, 16, 256, 65536."""
    sizes = (3, 4, 8, 16)
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    place = 0
    while place < len(values):
        run = 1
        while place + run < len(values) and values[place + run] == values[place] and run < 65536:
            run += 1
        index = next(index for index, size in enumerate(sizes) if run <= 1 << size)
        if run == 1:
            bits += "0" + "00" + "000" + f"{values[place]:08b}"
        else:
            bits += "1" + f"{index:02b}" + f"{run - 1:0{sizes[index]}b}" + f"{values[place]:08b}"
        place += run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]


def brush(mask: np.ndarray) -> list[int]:
    """Label Studio's brush mask: RGBA, of which alpha counts."""
    rgba = np.zeros((*mask.shape, 4), np.uint8)
    rgba[..., 3] = mask * 255
    return pack_brush(rgba.ravel().tolist())


def label_studio_task(results: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    height, width = SIZE
    base = {
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "from_name": "label",
        "to_name": "image",
    }
    return {
        "id": 7,
        "annotations": [
            {
                "id": 1,
                "was_cancelled": False,
                "result": [
                    {"id": f"r{number}", **base, **result} for number, result in enumerate(results)
                ],
            }
        ],
        "data": {"image": "/data/upload/1/0123abcd-a.jpg"},
        **more,
    }
