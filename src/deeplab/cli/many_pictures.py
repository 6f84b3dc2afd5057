"""Telling of a run over many pictures while it goes on, at its end, and when it ends early."""

import json as json_format
import logging
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape

from deeplab.cli import interrupts
from deeplab.cli.outcomes import Tally, describe
from deeplab.cli.progress import make_bar, tell_tenths

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from deeplab.inference import Job, Outcome, TellFrames

_log = logging.getLogger(__name__)

Begin = Callable[[Callable[[], bool], "TellFrames"], Generator["Outcome", None, None]]
Tellers = tuple[Callable[["Outcome"], object], "TellFrames"]
"""Who is told of each outcome, and who of the pictures of videos."""


def run_and_tell(
    begin: Begin,
    jobs: Sequence["Job"],
    failed: Sequence["Outcome"],
    *,
    tiled: Collection[str] = (),
    warning: Callable[[], str | None] = lambda: None,
    json: bool,
) -> None:
    """Run over pictures, tell what becomes of each and of all, and exit with the code for it.

    Args:
        begin: Starts the run; is given what says whether it shall end early, and who is told of the
            pictures of videos.
        jobs: The pictures.
        failed: What has failed before.
        tiled: Names of those pictures that are done in tiles, and told of as videos are.
        warning: Gives what is to be said of the whole run, after it, if there is something.
        json: Print one JSON object a line instead of a table.

    Raises:
        typer.Exit: Not all is well.
    """
    total = len(jobs) + len(failed)
    tally = Tally()
    unfinished = set(tiled)
    try:
        why_not_all = _run(begin, jobs, failed, tally, unfinished, json=json)
    except KeyboardInterrupt:  # of the only picture
        if not _tell_of_kept_rows(jobs, unfinished, "stopped (Ctrl-C): "):
            print(f"stopped (Ctrl-C): nothing of {jobs[0].name} is kept", file=sys.stderr)
        raise typer.Exit(interrupts.EXIT_CODE) from None
    if not json:
        tally.show()
    tally.show_failures()
    told = warning()
    if told is not None:
        _log.warning("%s", told)
    num_left = total - tally.counts.total()
    if num_left:
        why = why_not_all or "Ctrl-C"
        print(
            f"stopped ({why}): {num_left} of {total} are left; the same command goes on with them",
            file=sys.stderr,
        )
    _tell_of_kept_rows(jobs, unfinished)
    if num_left and not why_not_all:
        raise typer.Exit(interrupts.EXIT_CODE)
    if tally.counts["failed"] or num_left:
        raise typer.Exit(1 if tally.counts.total() > tally.counts["failed"] else 2)


def _run(
    begin: Begin,
    jobs: Sequence["Job"],
    failed: Sequence["Outcome"],
    tally: Tally,
    unfinished: set[str],
    *,
    json: bool,
) -> str:
    """Run to the end, and give nothing; or until nothing more can be written, and give why.

    Names of pictures in tiles that are done, or were, are taken out of `unfinished`.
    """
    from deeplab import inference

    tiled = frozenset(unfinished)
    with ExitStack() as bar, ExitStack() as stack:
        has_parts = any(job.is_video or job.name in tiled for job in jobs)
        tell, tell_frames = bar.enter_context(
            _progress(len(jobs) + len(failed), tiled, has_parts=has_parts)
        )

        def clean_up() -> None:
            bar.close()  # it has hidden the cursor
            inference.clear_leftovers(jobs, older_than_s=0)

        is_one = len(jobs) == 1  # then Ctrl-C means that one
        message = "finishing the pictures in hand"
        if has_parts:
            message += " (not videos, nor pictures in tiles)"
        stop = _never if is_one else stack.enter_context(interrupts.finish_first(clean_up, message))
        outcomes = stack.enter_context(closing(begin(stop, tell_frames)))
        try:
            for outcome in chain(failed, outcomes):
                tally.add(outcome)
                if outcome.status != "failed":
                    unfinished.discard(outcome.name)
                if json:
                    print(json_format.dumps(_as_json(outcome)), flush=True)
                tell(outcome)
        except inference.OutputError as error:
            return str(error)
    return ""


def _tell_of_kept_rows(jobs: Sequence["Job"], unfinished: Collection[str], why: str = "") -> bool:
    """Say of which pictures rows of tiles are kept, and whether that is so of any."""
    from deeplab import inference

    kept = [job for job in jobs if job.name in unfinished and inference.has_rows(job.prefix)]
    if kept:
        names = ", ".join(job.name for job in kept)
        print(
            f"{why}the same command goes on with {names} from the last row of tiles that was done",
            file=sys.stderr,
        )
    return bool(kept)


def _never() -> bool:
    return False


@contextmanager
def _progress(total: int, tiled: Collection[str], *, has_parts: bool) -> Iterator[Tellers]:
    """Tell what is done: bars on a terminal, else a line for each picture; nothing for one."""
    if (total > 1 or has_parts) and sys.stderr.isatty():
        with make_bar(Console(stderr=True), transient=True) as bar:
            yield _on_bar(bar, bar.add_task("segmenting", total=total))
    else:
        yield _in_lines(total, tiled)


def _on_bar(bar: "Progress", task: "TaskID") -> Tellers:
    """Show how far all is on one bar, and how far each video is on one of its own."""
    clips: dict[str, TaskID] = {}

    def tell(outcome: "Outcome") -> None:
        bar.advance(task)
        if outcome.name in clips:
            bar.remove_task(clips.pop(outcome.name))

    def tell_frames(name: str, done: int, frames: int) -> None:
        if name not in clips:
            clips[name] = bar.add_task(escape(Path(name).name), total=frames or None)
        bar.update(clips[name], completed=done)

    return tell, tell_frames


def _in_lines(total: int, tiled: Collection[str]) -> Tellers:
    count = iter(range(1, total + 1))
    clips: dict[str, Callable[[int, int], None]] = {}

    def tell(outcome: "Outcome") -> None:
        if total > 1:
            print(f"[{next(count)}/{total}] {describe(outcome)}", file=sys.stderr)

    def tell_frames(name: str, done: int, frames: int) -> None:
        if name not in clips:
            clips[name] = tell_tenths(f"{'tiles' if name in tiled else 'pictures'} of {name}")
        if done <= frames:
            clips[name](done, frames)

    return tell, tell_frames


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    values: dict[str, Any] = {"picture": outcome.name, "status": outcome.status}
    if outcome.status == "failed":
        return values | {"reason": outcome.reason}
    values["outputs"] = {output: str(path) for output, path in outcome.outputs.items()}
    if outcome.size is not None:
        values["height"], values["width"] = outcome.size
        if outcome.num_frames is not None:
            values["frames"] = outcome.num_frames
        values["classes"] = [asdict(one) for one in outcome.found]
    return values
