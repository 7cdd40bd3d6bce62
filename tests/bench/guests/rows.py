"""Rows that are measured in guests."""

from __future__ import annotations

from tests.bench.rows import Row

ROWS: list[Row] = []
