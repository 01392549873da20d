"""Errors that a user can fix: one line, and a non-zero exit status."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from numbers import Integral
from typing import Any


class UserError(Exception):
    """Invalid input; the message names the field and its legal values."""


LARGEST = 10**12
"""Larger counts are errors: nothing of this size would ever finish."""


def shown(value: object) -> str:
    """Write a value in a message; long ones are abbreviated in the middle."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-20:]}"


def check(legal: bool, name: str, value: object, expected: str) -> None:
    """Raise UserError unless ``legal``, naming the field, its value and what it should be."""
    if not legal:
        raise UserError(f"{name} is {shown(value)}; it must be {expected}")


def check_count(name: str, value: object) -> None:
    """Raise UserError unless a value is a whole number between 1 and ``LARGEST``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise UserError(f"{name} is {shown(value)}; it must be a whole number, at least 1")
    check(int(value) >= 1, name, value, "at least 1")
    check(int(value) <= LARGEST, name, value, f"at most {LARGEST:,}")


def require_memory(needed: float, what: str) -> None:
    """Raise UserError if a size in bytes exceeds this machine's memory."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        raise UserError(
            f"{what}: takes at least {needed / 1e9:,.0f} GB of memory, of which "
            f"this machine has {there / 1e9:,.0f}"
        )


LACKING = (
    "allocate memory",
    "bad_alloc",
    "start new thread",
    "failed to map segment",
    "load shared object",
)
"""Phrases in the libraries' errors when memory runs out."""

LEAST_MEMORY = 400_000_000
"""Bytes of address space below which the numerical libraries abort the process."""


def check_address_space() -> None:
    """Raise UserError if this process is not allowed enough memory to load the libraries."""
    import resource  # not on Windows

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_MEMORY:
        raise UserError(
            f"the memory limit (ulimit -v) is {limit / 1e9:.1f} GB; commands need at least "
            f"{LEAST_MEMORY / 1e9:.1f}, trainings 3"
        )


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, is a lack of memory."""
    if error is None or isinstance(error, MemoryError):
        return error is not None
    return any(words in str(error) for words in LACKING) or lacks_memory(
        error.__cause__ or error.__context__
    )


def run(main: Callable[[], Any]) -> None:
    """Run a command; turn errors that a user can fix, interruptions and terminations into one line
    on stderr and exit code 1."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        check_address_space()
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except BrokenPipeError:  # the program that reads our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        if lacks_memory(error):
            sys.exit("error: this needs more memory than the process may have (ulimit -v; free -h)")
        if not isinstance(error, OSError):
            raise
        sys.exit(f"error: {error.filename or 'file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(
            "interrupted; nothing already written is lost, and the same command goes on "
            "from a training's last checkpoint (after 3 seconds, then every 30)"
        )
    finally:
        signal.signal(signal.SIGTERM, before)
