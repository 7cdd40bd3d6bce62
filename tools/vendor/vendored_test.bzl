"""Tests of the names of files in a vendor directory."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load(":vendored.bzl", "digest_of")

def _digest_of_test_impl(ctx):
    env = unittest.begin(ctx)

    # Of no bytes at all.
    for integrity, algorithm, digest in [
        (
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "sha256",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        (
            "sha384-OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb",
            "sha384",
            "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
        ),
        (
            "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==",
            "sha512",
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
        ),
    ]:
        asserts.equals(env, (algorithm, digest), digest_of(integrity))
    return unittest.end(env)

digest_of_test = unittest.make(_digest_of_test_impl)
