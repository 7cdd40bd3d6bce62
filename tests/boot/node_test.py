"""Test the tools that only the node images have."""

from __future__ import annotations

from tests.boot.guest import Booted


def test_node_has_architecture_of_guest(booted: Booted) -> None:
    result = booted.run("javascript", "console.log(process.arch)")
    names = {"aarch64": "arm64", "x86_64": "x64"}
    assert (result.stderr, result.stdout) == ("", names[booted.machine.guest.architecture] + "\n")


def test_node_24_strips_types_of_typescript(booted: Booted) -> None:
    assert booted.run("raw", "node --version").stdout.startswith("v24.")
    code = "const answer: number = 42\nconsole.log(answer)"
    result = booted.run("raw", f"cd $(mktemp -d) && echo '{code}' > a.ts && node a.ts")
    assert (result.stderr, result.stdout) == ("", "42\n")


def test_node_knows_root_certificates(booted: Booted) -> None:
    code = "console.log(require('tls').rootCertificates.length > 100, process.versions.openssl.length > 0)"
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "true true\n")


def test_uncaught_error_is_named(booted: Booted) -> None:
    result = booted.run("javascript", "null.length")
    assert result.exit_code == 1
    assert "TypeError" in result.stderr


def test_modules_of_node_load(booted: Booted) -> None:
    code = (
        "const names = ['crypto', 'fs', 'http', 'https', 'path', 'stream', 'url', 'worker_threads', 'zlib'];"
        "names.forEach(name => require('node:' + name));"
        "console.log(require('crypto').createHash('sha256').update('').digest('hex').slice(0, 8))"
    )
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "e3b0c442\n")


def test_fetch_reaches_local_server(booted: Booted) -> None:
    code = (
        "const server = require('http').createServer((_, answer) => answer.end('served'));"
        "server.listen(0, '127.0.0.1', async () => {"
        "  console.log(await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text());"
        "  process.exit(0)"
        "})"
    )
    result = booted.run("javascript", code)
    assert (result.stderr, result.stdout) == ("", "served\n")


def test_intl_formats_numbers_in_german(booted: Booted) -> None:
    code = "console.log(new Intl.NumberFormat('de').format(1234.5), 'straße'.toUpperCase())"
    assert booted.run("javascript", code).stdout == "1.234,5 STRASSE\n"


# Encodings that ICU's data must contain.
_ENCODINGS = """
const samples = {
    big5: 'a741 你', 'euc-jp': 'a4b3 こ', 'euc-kr': 'b0a1 가', gb18030: 'c4e3 你', gbk: 'c4e3 你', ibm866: 'e2 т',
    'iso-2022-jp': '1b244224331b2842 こ', 'iso-8859-7': 'e1 α', 'iso-8859-8': 'e0 א', 'koi8-r': 'd4 т',
    'koi8-u': 'd4 т', macintosh: '8e é', shift_jis: '82b1 こ', 'utf-16le': '6100 a', 'windows-1251': 'f2 т',
    'windows-874': 'a1 ก', 'x-mac-cyrillic': 'f2 т',
}
for (const [label, sample] of Object.entries(samples)) {
    const [bytes, text] = sample.split(' ')
    const decoded = new TextDecoder(label).decode(Buffer.from(bytes, 'hex'))
    if (decoded !== text) console.log(label, decoded, text)
}
"""

_INTL = """
const segment = (language, granularity, text) =>
    [...new Intl.Segmenter(language, { granularity }).segment(text)].map(part => part.segment).join('|')
console.log(segment('ja', 'word', '東京都に住む'), segment('th', 'word', 'ภาษาไทย'))
console.log(segment('en', 'sentence', 'A b. C d.'))
console.log(new Intl.DateTimeFormat('fr', { dateStyle: 'full', timeZone: 'Asia/Tokyo' }).format(0))
console.log(new Intl.NumberFormat('de', { style: 'unit', unit: 'liter', unitDisplay: 'long' }).format(3))
console.log(new Intl.DisplayNames('es', { type: 'region' }).of('DE'), new Intl.PluralRules('ru').select(3))
console.log(['z', 'ä', 'a'].sort(new Intl.Collator('sv').compare).join(), new URL('http://bücher.de').host)
"""


def test_text_decoder_knows_encodings_of_the_web(booted: Booted) -> None:
    result = booted.run("javascript", _ENCODINGS)
    assert (result.stderr, result.stdout) == ("", "")


def test_intl_has_data_of_all_languages(booted: Booted) -> None:
    assert booted.run("javascript", _INTL).stdout.splitlines() == [
        "東京|都|に|住む ภาษา|ไทย",
        "A b. |C d.",
        "jeudi 1 janvier 1970",
        "3 Liter",
        "Alemania few",
        "a,z,ä xn--bcher-kva.de",
    ]


# A registry with one package, on the guest's loopback.
_REGISTRY = """
const fs = require('fs'), crypto = require('crypto'), address = 'http://127.0.0.1:8097/'
fs.mkdirSync('/tmp/registry/package', { recursive: true })
const description = { name: 'greeting', version: '1.0.0', bin: { greet: 'index.js' } }
fs.writeFileSync('/tmp/registry/package/package.json', JSON.stringify(description))
fs.writeFileSync('/tmp/registry/package/index.js', "#!/usr/bin/env node\\nconsole.log('hello from a package')\\n")
require('child_process').execSync('tar -C /tmp/registry -czf /tmp/registry/package.tgz package')
fs.writeFileSync('/home/user/.npmrc', `registry=${address}\\n`)
const archive = fs.readFileSync('/tmp/registry/package.tgz')
const integrity = 'sha512-' + crypto.createHash('sha512').update(archive).digest('base64')
const version = { ...description, dist: { tarball: address + 'greeting/-/greeting-1.0.0.tgz', integrity } }
const answers = {
    '/greeting': JSON.stringify({ name: 'greeting', 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }),
    '/greeting/-/greeting-1.0.0.tgz': archive,
}
require('http').createServer((request, answer) => {
    const found = answers[request.url]
    answer.writeHead(found ? 200 : 404).end(found || '{}')
}).listen(8097, '127.0.0.1')
"""

_SERVES = "curl -sf http://127.0.0.1:8097/greeting >/dev/null"
_CLEAN = "rm -rf ~/.npm ~/.npmrc /opt/packages/javascript/* /tmp/registry"


def test_package_installs_from_registry(booted: Booted) -> None:
    result = booted.install_beside("javascript", "greeting@1.0.0", _REGISTRY, _SERVES)
    assert result.exit_code == 0, result.stderr
    result = booted.run("javascript", "require('greeting')")
    assert (result.stderr, result.stdout) == ("", "hello from a package\n")
    result = booted.run("javascript", "import('greeting')")
    assert (result.stderr, result.stdout) == ("", "hello from a package\n")
    # The package also works outside the home directory, and as a program.
    code = f"cd /tmp && echo \"require('greeting')\" > a.cjs && node a.cjs && greet; ls -A /opt/packages; {_CLEAN}"
    result = booted.run("raw", code)
    assert result.stdout == "hello from a package\n" * 2 + "javascript\npython\n", result


def test_unknown_package_fails_to_install(booted: Booted) -> None:
    result = booted.install_beside("javascript", "nonesuch@1.0.0", _REGISTRY, _SERVES)
    assert result.exit_code != 0
    assert "nonesuch" in result.stderr
    assert booted.run("raw", _CLEAN).exit_code == 0
