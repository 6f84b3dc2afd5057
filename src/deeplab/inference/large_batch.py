"""Several pictures in tiles, one after the other; a bad one stops nothing."""

from collections.abc import Callable, Generator, Iterable, Sequence

from deeplab.inference.files import Job, Outcome, TellFrames
from deeplab.inference.large_files import check_large_outputs, large_paths, segment_large
from deeplab.inference.large_leftovers import clear_finished_spool
from deeplab.inference.outputs import Output
from deeplab.inference.pipeline import GivenUpError, run_jobs
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.tiling import Tiling
from deeplab.rasters import Reading


def segment_large_files(
    segmenter: Segmenter,
    jobs: Iterable[Job],
    *,
    outputs: Sequence[Output] = ("mask", "overlay"),
    classes: Sequence[str] = (),
    simplify_px: float = 0,
    tiling: Tiling | None = None,
    reading: Reading | None = None,
    level: int = 0,
    overwrite: bool = False,
    stop: Callable[[], bool] = lambda: False,
    tell_tiles: TellFrames = lambda name, done, total: None,
) -> Generator[Outcome, None, None]:
    """Label pictures in tiles and save the results; what was interrupted goes on.

    Args:
        segmenter: The network, ready to run.
        jobs: What to do.
        outputs: What to save, see `large_paths`.
        classes: Names of the classes that results keep; none: all.
        simplify_px: See `SaveOptions`.
        tiling: See `segment_large`.
        reading: See `segment_large`.
        level: See `segment_large`.
        overwrite: Do pictures again whose outputs are all there.
        stop: Asked before each tile; True ends the run, and keeps the rows of tiles that are done.
        tell_tiles: Is told of a picture its name, and how many tiles of how many are done.

    Yields:
        What became of each picture.

    Raises:
        OutputError: Nothing more can be written.
    """

    def segment(job: Job, is_over: Callable[[], bool]) -> Outcome:
        paths = large_paths(job.source, job.prefix, outputs)
        if not overwrite and all(path.exists() for path in paths.values()):
            clear_finished_spool(job.prefix, paths.values())
            return Outcome(job.name, "skipped", paths)

        def tell(done: int, total: int) -> None:
            if is_over():
                raise GivenUpError
            if total > 1:
                tell_tiles(job.name, done, total)

        result = segment_large(
            segmenter,
            job.source,
            job.prefix,
            outputs=outputs,
            classes=classes,
            simplify_px=simplify_px,
            tiling=tiling,
            reading=reading,
            level=level,
            progress=tell,
        )
        return Outcome(job.name, "done", result.outputs, result.size, result.found)

    return run_jobs(segment, jobs, stop=stop)


def check_large_jobs(jobs: Iterable[Job], outputs: Sequence[str]) -> None:
    """Check that pictures in tiles have the outputs that are wanted.

    Raises:
        ValueError: They have not.
    """
    for job in jobs:
        try:
            check_large_outputs(outputs)
        except ValueError as error:
            raise ValueError(f"{job.name}: {error}") from None
