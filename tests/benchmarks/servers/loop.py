"""A process that computes Gram matrices on request: a line of JSON in, a line of JSON out.

    {"do": "prepare", "rows": FILE.npy, "pairs": [[i, j], ...], ...}  ->  {"seconds": ..., "values": [...]}
    {"do": "run"}                                                     ->  {"seconds": ...}
    {"do": "memory"}                                                  ->  {"bytes": ...}

The first runs once, which compiles, and answers with the entries at the pairs; the second times more runs, as many as
fill `ENOUGH` seconds, and answers with their mean; the third tells by how much the resident memory was larger, at most,
during one more run than before it.
Needs nothing but NumPy, and runs in environments that have nothing else of this project.
"""

import ctypes
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Work = Callable[[], Any]
ENOUGH = 0.05
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def serve(prepare: Callable[[Any, dict[str, Any]], Work]) -> None:
    """Answer until the input ends; `prepare` makes of rows and a request what is to be timed."""
    work: Work = dict
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer: dict[str, Any] = {}
            if request["do"] == "prepare":
                work = prepare(np.load(request["rows"]), request)
                start = time.perf_counter()
                result = work()
                answer["seconds"] = time.perf_counter() - start
                answer["values"] = [float(result[i, j]) for i, j in request["pairs"]]
            elif request["do"] == "run":
                seconds = []
                while sum(seconds) < ENOUGH:
                    result = None
                    start = time.perf_counter()
                    result = work()
                    seconds.append(time.perf_counter() - start)
                answer["seconds"] = sum(seconds) / len(seconds)
            else:
                before = _begin_of_peak()
                result = work()
                answer["bytes"] = _peak() - before
            result = None
        except Exception as error:  # the other process shall know, whatever it was
            answer = {"refused": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def _begin_of_peak() -> int:
    """Resident memory without what was freed; the peak is set back to it where the system can do that."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    if not CLEAR.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    CLEAR.write_text("5")
    return _status("VmRSS")


def _peak() -> int:
    return _status("VmHWM") if STATUS.exists() else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _status(name: str) -> int:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))
