"""Defines the macro of targets whose analysis must fail."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refused_test_impl(ctx):
    env = analysistest.begin(ctx)
    for word in ctx.attr.words:
        asserts.expect_failure(env, word)
    return analysistest.end(env)

_refused_test = analysistest.make(
    _refused_test_impl,
    doc = "Passes if analysing `target_under_test` fails with an error that has all `words`.",
    attrs = {"words": attr.string_list(doc = "Words that the error must have.", mandatory = True)},
    expect_failure = True,
)

def refused(name, rule, attributes, words):
    """Declare an invalid target, and `NAME_test`, which checks that its analysis fails.

    Args:
        name: name of the target, which is manual.
        rule: rule or macro of the target.
        attributes: dict of the rule's attributes.
        words: words that the error must contain.
    """
    rule(
        name = name,
        tags = ["manual"],
        **attributes
    )
    _refused_test(
        name = name + "_test",
        target_under_test = name,
        words = words,
    )
