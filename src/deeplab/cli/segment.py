"""`deeplab segment`: masks of photos."""

import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from deeplab.cli.arguments import (
    BandChoice,
    CrfChoice,
    EngineOption,
    KeptClasses,
    MemoryBudget,
    PartOverlap,
    PrecisionOption,
    PyramidLevel,
    Simplify,
    TileSize,
    ValueRange,
    Verbose,
    WindowSize,
    parse_numbers,
    parse_window,
    split_list,
)
from deeplab.cli.large import LargeChoice
from deeplab.cli.many_pictures import run_and_tell
from deeplab.weights import DEFAULT

if TYPE_CHECKING:
    from deeplab.inference import Outcome, TellFrames

_MANY = 100  # pictures: beside these it hardly counts that a video or a tiled one is many


def segment(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO",
            help="Pictures and videos: files, folders (with their sub-folders; pictures alone), "
            "patterns, or - for standard input.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("segmented"),
    save: Annotated[
        str,
        typer.Option(
            help="What to save: mask (indexed PNG), overlay (JPEG), probs (probability of every "
            "class, float16 npz), cutout (RGBA PNG), cutouts (one for each class, in a folder), "
            "geojson, labelme (polygons of the regions), coco (the regions as run lengths; of "
            "several pictures all-pictures.coco.json too). In tiles: mask, overlay, probs (TIFF), "
            "cutout, geojson. Of videos: overlay (MP4), mask (lossless: grey values are labels), "
            "masks (a PNG each)."
        ),
    ] = "mask,overlay",
    classes: KeptClasses = "",
    simplify: Simplify = 0,
    weights: Annotated[
        str, typer.Option(help="Published name, network file or checkpoint.")
    ] = DEFAULT,
    scales: Annotated[
        str, typer.Option(help="Picture scales; the largest class score counts.")
    ] = "1",
    flip: Annotated[
        bool, typer.Option("--flip", help="Score the mirrored picture too, and average.")
    ] = False,
    longest_side: Annotated[
        int | None,
        typer.Option(
            help="Shrink larger pictures to so many pixels before scoring; results keep the "
            "original size. Default: what the network is made for.",
        ),
    ] = None,
    window: WindowSize = None,
    overlap: PartOverlap = None,
    tile: TileSize = None,
    memory: MemoryBudget = None,
    value_range: ValueRange = None,
    bands: BandChoice = None,
    level: PyramidLevel = 0,
    crf: CrfChoice = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "auto",
    threads: Annotated[
        int | None, typer.Option(help="Processor threads; default: one for each core.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do pictures again whose results are there.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Find the objects in photos: NAME.mask.png and NAME.overlay.jpg at the photo's own size.

    Lists are separated by commas: --scales 0.5,0.75,1 --save mask,cutout --classes cat,dog.
    Results that are there already are skipped (and a warning says if they were made with other
    settings). Ctrl-C finishes the pictures in hand, but no videos and no pictures in tiles (of
    which the rows of tiles that are done are kept), and the same command goes on with the rest.
    Exit code 1: some pictures could not be done (they are listed at the end); 2: none could; 130:
    Ctrl-C.
    """
    from deeplab import inference, processor

    large = LargeChoice(tile, memory, overlap, value_range, bands, level)
    large.check(window=window, longest_side=longest_side)
    outputs, kept = split_list(save), split_list(classes)
    inference.check_out_dir(out)
    jobs, failed = inference.find_jobs(photos, out, standard_input=sys.stdin.buffer)
    whole, in_tiles = large.divide(jobs, window=window, longest_side=longest_side, outputs=outputs)
    has_parts = len(jobs) < _MANY and (in_tiles or any(job.is_video for job in whole))
    num_threads = processor.num_cores() if threads is None else threads
    workers = max(1, min(num_threads, len(whole)))

    def load(threads: int | None, *, workers: int = 1) -> inference.Segmenter:
        return inference.Segmenter.load(
            weights,
            scales=parse_numbers(scales, "--scales"),
            flip=flip,
            longest_side=longest_side,
            window=parse_window(window),
            overlap=None if window is None else overlap,
            threads=threads,
            crf=crf,
            engine=engine,
            precision=precision,
            workers=workers,
            num_pictures=None if has_parts else len(jobs),  # nobody knows how many they are
        )

    segmenter = load(threads if workers == 1 else num_threads // workers, workers=workers)
    inference.check_outputs(outputs, kept, segmenter.card.class_names, simplify_px=simplify)
    inference.check_jobs(whole, outputs)
    inference.check_joint_coco(whole, outputs, out)
    inference.check_large_jobs(in_tiles, outputs)
    tiling, reading = large.tiling(), large.reading(segmenter.card.num_bands)
    inference.clear_leftovers(jobs)
    inference.clear_old_spools(jobs, in_tiles)
    wanted = cast("list[inference.Output]", outputs)  # checked above

    def settings() -> dict[str, Any]:
        sha256 = inference.hash_weights(weights)
        return {
            "weights": f"{segmenter.card.name} (SHA-256 {sha256[:12]})",
            **segmenter.settings(),
            **large.settings(whole),
            "classes": sorted(kept),
            "simplify": simplify,
        }

    made_with = inference.MadeWith(out, settings)

    def segment_all(
        stop: Callable[[], bool], tell_frames: "TellFrames"
    ) -> Generator["Outcome", None, None]:
        yield from inference.segment_files(
            segmenter,
            whole,
            outputs=wanted,
            classes=kept,
            simplify_px=simplify,
            overwrite=overwrite,
            workers=workers,
            stop=stop,
            tell_frames=tell_frames,
        )
        if in_tiles:
            yield from inference.segment_large_files(
                segmenter if workers == 1 else load(threads),
                in_tiles,
                outputs=wanted,
                classes=kept,
                simplify_px=simplify,
                tiling=tiling,
                reading=reading,
                level=level,
                overwrite=overwrite,
                stop=stop,
                tell_tiles=tell_frames,
            )

    def begin(
        stop: Callable[[], bool], tell_frames: "TellFrames"
    ) -> Generator["Outcome", None, None]:
        yield from made_with.watch(segment_all(stop, tell_frames))
        if "coco" in outputs:
            inference.write_joint_coco(jobs, out)

    tiled = {job.name for job in in_tiles}
    run_and_tell(begin, jobs, failed, tiled=tiled, warning=made_with.warning, json=json)
