# shellcheck shell=bash
# Helpers that `run`, `install` and `sweep` share. Sourced by bash.

# Prints one line of progress on standard error: programs read the output of `bazel info` and `bazel query`.
say() { printf 'bazelw: %s\n' "$*" >&2; }

die() {
  say "ERROR: $*"
  exit 2
}
