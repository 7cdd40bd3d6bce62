"""Analysis test: a target that mixes architectures fails, and says which."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _mismatch_test_impl(ctx):
    env = analysistest.begin(ctx)
    for word in ["aarch64", "x86_64"] + ctx.attr.names:
        asserts.expect_failure(env, word)
    return analysistest.end(env)

mismatch_test = analysistest.make(
    _mismatch_test_impl,
    doc = "Passes if analysing `target_under_test` fails with an error that names both architectures and `names`.",
    attrs = {"names": attr.string_list(doc = "Further words that the error must have.")},
    expect_failure = True,
)
