"""One seed for each random test: shown when the test fails, given again by CARNET_FAULT_SEED."""

import os
import random
import sys
from pathlib import Path

ROUNDS = int(os.environ.get("CARNET_FAULT_ROUNDS", "0"))
"""Rounds of each random fault test; 0: as few as every change can afford."""


def rounds(few: int) -> int:
    """Return how many rounds to do."""
    return ROUNDS or few


def new_seed() -> int:
    """Return this test's seed, and write it where pytest shows it on failure."""
    given = os.environ.get("CARNET_FAULT_SEED")
    seed = int(given) if given else random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(f"CARNET_FAULT_SEED={seed}\n")
    return seed


def figure(text: str) -> None:
    """Write a figure where `pytest -rP` shows it, and into the file that CARNET_FIGURES names."""
    sys.stdout.write(f"FIGURE {text}\n")
    file = os.environ.get("CARNET_FIGURES")
    if file:
        with Path(file).open("a") as figures:
            figures.write(text + "\n")
