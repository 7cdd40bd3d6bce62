"""Test the tools that only the bun images have."""

from __future__ import annotations

import json

from tests.boot.guest import Booted

_LANGUAGE = """
import { join } from "path"
const { sep } = require("node:path")
interface Answer { n: number }
const answer: Answer = { n: await Promise.resolve(42) }
console.log(answer.n, join("a", "b"), sep, typeof Bun.version)
"""


def test_bun_has_version_of_its_package(booted: Booted) -> None:
    result = booted.run("raw", "bun --version; cat /usr/local/lib/node_modules/@oven/*/package.json")
    version, _, description = result.stdout.partition("\n")
    assert (result.stderr, version) == ("", json.loads(description)["version"])
    architecture = {"aarch64": "arm64", "x86_64": "x64"}[booted.machine.guest.architecture]
    assert booted.run("javascript", "console.log(process.arch)").stdout == architecture + "\n"


def test_typescript_runs_with_import_and_require(booted: Booted) -> None:
    result = booted.run("javascript", _LANGUAGE)
    assert (result.stderr, result.stdout) == ("", "42 a/b / string\n")


def test_uncaught_error_has_exit_code_1(booted: Booted) -> None:
    result = booted.run("javascript", "null.length")
    assert result.exit_code == 1
    assert "TypeError" in result.stderr


def test_server_and_fetch_of_bun_work(booted: Booted) -> None:
    code = """
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("served") })
    console.log(await (await fetch(server.url)).text())
    server.stop(true)
    """
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "served\n")


def test_bun_knows_root_certificates(booted: Booted) -> None:
    code = 'console.log(require("node:tls").rootCertificates.length > 100)'
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "true\n")


# A registry with one package, on the guest's loopback.
_REGISTRY = """
import { mkdirSync, readFileSync, writeFileSync } from "fs"
const address = "http://127.0.0.1:8097/"
mkdirSync("/tmp/registry/package", { recursive: true })
const description = { name: "greeting", version: "1.0.0" }
writeFileSync("/tmp/registry/package/package.json", JSON.stringify(description))
writeFileSync("/tmp/registry/package/index.js", "console.log('hello from a package')\\n")
require("child_process").execSync("tar -C /tmp/registry -czf /tmp/registry/package.tgz package")
writeFileSync("/home/user/.npmrc", `registry=${address}\\n`)
const archive = readFileSync("/tmp/registry/package.tgz")
const integrity = "sha512-" + new Bun.CryptoHasher("sha512").update(archive).digest("base64")
const version = { ...description, dist: { tarball: address + "greeting/-/greeting-1.0.0.tgz", integrity } }
const answers: Record<string, BodyInit> = {
    "/greeting": JSON.stringify({ name: "greeting", "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }),
    "/greeting/-/greeting-1.0.0.tgz": archive,
}
Bun.serve({
    port: 8097,
    hostname: "127.0.0.1",
    fetch: request => {
        const found = answers[new URL(request.url).pathname]
        return new Response(found ?? "{}", { status: found ? 200 : 404 })
    },
})
"""

_SERVES = "curl -sf http://127.0.0.1:8097/greeting >/dev/null"
_CLEAN = "rm -rf ~/.bun ~/.npmrc /opt/packages/javascript/* /tmp/registry"


def test_package_installs_from_registry(booted: Booted) -> None:
    result = booted.install_beside("javascript", "greeting@1.0.0", _REGISTRY, _SERVES)
    assert result.exit_code == 0, result.stderr
    result = booted.run("javascript", "require('greeting')")
    assert (result.stderr, result.stdout) == ("", "hello from a package\n")
    assert booted.run("raw", _CLEAN).exit_code == 0
