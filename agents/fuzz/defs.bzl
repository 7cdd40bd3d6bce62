"""Define fuzz targets with their tests."""

load("@rules_rust//rust:defs.bzl", "rust_binary")
load("//agents:rustc_flags.bzl", "LINT_FLAGS")
load("//tools/pytest:defs.bzl", "pytest_test")

# These flags make LLVM count edges and trace comparisons for libFuzzer, as cargo-fuzz does. An arithmetic overflow is a
# finding.
FUZZ_FLAGS = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Copt-level=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
]

def fuzz_target(name, runs):
    """Define a libFuzzer program, a short test of it, and a long one that is `manual`.

    Args:
        name: name of the program, of its source in `src` and of its directory in `corpus`.
        runs: number of inputs of the short test.
    """
    rust_binary(
        name = name,
        testonly = True,
        srcs = ["src/{}.rs".format(name)],
        edition = "2021",
        rustc_flags = LINT_FLAGS + FUZZ_FLAGS,
        deps = [
            ":agent",
            ":fuzzing",
            ":libfuzzer",
            ":protocol",
            "@crates//:base64",
            "@crates//:serde_json",
        ],
    )
    corpus = native.glob(["corpus/{}/*".format(name)])
    for suffix, options, tags in [
        ("test", "-runs={}".format(runs), []),
        ("long_test", "-max_total_time=150", ["manual"]),
    ]:
        pytest_test(
            name = "{}_{}".format(name, suffix),
            size = "medium",
            srcs = ["fuzz_test.py"],
            args = ["-s"],
            data = [name] + corpus,
            env = {
                "FUZZ_CORPUS": " ".join(["$(rootpath {})".format(file) for file in corpus]),
                "FUZZ_OPTIONS": options,
                "FUZZ_TARGET": "$(rootpath {})".format(name),
            },
            tags = tags,
        )
