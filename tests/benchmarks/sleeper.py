"""A side of a comparison whose step sleeps; it prints, as libraries do."""

import time

from benchmarks.speed.workers import serve


def build(milliseconds: float, fails: bool = False):
    """A step of that many milliseconds."""
    print("a library's banner")
    if fails:
        raise RuntimeError("no such net")
    return lambda: time.sleep(milliseconds / 1e3), {"sleeps": milliseconds}


if __name__ == "__main__":
    serve(build)
