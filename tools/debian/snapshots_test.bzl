"""Tests of where pinned packages are downloaded."""

load("@bazel_skylib//lib:unittest.bzl", "asserts", "unittest")
load("//tools/debian/private:download.bzl", "urls_of")
load("//tools/debian/private:lock.bzl", "snapshots_of")

def _snapshots_of_test_impl(ctx):
    env = unittest.begin(ctx)
    for releases, snapshots in [
        ({}, {}),
        ({"sid": "Fri, 30 Oct 2026 08:08:01 UTC"}, {"debian": "20261031T080801Z"}),
        # The newest date of each archive.
        (
            {
                "trixie": "Sat, 21 Nov 2026 09:15:44 UTC",
                "trixie-security": "Sat, 31 Oct 2026 11:22:38 UTC",
                "trixie-updates": "Mon, 23 Nov 2026 08:10:14 UTC",
            },
            {"debian": "20261124T081014Z", "debian-security": "20261101T112238Z"},
        ),
        ({"sid": "Thu, 31 Dec 2026 23:59:59 UTC"}, {"debian": "20270101T235959Z"}),
        ({"sid": "Sat, 28 Feb 2026 00:00:00 UTC"}, {"debian": "20260301T000000Z"}),
        ({"sid": "Mon, 28 Feb 2028 00:00:00 UTC"}, {"debian": "20280229T000000Z"}),
        ({"sid": "2026-10-30"}, {}),
    ]:
        asserts.equals(env, snapshots, snapshots_of(releases))
    return unittest.end(env)

_ARCHIVES = {
    "DEBIAN_MIRROR": "http://a.example/debian",
    "DEBIAN_SECURITY_MIRROR": "http://b.example/security",
    "DEBIAN_SNAPSHOT": "http://c.example/archive",
}

def _urls_of_test_impl(ctx):
    env = unittest.begin(ctx)
    snapshots = {"debian-security": "20261124T081014Z"}
    asserts.equals(
        env,
        [
            "http://b.example/security/pool/x_1%2Bb%7E1.deb",
            "http://c.example/archive/debian-security/20261124T081014Z/pool/x_1%2Bb%7E1.deb",
        ],
        urls_of({"archive": "debian-security", "path": "pool/x_1+b~1.deb"}, _ARCHIVES, snapshots),
    )

    # Of a lock without dates.
    asserts.equals(env, ["http://a.example/debian/x.deb"], urls_of({"archive": "debian", "path": "x.deb"}, _ARCHIVES, snapshots))
    return unittest.end(env)

snapshots_of_test = unittest.make(_snapshots_of_test_impl)
urls_of_test = unittest.make(_urls_of_test_impl)
