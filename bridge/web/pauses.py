"""Pauses of the whole process, and how they are kept short while it serves."""

from __future__ import annotations

import gc


def shorten_pauses() -> None:
    """Prepare a process to serve; called once, when everything is loaded.

    A full round of the garbage collector over all that a service has loaded stops every
    request for more than 100 ms, and finds nothing. What is there now is left out of its
    rounds.
    """
    gc.collect()
    gc.freeze()
