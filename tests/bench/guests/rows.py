"""Rows that are measured in guests."""

from __future__ import annotations

from tests.bench.guests import crowd, execs, files, launch, memory, sessions
from tests.bench.rows import Row

ROWS: list[Row] = [launch.ROW, execs.ROW, files.ROW, memory.ROW, sessions.ROW, crowd.ROW]
