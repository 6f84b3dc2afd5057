"""The pictures of a video, upright, one after the other, and its sound as it is stored."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np

from deeplab.imaging import Picture

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream

VIDEO_SUFFIXES = frozenset(
    (".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv")
)
"""What names of videos end with; animated GIFs count as pictures."""

_log = logging.getLogger(__name__)

_FULL_RANGE = 2
_MISSED_S = 1  # sound may go on a little longer than pictures
_USUAL_RATE = Fraction(25)  # where a file does not say any


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        picture: (H, W, 3) RGB, uint8, 0..255, upright.
        pts: When it is shown, in the clip's `time_base`.
        colours: How the file codes colours: matrix, range, primaries and transfer, as FFmpeg
            numbers them.
    """

    picture: Picture
    pts: int
    colours: tuple[int, int, int, int]


class Clip:
    """A video file that is open; to be used in a `with` statement.

    Args:
        path: The file.
        threads: Processor threads that decode, at most; so many encode what comes of it, too.
            None: as many as FFmpeg thinks fit.

    Attributes:
        path: The file.
        threads: As given; 0 for None, as FFmpeg has it.
        time_base: Seconds of one step of time stamps.
        rate: Pictures a second, on average.
        num_frames: How many pictures the file claims to have, or so; 0: it does not say.
        pixel_aspect: Width of a pixel to its height, as stored.
        audio: Streams of sound.

    Raises:
        ValueError: No video, a damaged one, or PyAV is not installed.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        try:
            import av
        except ModuleNotFoundError:
            raise ValueError(
                f"{path}: videos need PyAV, which is not installed: pip install 'deeplabkit[video]'"
            ) from None
        if not path.is_file():
            raise ValueError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'}")
        try:
            self._container = av.open(str(path))
        except av.FFmpegError as error:
            raise ValueError(
                f"{path}: not a video that FFmpeg can read, or cut short ({error.strerror})"
            ) from error
        best = self._container.streams.best("video")
        if best is None:
            self._container.close()
            raise ValueError(f"{path}: no pictures in it")
        stream = cast("VideoStream", best)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self.threads = threads or 0
        self._stream = stream
        self._error: type[Exception] = av.FFmpegError
        self.path = path
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self.rate = stream.average_rate or stream.guessed_rate or _USUAL_RATE
        self.num_frames = stream.frames or self._estimate_frames()
        self.pixel_aspect = stream.codec_context.sample_aspect_ratio or Fraction(1)
        self.audio: tuple[AudioStream, ...] = self._container.streams.audio

    def __enter__(self) -> "Clip":
        """Give the clip, to be closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._container.close()

    def items(self) -> Iterator["Frame | Packet[AudioStream]"]:
        """Give pictures and packets of sound in the order of the file.

        Raises:
            ValueError: The file is damaged; the message says where.
        """
        number, last_pts = 0, None
        try:
            for packet in self._container.demux(self._stream, *self.audio):
                if packet.is_corrupt:
                    raise ValueError(self._damaged(number, last_pts, "a part is missing"))
                if packet.stream.type == "audio":
                    if packet.dts is not None:  # what ends the stream has none
                        yield cast("Packet[AudioStream]", packet)
                    continue
                for frame in cast("Packet[VideoStream]", packet).decode():
                    if frame.is_corrupt:
                        raise ValueError(self._damaged(number, last_pts, "a picture is broken"))
                    pts = self._pts(frame, number, last_pts)
                    yield Frame(_upright(frame, self.threads), pts, self._colours(frame))
                    number, last_pts = number + 1, pts
        except self._error as error:
            why = getattr(error, "strerror", None) or str(error)
            raise ValueError(self._damaged(number, last_pts, why)) from error
        if not number:
            raise ValueError(f"{self.path}: no pictures in it")
        self._warn_if_short(last_pts or 0)

    def _warn_if_short(self, last_pts: int) -> None:
        claimed_s = (self._container.duration or 0) / 1_000_000
        end_s = float(last_pts * self.time_base + 1 / self.rate)
        if claimed_s - end_s > _MISSED_S:
            _log.warning(
                "%s: pictures end at %.1f s of the %.1f s it claims to last: it may be cut short",
                self.path,
                end_s,
                claimed_s,
            )

    def _estimate_frames(self) -> int:
        duration = self._container.duration  # microseconds
        return round(duration / 1_000_000 * self.rate) if duration else 0

    def _pts(self, frame: "VideoFrame", number: int, last_pts: int | None) -> int:
        """Take the time stamp of a frame; where there is none, the rate says it."""
        pts = frame.pts
        if pts is None:
            pts = round(number / self.rate / self.time_base)
        return pts if last_pts is None else max(pts, last_pts + 1)

    def _colours(self, frame: "VideoFrame") -> tuple[int, int, int, int]:
        context = self._stream.codec_context
        is_full = frame.format.name.startswith("yuvj")
        colour_range = _FULL_RANGE if is_full else int(frame.color_range)
        primaries, transfer = int(context.color_primaries), int(context.color_trc)
        return int(frame.colorspace), colour_range, primaries, transfer

    def _damaged(self, number: int, last_pts: int | None, why: str) -> str:
        seconds = 0.0 if last_pts is None else float(last_pts * self.time_base)
        return f"{self.path}: damaged after picture {number}, at {seconds:.2f} s ({why})"


def _upright(frame: "VideoFrame", threads: int) -> Picture:
    picture = frame.to_ndarray(format="rgb24", threads=threads)
    turns = round(frame.rotation / 90) % 4  # anticlockwise
    return np.ascontiguousarray(np.rot90(picture, turns))
