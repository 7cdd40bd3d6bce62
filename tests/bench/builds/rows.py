"""Rows that are measured by builds."""

from __future__ import annotations

from tests.bench.builds import agent, cache, growth, initramfs, nothing, python_disk
from tests.bench.rows import Row

ROWS: list[Row] = [module.ROW for module in (nothing, agent, python_disk, cache, initramfs, growth)]
