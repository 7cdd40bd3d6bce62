"""Run pytest under `bazel test`, with its report, filter and sharding where Bazel expects them."""

import os
import sys

import pytest


def main() -> int:
    """Return pytest's exit code, also 5, for no test at all."""
    arguments = ["--import-mode=importlib", "-p", "no:cacheprovider", "--color=no"]
    if report := os.environ.get("XML_OUTPUT_FILE"):
        arguments.append(f"--junitxml={report}")
    if expression := os.environ.get("TESTBRIDGE_TEST_ONLY"):
        arguments += ["-k", expression]
    if directory := os.environ.get("TEST_TMPDIR"):
        arguments.append(f"--basetemp={directory}/pytest")
    return pytest.main(arguments + sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
