"""Flags of guest programs, which are part of every image and run in memory."""

# Size before speed: these programs wait, mostly. A panic ends them either way.
RELEASE_FLAGS = [
    "-Copt-level=s",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cstrip=symbols",
]

# What tells a person who reads the code, and stops one who writes it.
LINT_FLAGS = ["-Dwarnings"]
