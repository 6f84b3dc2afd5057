"""Small clips, made of the example photos: the view moves over a photo, a sine is heard."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[2] / "examples"
SOUND_RATE = 8000


def pan(num_frames: int, height: int, width: int) -> list[np.ndarray]:
    """Pictures of a view that moves over a photo, each two pixels farther: (H, W, 3)."""
    image = Image.open(EXAMPLES / "astronaut.jpg").convert("RGB")
    photo = np.asarray(image.resize((width + 2 * num_frames, height)))
    return [photo[:, 2 * number : 2 * number + width] for number in range(num_frames)]


def make_clip(
    path: Path,
    *,
    num_frames: int = 8,
    height: int = 48,
    width: int = 64,
    pts: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 600),
    sound: str | None = "aac",
    codec: str = "mpeg4",
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; without `pts` it has 12 pictures a second."""
    av = pytest.importorskip("av", reason="videos need the video extra")
    pts = pts or [50 * number for number in range(num_frames)]
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=12, options=options)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.time_base = time_base
        audio = container.add_stream(sound, rate=SOUND_RATE) if sound else None
        if audio is not None:
            audio.layout = "mono"
        for picture, when in zip(pan(num_frames, height, width), pts, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = when, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            count = int((pts[-1] * time_base + Fraction(1, 12)) * SOUND_RATE)
            wave = np.sin(np.arange(count) * 2 * np.pi * 440 / SOUND_RATE).astype(np.float32)
            samples = av.AudioFrame.from_ndarray(wave[np.newaxis], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = SOUND_RATE, 0
            container.mux(audio.encode(samples))
            container.mux(audio.encode(None))
    return path


def turn(path: Path) -> None:
    """Write into an MP4 file that it is to be shown turned clockwise by a quarter."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # behind version, times, layer and volume
    one = (1 << 16).to_bytes(4, "big")
    minus_one = (-(1 << 16)).to_bytes(4, "big", signed=True)
    zero = bytes(4)
    content[matrix : matrix + 20] = zero + one + zero + minus_one + zero
    path.write_bytes(content)


def pictures(path: Path, pixel_format: str = "rgb24") -> list[np.ndarray]:
    import av

    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=pixel_format) for frame in container.decode(video=0)]


def times(path: Path) -> list[float]:
    """When each picture is shown, in seconds."""
    import av

    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def sound_packets(path: Path) -> list[tuple[float, bytes]]:
    """Each packet of sound, and when it begins."""
    import av

    with av.open(str(path)) as container:
        packets = container.demux(audio=0)
        return [(float(one.pts * one.time_base), bytes(one)) for one in packets if one.size]
