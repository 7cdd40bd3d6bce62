# shellcheck shell=bash
# Helpers that `run`, `install` and `sweep` share. Sourced by bash.

# Prints one line of progress. Standard error: `bazel info` and `bazel query` are read by programs.
say() { printf 'bazelw: %s\n' "$*" >&2; }

die() {
  say "ERROR: $*"
  exit 2
}
