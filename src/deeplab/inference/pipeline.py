"""Many pictures: several at once, in order, until all are done or the disk is full.

Every worker takes one picture from its file to the files of its results; while one decodes, others
are in the network, in the CRF, or writing. That keeps cores busier than stages with a thread each,
which wait for the slowest of them (numbers in LOG.md). It also decides how much is in memory: the
pictures in hand, and no results but the few that wait for an earlier picture.
"""

import logging
import math
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from deeplab import whole_files
from deeplab.inference.files import Job, Outcome, TellFrames
from deeplab.inference.outputs import RESULT_SUFFIXES, Output, output_paths, video_output_paths
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.video import segment_video
from deeplab.processor import in_order

_log = logging.getLogger(__name__)

_ABANDONED_S = 60  # a temporary file that grows no more belongs to a run that was killed


Segment = Callable[[Job, Callable[[], bool]], Outcome]
"""Does one picture; may ask meanwhile whether the run is over, and raise `GivenUpError` then."""


class OutputError(OSError):
    """Nothing more can be written where results go: the disk is full, or read-only."""


def segment_files(
    segmenter: Segmenter,
    jobs: Iterable[Job],
    *,
    outputs: Sequence[Output] = ("mask", "overlay"),
    classes: Sequence[str] = (),
    simplify_px: float = 0,
    overwrite: bool = False,
    workers: int = 1,
    stop: Callable[[], bool] = lambda: False,
    tell_frames: TellFrames = lambda name, done, total: None,
) -> Generator[Outcome, None, None]:
    """Segment pictures and videos and save the results; a bad one stops nothing.

    Closing the generator early finishes the pictures in hand, and begins no other.

    Args:
        segmenter: The network, ready to run.
        jobs: What to do.
        outputs: What to save, see `Segmentation.save`.
        classes: What all outputs keep, see `Segmentation.save`.
        simplify_px: Likewise, of polygons.
        overwrite: Do pictures again whose outputs are all there.
        workers: How many pictures at once. As many as there are cores is the fastest, with a
            segmenter that was loaded with one thread.
        stop: Asked before each picture; True ends the run after the pictures in hand. Videos in
            hand are given up, and nothing is left of them.
        tell_frames: Told after each picture of a video.

    Yields:
        What became of each picture, in the order of the jobs.

    Raises:
        OutputError: After the outcomes of the pictures in hand.
    """
    saving = _Saving(segmenter, outputs, classes, simplify_px, overwrite, tell_frames)
    return run_jobs(saving.do, jobs, workers=workers, stop=stop)


def run_jobs(
    segment: Segment,
    jobs: Iterable[Job],
    *,
    workers: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Generator[Outcome, None, None]:
    """Do something with each picture; what is said of `segment_files` holds here too.

    Args:
        segment: Takes a picture from its file to its results, and may raise errors.
        jobs: What to do.
        workers: How many pictures at once.
        stop: Asked before each picture; True ends the run after the pictures in hand.

    Yields:
        What became of each picture, in the order of the jobs.

    Raises:
        OutputError: After the outcomes of the pictures in hand.
    """
    work = _Work(segment, stop)
    wanted = takewhile(lambda _: not work.is_over(), jobs)
    with closing(in_order(work.do, wanted, workers=workers)) as outcomes:
        for outcome in outcomes:
            if outcome is not None:
                yield outcome
    if work.hopeless is not None:
        raise work.hopeless


def clear_leftovers(jobs: Iterable[Job], *, older_than_s: float = _ABANDONED_S) -> None:
    """Remove the unfinished results that runs which were killed have left where results go.

    Where it is not known whether a run still writes them, as it is at work on another machine, only
    those of these pictures are removed, and only old ones.

    Args:
        jobs: What is to be done.
        older_than_s: Leave those alone that were written to in so many seconds. 0: none, whatever
            the clock of the file system says, which need not be the processor's; nor those that
            this process writes.
    """
    written_before = time.time() - older_than_s if older_than_s else math.inf
    names: defaultdict[Path, set[str]] = defaultdict(set)
    for job in jobs:
        names[job.prefix.parent].add(job.prefix.name)
    for folder, prefixes in names.items():
        for one in whole_files.unfinished_files(folder):
            if one.owner == "running" or (one.owner == "ours" and older_than_s):
                continue
            with suppress(FileNotFoundError):  # another run has just finished it
                is_old = one.path.stat().st_mtime <= written_before
                if one.owner == "gone" or (is_old and _is_of(prefixes, one.name)):
                    shutil.rmtree(one.path) if one.path.is_dir() else one.path.unlink()


def _is_of(prefixes: Collection[str], name: str) -> bool:
    """Tell whether a result is of one of these pictures."""
    return any(
        name.endswith(suffix) and name.removesuffix(suffix) in prefixes
        for suffix in RESULT_SUFFIXES
    )


@dataclass
class _Work:
    """What is done with each picture, by several threads at once."""

    segment: Segment
    stop: Callable[[], bool]
    hopeless: OutputError | None = None

    def is_over(self) -> bool:
        return self.hopeless is not None or self.stop()

    def do(self, job: Job) -> Outcome | None:
        """Take a picture from its file to its results; None: it was not begun any more."""
        if self.is_over():
            return None
        try:
            return self.segment(job, self.is_over)
        except GivenUpError:
            return None
        except OSError as error:  # of writing: what is wrong with a picture is a ValueError
            if error.errno in whole_files.HOPELESS:
                self.hopeless = OutputError(error.strerror)
            return Outcome(
                job.name, "failed", reason=f"cannot be saved ({error.strerror or error})"
            )
        except MemoryError:
            reason = "too large for the memory of this machine"
        except ValueError as error:
            reason = str(error).removeprefix(f"{job.name}: ")
        except Exception as error:  # a bug of ours shall not cost a night's run
            _log.exception("%s", job.name)
            reason = f"{type(error).__name__}: {error}"
        return Outcome(job.name, "failed", reason=reason)


class GivenUpError(Exception):
    """A video or a large picture is not done to its end, as the run is over."""


@dataclass(frozen=True)
class _Saving:
    """Takes pictures and videos from their files to their results."""

    segmenter: Segmenter
    outputs: Sequence[Output]
    classes: Sequence[str]
    simplify_px: float
    overwrite: bool
    tell_frames: TellFrames

    def do(self, job: Job, is_over: Callable[[], bool]) -> Outcome:
        return self._do_video(job, is_over) if job.is_video else self._do(job)

    def _do(self, job: Job) -> Outcome:
        paths = output_paths(job.prefix, self.outputs)
        if not self.overwrite and all(path.exists() for path in paths.values()):
            return Outcome(job.name, "skipped", paths)
        result = self.segmenter(job.source)
        result.save(
            job.prefix, outputs=self.outputs, classes=self.classes, simplify_px=self.simplify_px
        )
        height, width = result.labels.shape
        return Outcome(job.name, "done", paths, (height, width), result.found())

    def _do_video(self, job: Job, is_over: Callable[[], bool]) -> Outcome:
        assert isinstance(job.source, Path)
        paths = video_output_paths(job.prefix, self.outputs)
        if not self.overwrite and all(path.exists() for path in paths.values()):
            return Outcome(job.name, "skipped", paths)

        def tell(number: int, total: int) -> None:
            if is_over():
                raise GivenUpError
            self.tell_frames(job.name, number, total)

        done = segment_video(
            self.segmenter,
            job.source,
            job.prefix,
            outputs=self.outputs,
            classes=self.classes,
            tell=tell,
        )
        return Outcome(job.name, "done", paths, done.size, done.found, done.num_frames)
