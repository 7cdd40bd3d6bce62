"""The corpus of real logs, for tests."""

from __future__ import annotations

import pathlib

CORPUS = pathlib.Path("tools/ci_diagnose/corpus")

# README.md describes the broken guests, builds and tests.
EXPECTED = {
    "agent-missing": "agent_missing",
    "agent-not-executable": "agent_not_executable",
    "agent-wrong-architecture": "agent_wrong_architecture",
    "corrupt-superblock": "corrupt_file_system",
    "disk-without-a-file-system": "no_file_system",
    "agent-too-slow": "agent_timeout",
    "missing-module": "missing_module",
    "module-plan-too-long": "init_failed",
    "names-not-resolved": "names_not_resolved",
    "network-not-set-up": "network_failed",
    "no-module-plan": "no_module_plan",
    "no-ports": "no_ports",
    "no-root-disk": "no_root_disk",
    "one-port-only": "no_ports",
    "out-of-memory": "out_of_memory",
    "over-budget": "size_budget",
    "wrong-architecture": "wrong_architecture",
    "zram-broken": "zram_failed",
}
"""The expected diagnosis of each."""
