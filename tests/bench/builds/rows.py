"""Rows that are measured by builds."""

from __future__ import annotations

from tests.bench.rows import Row

ROWS: list[Row] = []
