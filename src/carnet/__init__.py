"""Carnet: the notebook server for people who work remotely.

This package root imports nothing, so that `import carnet.core` stays pure and
start-up stays fast. The rooms and who may import whom: ARCHITECTURE.md.
"""

__version__ = "0.1.0"
