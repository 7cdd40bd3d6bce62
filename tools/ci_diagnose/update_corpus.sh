#!/usr/bin/env bash
# Breaks guests, a target and a test on purpose, and writes their output into corpus/. Run it in the workspace's root.
set -euo pipefail
corpus=tools/ci_diagnose/corpus
flags=(--curses=no --color=no --noshow_progress)

# Runs a bazel command that must fail, and keeps its output, without the paths of this machine.
fails() {
  if ./bazelw "${@:2}" "${flags[@]}" > "$corpus/$1" 2>&1; then
    echo "bazelw ${*:2} should have failed" >&2
    exit 1
  fi
  sed -i -E "s#$PWD/##g; s#/[^ ]*/execroot/_main/##g" "$corpus/$1"
}

# Guests: the tests that break them keep their output.
./bazelw test "${flags[@]}" --nocache_test_results //tests/boot:faults_x86_64 //tests/boot:symptoms_x86_64
cp bazel-testlogs/tests/boot/faults_x86_64/test.outputs/*.console "$corpus"
cp bazel-testlogs/tests/boot/symptoms_x86_64/test.outputs/*.{console,log} "$corpus"

# A target of mixed architectures: its analysis fails.
fails wrong-architecture.log build //tests/arch:rootfs_with_other_agent

# Products over their budgets.
trap 'git checkout -q images/budgets.json' EXIT
sed -i 's/"bytes": [0-9]*/"bytes": 1000/' images/budgets.json
fails over-budget.log test //images:size_budget_test
