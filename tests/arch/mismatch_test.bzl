"""Analysis tests: a target that mixes architectures, or takes a bare file, fails and says which."""

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

def _bare_test_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.reason)
    return analysistest.end(env)

bare_test = analysistest.make(
    _bare_test_impl,
    doc = "Passes if analysing `target_under_test` fails for `reason`: it was given a file of no known architecture.",
    attrs = {"reason": attr.string(doc = "Words that the error must have.", mandatory = True)},
    expect_failure = True,
)
