"""Tests of messages about updating a lock."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/debian/private:lock.bzl", "how_to_update")

def _how_to_update_test_impl(ctx):
    env = unittest.begin(ctx)
    asserts.equals(
        env,
        "update the lock with: ./bazelw run //:lock -- --only=x",
        how_to_update("x", "sandbox_images", is_root = True),
    )
    asserts.equals(
        env,
        "update the lock with: bazel run @sandbox_images//:lock -- --only=x",
        how_to_update("x", "other", is_root = True),
    )

    # The tool would not find the request in the workspace.
    asserts.false(env, ":lock" in how_to_update("x", "sandbox_images", is_root = False))
    return unittest.end(env)

how_to_update_test = unittest.make(_how_to_update_test_impl)
