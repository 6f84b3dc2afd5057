"""What becomes of a video: the overlay as a video, label maps as a lossless one or as pictures.

Everything is written under another name and renamed at the end, so that what is there is complete.
"""

import io
import logging
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from deeplab import drawing, whole_files
from deeplab.inference.outputs import replace_folder
from deeplab.inference.segmentation import Segmentation
from deeplab.inference.video_read import Clip, Frame

if TYPE_CHECKING:
    from av import AudioStream, Packet, VideoFrame, VideoStream

_log = logging.getLogger(__name__)

_FULL_RANGE, _LIMITED_RANGE = 2, 1
_MATRICES = {1, 4, 5, 6, 7, 9}  # those that FFmpeg can convert with; all others as BT.601
_MPEG4_FINEST = 65_535  # steps a second
_MILLISECONDS = Fraction(1, 1000)


class FrameWriter(Protocol):
    """Takes the pictures of a clip one after the other."""

    def add(self, frame: Frame, result: Segmentation) -> None:
        """Take one picture and its labels."""

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        """Take a packet of sound as it is stored."""

    def finish(self) -> None:
        """Complete the file and give it its name."""

    def abandon(self) -> None:
        """Leave nothing behind."""


class _VideoWriter(ABC):
    """Takes pictures into a video file; sound is copied if the subclass opens the file with it.

    Args:
        path: The file.
        clip: Where the pictures come from.
        classes: Names of the classes that are kept.
    """

    file_format: str
    """As FFmpeg calls it."""

    def __init__(self, path: Path, clip: Clip, classes: Sequence[str]) -> None:
        self._encoder = _Encoder(path, clip, self.file_format)
        self._classes, self._threads = classes, clip.threads

    @abstractmethod
    def add(self, frame: Frame, result: Segmentation) -> None:
        """Take one picture and its labels."""

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        """Take a packet of sound."""
        self._encoder.add_sound(packet)

    def finish(self) -> None:
        """Complete the file."""
        self._encoder.finish()

    def abandon(self) -> None:
        """Remove the file."""
        self._encoder.abandon()


class OverlayWriter(_VideoWriter):
    """The labels' colours over the video, as H.264 in MP4, with the sound as it is.

    H.264 as players understand it has even sides: odd ones get one more row or column, a copy of
    the last. Without x264 in FFmpeg, MPEG-4 takes its place.

    Args:
        path: The file.
        clip: Where the pictures come from.
        classes: See `Segmentation.overlay`.
    """

    file_format = "mp4"

    def add(self, frame: Frame, result: Segmentation) -> None:
        """Draw and encode one picture."""
        from av import VideoFrame

        drawn = np.asarray(result.overlay(classes=self._classes))
        height, width = drawn.shape[:2]
        even = np.pad(drawn, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self._encoder.is_open:
            self._open(even.shape[:2], frame)
        matrix, colour_range, _, _ = frame.colours
        coded = VideoFrame.from_ndarray(even, format="rgb24").reformat(
            format="yuv420p",
            dst_colorspace=matrix if matrix in _MATRICES else 5,
            dst_color_range=colour_range or _LIMITED_RANGE,
            threads=self._threads,
        )
        self._encoder.add(coded, frame.pts)

    def _open(self, size: tuple[int, ...], frame: Frame) -> None:
        from av import codecs_available

        if "libx264" in codecs_available:
            codec, options = "libx264", {"preset": "veryfast", "crf": "20"}
        else:
            codec, options = "mpeg4", {"qscale": "3"}
        self._encoder.open(codec, "yuv420p", size, frame.colours, options, has_sound=True)


class MaskWriter(_VideoWriter):
    """Label maps as a lossless video: FFV1 in Matroska, whose grey values are the labels.

    Args:
        path: The file.
        clip: Where the pictures come from.
        classes: See `Segmentation.labels_of`.
    """

    file_format = "matroska"

    def add(self, frame: Frame, result: Segmentation) -> None:
        """Encode one label map."""
        from av import VideoFrame

        labels = np.ascontiguousarray(result.labels_of(self._classes))
        grey = "gray" if labels.dtype == np.uint8 else "gray16le"
        if not self._encoder.is_open:
            options = {"level": "3", "slicecrc": "1"}  # each part of a picture has a checksum
            self._encoder.open("ffv1", grey, labels.shape, (2, _FULL_RANGE, 2, 2), options)
        self._encoder.add(VideoFrame.from_ndarray(labels, format=grey), frame.pts)


class MaskFolderWriter:
    """Label maps as a folder of indexed PNGs: 000001.png is that of the first picture.

    Args:
        path: The folder.
        clip: Where the pictures come from.
        classes: See `Segmentation.labels_of`.
    """

    def __init__(self, path: Path, clip: Clip, classes: Sequence[str]) -> None:
        self._path = path
        self._temporary_path = whole_files.temporary_path(path)
        self._temporary_path.mkdir()
        self._classes = classes
        self._count = 0

    def add(self, frame: Frame, result: Segmentation) -> None:
        """Write one label map."""
        self._count += 1
        content = drawing.encode_label_map(result.labels_of(self._classes), result.palette)
        (self._temporary_path / f"{self._count:06}.png").write_bytes(content)

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        """Leave the sound out."""

    def finish(self) -> None:
        """Give the folder its name."""
        replace_folder(self._temporary_path, self._path)

    def abandon(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._temporary_path, ignore_errors=True)


class _File:
    """A file whose first error is kept: FFmpeg would not tell it, and PyAV print it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise what has gone wrong, such as that the disk is full."""
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:
        self._try(lambda: self._file.write(data))
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._try(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._try(self._file.tell)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error

    def _try(self, act: Callable[[], int]) -> int:
        try:
            return 0 if self._error else act()
        except OSError as error:
            self._error = error
            return 0


class _Encoder:
    """A video file under another name: one stream of pictures, and perhaps the clip's sound."""

    def __init__(self, path: Path, clip: Clip, file_format: str) -> None:
        import av

        self._path, self._clip = path, clip
        self._temporary_path = whole_files.temporary_path(path)
        self._file = _File(self._temporary_path)
        self._container = av.open(self._file, "w", format=file_format)
        self._sound: dict[int, AudioStream] = {}
        self._waiting: list[Packet[AudioStream]] = []  # sound that comes before any picture
        self.is_open = False

    def open(
        self,
        codec: str,
        pixel_format: str,
        size: tuple[int, ...],
        colours: tuple[int, int, int, int],
        options: dict[str, str],
        *,
        has_sound: bool = False,
    ) -> None:
        """Begin, once size and colours are known."""
        stream = cast(
            "VideoStream", self._container.add_stream(codec, rate=self._clip.rate, options=options)
        )
        context = stream.codec_context
        context.height, context.width = size
        context.thread_count = self._clip.threads
        context.pix_fmt = pixel_format
        is_fine = self._clip.time_base >= Fraction(1, _MPEG4_FINEST)
        context.time_base = self._clip.time_base if codec != "mpeg4" or is_fine else _MILLISECONDS
        context.colorspace, context.color_range, context.color_primaries, context.color_trc = (
            colours
        )
        if self._clip.pixel_aspect != 1:
            context.sample_aspect_ratio = self._clip.pixel_aspect
        self._stream, self._time_base = stream, context.time_base
        if has_sound:
            self._add_sound_streams()
        self.is_open = True
        for packet in self._waiting:
            self.add_sound(packet)
        self._waiting.clear()

    def add(self, frame: "VideoFrame", pts: int) -> None:
        frame.pts = round(pts * self._clip.time_base / self._time_base)
        frame.time_base = self._time_base
        self._container.mux(self._stream.encode(frame))
        self._file.check()

    def add_sound(self, packet: "Packet[AudioStream]") -> None:
        if not self.is_open:
            self._waiting.append(packet)
        elif packet.stream.index in self._sound:
            packet.stream = self._sound[packet.stream.index]
            self._container.mux(packet)

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._file.close()
        self._file.check()
        os.replace(self._temporary_path, self._path)

    def abandon(self) -> None:
        import av

        with suppress(av.FFmpegError):
            self._container.close()
        self._file.close()
        self._temporary_path.unlink(missing_ok=True)

    def _add_sound_streams(self) -> None:
        for stream in self._clip.audio:
            if _fits_mp4(stream):
                self._sound[stream.index] = self._container.add_stream_from_template(stream)
            else:
                name = stream.codec_context.name
                _log.warning(
                    "%s: MP4 cannot hold its sound (%s), which is left out", self._path, name
                )


def _fits_mp4(stream: "AudioStream") -> bool:
    """Try it: what is allowed depends on the rate of samples and other things too."""
    import av

    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True
