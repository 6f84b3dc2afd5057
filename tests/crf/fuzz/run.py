"""Call the CRF with many odd inputs: every case must give a result or an error that is allowed.

    python tests/crf/fuzz/run.py --count 12000 [--seed 0] [--first 0] [--trace FILE]

A case depends on the seed and its number alone: `--first NUMBER --count 1` repeats it. The trace
holds the number of the case that is running, and so names the one that ended the process.
"""

import argparse
import collections
import faulthandler
import os
import sys
import time
import traceback

import numpy as np
from cases import Case, CompiledModule, batches, engine

ALLOWED = (ValueError, TypeError, MemoryError)
"""What odd input may raise: all say what is wrong with it, or that there is no room for it."""

HANGING_SECONDS = 120
"""A case takes milliseconds; one that takes this long ends the process with a trace."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trace", default=os.devnull)
    options = parser.parse_args()
    module = CompiledModule()
    kinds: list[Case] = [engine] * 5 + [batches] + [module.mean_field] * 4
    kinds += [module.filter] * 2 + [module.shared_workspace]
    outcomes: collections.Counter[str] = collections.Counter()
    start = time.perf_counter()
    trace = os.open(options.trace, os.O_WRONLY | os.O_CREAT, 0o644)
    for number in range(options.first, options.first + options.count):
        faulthandler.dump_traceback_later(HANGING_SECONDS, exit=True)
        os.pwrite(trace, f"{number:12}\n".encode(), 0)
        outcomes[run_case(kinds, options.seed, number)] += 1
    faulthandler.cancel_dump_traceback_later()
    os.close(trace)
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:7} {outcome}")
    print(f"{options.count} cases in {time.perf_counter() - start:.0f} s")
    return sum(count for outcome, count in outcomes.items() if outcome.startswith("FINDING")) > 0


def run_case(kinds: list[Case], seed: int, number: int) -> str:
    """Run one case, and say how it ended."""
    random = np.random.default_rng((seed, number))
    kind = kinds[random.integers(len(kinds))]
    try:
        kind(random)
    except ALLOWED as error:
        return f"{kind.__name__}: {type(error).__name__}"
    except Exception:
        print(f"case {number} of seed {seed}, {kind.__name__}:", file=sys.stderr)
        traceback.print_exc()
        return f"FINDING in {kind.__name__}"
    return f"{kind.__name__}: result"


if __name__ == "__main__":
    sys.exit(main())
