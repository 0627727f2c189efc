"""`/api/config/SECTION`: small settings that clients' front ends keep. Ours keeps none here. Rule JA1: docs/specs/jupyter-api.md."""

from typing import Any

import msgspec

from carnet.server.handlers.base import Handler
from carnet.server.workbench import Workbench


class ConfigSection(Handler):
    """A section of settings that clients' front ends keep."""

    async def get(self, section: str) -> None:
        """Answer with it; empty where nothing was kept."""
        self.answer(_read(await self.workbench(), section))

    async def put(self, section: str) -> None:
        """Keep this in its place."""
        _write(await self.workbench(), section, self.json_body())
        self.answer_nothing()

    async def patch(self, section: str) -> None:
        """Merge this into it; null removes."""
        bench = await self.workbench()
        merged = _merged(_read(bench, section), self.json_body())
        _write(bench, section, merged)
        self.answer(merged)


def _read(bench: Workbench, section: str) -> dict[str, Any]:
    stored = bench.journal.get_value(f"api.config.{section}")
    return {} if stored is None else msgspec.json.decode(stored, type=dict[str, Any])


def _write(bench: Workbench, section: str, value: dict[str, Any]) -> None:
    bench.journal.put_value(f"api.config.{section}", msgspec.json.encode(value) if value else None)


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            inner = merged.get(key)
            merged[key] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            merged[key] = value
    return {key: value for key, value in merged.items() if value != {}}
