"""Videos: reading, the network, and writing overlap, each in a thread; memory stays flat."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.inference.outputs import Output, check_video_outputs, video_output_paths
from deeplab.inference.segmentation import Segmentation
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.shares import ClassShare, ShareCount
from deeplab.inference.video_read import Clip, Frame
from deeplab.inference.video_write import FrameWriter, MaskFolderWriter, MaskWriter, OverlayWriter
from deeplab.labels import find_classes
from deeplab.processor import ahead

if TYPE_CHECKING:
    from av import AudioStream, Packet

WRITERS: dict[Output, Callable[[Path, Clip, Sequence[str]], FrameWriter]] = {
    "overlay": OverlayWriter,
    "mask": MaskWriter,
    "masks": MaskFolderWriter,
}
"""Who writes the outputs of videos."""

Tell = Callable[[int, int], object]
"""Is told how many pictures of how many (0: nobody knows) are done."""


@dataclass(frozen=True)
class SegmentedVideo:
    """What became of a video.

    Attributes:
        outputs: The files.
        num_frames: How many pictures it has.
        size: Height and width of a picture, upright.
        found: The classes in it; shares are of all pixels of all pictures.
    """

    outputs: dict[Output, Path]
    num_frames: int
    size: tuple[int, int]
    found: tuple[ClassShare, ...]


def segment_video(
    segmenter: Segmenter,
    path: str | Path,
    prefix: str | Path,
    *,
    outputs: Sequence[Output] = ("overlay",),
    classes: Sequence[str] = (),
    tell: Tell = lambda done, total: None,
) -> SegmentedVideo:
    """Segment a video, picture by picture, at its own rate and size.

    Args:
        segmenter: The network, ready to run.
        path: A video that FFmpeg reads. Turned ones come out upright.
        prefix: Folder (made if missing) and beginning of the file names.
        outputs: "overlay" (.overlay.mp4: H.264, with the sound), "mask" (.mask.mkv: lossless FFV1
            whose grey values are the labels), "masks" (.masks: a folder of indexed PNGs).
        classes: Names of the classes that all of these keep; none: all. See
            `Segmentation.labels_of`.
        tell: Told after each picture.

    Raises:
        ValueError: Not a video, a damaged one (the message says where), unknown outputs or
            classes. Nothing is left behind then, nor after an interruption.
    """
    check_video_outputs(outputs)
    find_classes(segmenter.card.class_names, classes)
    paths = video_output_paths(Path(prefix), outputs)
    Path(prefix).parent.mkdir(parents=True, exist_ok=True)
    count = ShareCount(segmenter.card.class_names)
    num_frames, size = 0, (0, 0)
    with Clip(Path(path), threads=segmenter.threads) as clip:
        writers: list[FrameWriter] = []
        try:
            for output, where in paths.items():
                writers.append(WRITERS[output](where, clip, classes))
            with closing(_scored(segmenter, clip)) as scored:
                for item, result in scored:
                    for writer in writers:
                        _pass_on(item, result, writer)
                    if result is not None:
                        count.add(result.labels, result.confidence)
                        num_frames += 1
                        height, width = result.labels.shape
                        size = height, width
                        tell(num_frames, clip.num_frames)
            for writer in writers:
                writer.finish()
        except BaseException:
            for writer in writers:
                writer.abandon()
            raise
    return SegmentedVideo(paths, num_frames, size, count.found())


def _scored(
    segmenter: Segmenter, clip: Clip
) -> Generator[tuple["Frame | Packet[AudioStream]", Segmentation | None], None, None]:
    """Label the pictures; the next ones are read, and one is scored, while one is written."""

    def score(
        item: "Frame | Packet[AudioStream]",
    ) -> tuple["Frame | Packet[AudioStream]", Segmentation | None]:
        return item, segmenter(item.picture) if isinstance(item, Frame) else None

    with closing(ahead(clip.items(), most=4)) as items, closing(ahead(map(score, items))) as done:
        yield from done


def _pass_on(
    item: "Frame | Packet[AudioStream]", result: Segmentation | None, writer: FrameWriter
) -> None:
    if isinstance(item, Frame):
        assert result is not None
        writer.add(item, result)
    else:
        writer.add_sound(item)
