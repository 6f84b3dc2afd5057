"""Time training steps of the paper's ResNet-101 (ASPP, three scales), and take their memory.

Ours, as `deeplab train` takes them on this processor, with and without activation checkpointing,
against the same network written plainly (float32, NCHW, eager, separate batch norms), and against
kazuto1011/deeplab-pytorch where a clone of it is at hand. Every variant runs in a process of its
own; they take turns, round after round, and ratios are taken within each round. Prints a Markdown
table for RESULTS.md.

    python benchmarks/training.py [--rounds 2] [--port CLONE] [--depth 101] [--crop 321]
"""

import argparse
import functools
import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from cold_start import commit, hardware
from training_cases import CONFIG, Size, Step, check_plain, our_step, plain_step, port_step

from deeplab.training.arithmetic import arithmetic

PLAIN, PORT = "written plainly", "kazuto1011/deeplab-pytorch"
OURS, RECOMPUTED = "ours", "ours, checkpoint_activations"


@dataclass(frozen=True)
class Measured:
    """Of one process."""

    pictures_a_second: float
    peak_gib: float


def main() -> None:
    options = parse()
    size = Size(options.depth, options.crop, options.passes)
    if options.variant is not None:
        print(json.dumps(measure(prepare(options.variant, size, options.port), size).__dict__))
        return
    check_plain()
    names = [PLAIN, OURS, RECOMPUTED]
    if options.port is not None and options.port.is_dir():
        names.append(PORT)
    else:
        print(f"{PORT} is left out: give a clone of it with --port\n")
    rounds: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            rounds[name].append(in_own_process(name))
    print(
        f"ResNet-{options.depth}, ASPP, 3 scales, crops of {options.crop}, {options.passes} passes "
        f"of one crop a step; ours in {arithmetic(CONFIG)}, the others in float32; "
        f"{torch.get_num_threads()} threads; {hardware()}; commit {commit()}; "
        f"{options.rounds} rounds\n"
    )
    print_table(rounds)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--depth", type=int, choices=(50, 101), default=101)
    parser.add_argument("--crop", type=int, default=321, help="pixels, a multiple of 16 plus 1")
    parser.add_argument("--passes", type=int, default=2, help="of each step, one picture each")
    parser.add_argument("--port", type=Path, help="git directory of kazuto1011/deeplab-pytorch")
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    return parser.parse_args()


def prepare(variant: str, size: Size, port: Path) -> Step:
    torch.manual_seed(0)
    steps = {
        PLAIN: plain_step,
        PORT: functools.partial(port_step, port=port),
        OURS: functools.partial(our_step, recompute=False),
        RECOMPUTED: functools.partial(our_step, recompute=True),
    }
    return steps[variant](size)


def in_own_process(variant: str) -> Measured:
    command = [sys.executable, *sys.argv, "--variant", variant]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Measured(**json.loads(done.stdout))


def measure(step: Step, size: Size) -> Measured:
    """Take two steps, the second of which counts; memory is that of both, momentum included."""
    step()
    start = time.perf_counter()
    step()
    return Measured(size.passes / (time.perf_counter() - start), peak_gib())


def peak_gib() -> float:
    """Give the most memory that this process has had."""
    status = Path("/proc/self/status")
    if status.exists():  # what `resource` says begins with the memory of the parent process
        lines = status.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**20
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def print_table(rounds: dict[str, list[Measured]]) -> None:
    others = [name for name in (PLAIN, PORT) if name in rounds]
    heads = [f"times as fast as {name} | of its memory" for name in others]
    print("| training step | pictures a second | peak GiB | " + " | ".join(heads) + " |")
    print("|" + "---|" * (3 + 2 * len(others)))
    for name, values in rounds.items():
        cells = [name, median("{:.3f}", [one.pictures_a_second for one in values])]
        cells.append(median("{:.2f}", [one.peak_gib for one in values]))
        for other in others:
            pairs = list(zip(values, rounds[other], strict=True))
            speeds = [one.pictures_a_second / two.pictures_a_second for one, two in pairs]
            cells.append(median("{:.2f}", speeds))
            cells.append(median("{:.2f}", [one.peak_gib / two.peak_gib for one, two in pairs]))
        print("| " + " | ".join(cells) + " |")


def median(form: str, values: list[float]) -> str:
    return form.format(statistics.median(values))


if __name__ == "__main__":
    main()
