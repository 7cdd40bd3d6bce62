"""Flags of guest programs, which are part of every image and run in memory."""

# Optimizes for size: these programs mostly wait. A panic ends them in any case.
RELEASE_FLAGS = [
    "-Copt-level=s",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cstrip=symbols",
]

# Lints for all crates.
LINT_FLAGS = ["-Dwarnings"]
