"""What a soak runs under: a cap on memory, a cap on processor time for each attempt, and a report that can be repeated.

python broken_boxes.py SEEDS FIRST COUNT        # attempts FIRST to FIRST + COUNT - 1; each depends on its number alone
"""

from __future__ import annotations

import random
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 256 << 20  # bytes of address space beyond what the interpreter and its modules have
SECONDS = 5.0  # of processor time, for one attempt on some kilobytes
SHOWN = 1 << 16  # bytes of a failure in hex

Make = Callable[[random.Random], bytes]


class TooLong(BaseException):
    """Not an `Exception`, so that no code under test takes it for its own."""


def _too_long(*_: Any) -> None:
    raise TooLong


def soak(make: Make, attempt: Callable[[bytes], bool]) -> None:
    """Attempt what `make` makes; `attempt` says whether it was accepted, and raises for everything that must not be.

    Ends the process with status 1 at the first failure. Prints how many were accepted.
    """
    first, count = map(int, sys.argv[2:4])
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    cap = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
    signal.signal(signal.SIGVTALRM, _too_long)
    accepted = 0
    for number in range(first, first + count):
        data = make(random.Random(number))
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
            accepted += attempt(data)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        except BaseException:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            traceback.print_exc(limit=-12, file=sys.stdout)
            print(f"{Path(sys.argv[0]).stem} {number}: {len(data)} bytes: {data[:SHOWN].hex()}")
            raise SystemExit(1) from None
    print(accepted)
