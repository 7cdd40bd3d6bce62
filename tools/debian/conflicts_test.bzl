"""Tests of conflicts between packages of one tree."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/debian/private:conflicts.bzl", "find_conflict", "listed_files")

def _conflicts_test_impl(ctx):
    env = unittest.begin(ctx)
    files = listed_files("0123  usr/bin/x\n4567  usr/share/doc/a  b\n", "/etc/x.conf\nremove-on-upgrade /etc/old\n")
    asserts.equals(env, ["usr/bin/x", "usr/share/doc/a  b", "etc/x.conf"], files)
    asserts.equals(env, [], listed_files("", ""))

    owners = {}
    asserts.equals(env, None, find_conflict(owners, "a_amd64.deb", files, []))
    asserts.equals(env, None, find_conflict(owners, "b_amd64.deb", ["usr/bin/y", "usr/share/doc/a  b"], ["usr/share/doc"]))
    asserts.equals(
        env,
        "both a_amd64.deb and c_amd64.deb have etc/x.conf: exclude one of them (`exclude` of the tag in MODULE.bazel)",
        find_conflict(owners, "c_amd64.deb", ["etc/x.conf"], ["usr/share/doc"]),
    )
    return unittest.end(env)

conflicts_test = unittest.make(_conflicts_test_impl)
