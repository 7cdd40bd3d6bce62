"""Test which Debian archive a machine uses, with source lists of real machines under other host names."""

from __future__ import annotations

import pathlib
import subprocess

import pytest

_DIRECTORY = pathlib.Path("MODULE.bazel").resolve().parent / "tools/debian"
_DEBIAN = "http://debian.example/debian"
_SECURITY = "http://debian.example/debian-security"

# The source lists of Debian's images since release 12.
_DEBIAN_SOURCES = """\
Types: deb
# http://snapshot.example/archive/debian/20250520T000000Z
URIs: http://debian.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://debian.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

# The source list of Debian's installer.
_DEBIAN_LIST = """\
#deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_ - Official amd64 NETINST with firmware 20240210-11:27]/ bookworm main

deb http://debian.example/debian/ bookworm main non-free-firmware
deb-src http://debian.example/debian/ bookworm main non-free-firmware

deb http://debian.example/debian-security bookworm-security main non-free-firmware

# bookworm-updates, to get updates before a point release is made;
deb http://debian.example/debian/ bookworm-updates main non-free-firmware
"""

# Each resembles Debian's archive in another way. It is read before `debian.sources` or together with `sources.list`.
_VENDORS = {
    "a-container-engine.list": (
        "deb [arch=amd64 signed-by=/etc/apt/keyrings/engine.asc] https://vendor.example/linux/debian bookworm stable\n"
    ),
    "a-server.list": (
        "deb [signed-by=/usr/share/keyrings/server-archive-keyring.gpg] "
        "https://vendor.example/public/server/deb/debian any-version main\n"
    ),
    "a-vpn.list": (
        "deb [signed-by=/usr/share/keyrings/vpn-archive-keyring.gpg] "
        "https://vendor.example/stable/debian bookworm main\n"
    ),
    "a-small-computer.list": "deb http://vendor.example/debian/ bookworm main\n",
    "a-dashboard.list": "deb https://vendor.example stable main\n",
    "a-browser.sources": (
        "Types: deb\nURIs: https://vendor.example/debian\nSuites: trixie\nComponents: main\nSigned-By:\n"
        " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBGQ\n -----END PGP PUBLIC KEY BLOCK-----\n"
    ),
    "a-runtime.sources": (
        "Types: deb\nURIs: https://vendor.example/node_20.x\nSuites: nodistro\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/runtime.gpg\n"
    ),
    "a-database.sources": (
        "X-Repolib-Name: Database\nTypes: deb\nURIs: https://vendor.example/repo/server/repo/debian\nSuites: bookworm\n"
        "Components: main\nSigned-By: /etc/apt/keyrings/database.pgp\n"
    ),
    "a-build-machine.list.disabled": "deb http://disabled.example/debian bookworm main\n",
}


def _below(directory: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{directory}/{name}": text for name, text in files.items()}


def _find(directory: pathlib.Path, **environment: str) -> dict[str, str]:
    done = subprocess.run(
        [str(_DIRECTORY / "find_archives"), str(directory)],
        env={"PATH": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def _defaults() -> dict[str, str]:
    lines = (_DIRECTORY / "archives.conf").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def _write(directory: pathlib.Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # No translation: some files have line ends of other systems.
        path.write_bytes(text.encode())


@pytest.mark.parametrize(
    ("files", "debian", "security"),
    [
        pytest.param({"sources.list.d/debian.sources": _DEBIAN_SOURCES}, _DEBIAN, _SECURITY, id="deb822"),
        pytest.param({"sources.list": _DEBIAN_LIST}, _DEBIAN, _SECURITY, id="one-line"),
        pytest.param(
            _below("sources.list.d", _VENDORS | {"debian.sources": _DEBIAN_SOURCES}),
            _DEBIAN,
            _SECURITY,
            id="vendors beside deb822",
        ),
        pytest.param(
            _below("sources.list.d", _VENDORS) | {"sources.list": _DEBIAN_LIST},
            _DEBIAN,
            _SECURITY,
            id="vendors beside one-line",
        ),
        pytest.param(
            _below("sources.list.d", _VENDORS | {"debian.list": _DEBIAN_LIST}),
            _DEBIAN,
            _SECURITY,
            id="vendors read before one-line",
        ),
        pytest.param(
            {"sources.list": "deb http://debian.example/debian bookworm main\n"}, _DEBIAN, None, id="debootstrap"
        ),
        pytest.param(
            {"sources.list": "deb\thttp://debian.example/debian\tbookworm\tmain\tcontrib\n"}, _DEBIAN, None, id="tabs"
        ),
        pytest.param(
            {"sources.list": "  deb http://debian.example/debian sid contrib main # the usual\r\n"},
            _DEBIAN,
            None,
            id="indented, commented, carriage return",
        ),
        pytest.param(
            {
                "sources.list": "deb [ arch=amd64,arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.pgp ] "
                "https://b.example/debian/ trixie main\n"
            },
            "https://b.example/debian",
            None,
            id="options in brackets",
        ),
        pytest.param(
            {"sources.list": "deb [trusted=yes]http://nexus.example/repository/apt-proxy/ trixie main\n"},
            "http://nexus.example/repository/apt-proxy",
            None,
            id="repository manager",
        ),
        pytest.param(
            {
                "sources.list": "deb http://mirror.example/pub/linux/debian/ trixie main contrib\n"
                "deb http://mirror.example/pub/linux/debian/ trixie-updates main contrib\n"
                "deb http://central.example/ trixie-security main contrib\n"
            },
            "http://mirror.example/pub/linux/debian",
            "http://central.example",
            id="country mirror without a security archive",
        ),
        pytest.param(
            {
                "sources.list": "deb http://debian.example/debian-security/ bullseye/updates main\n"
                "deb http://debian.example/debian/ bullseye main\n"
            },
            _DEBIAN,
            _SECURITY,
            id="old name of the security suite",
        ),
        pytest.param(
            {"sources.list": "deb-src http://debian.example/debian sid main\n"}, None, None, id="sources alone"
        ),
        pytest.param(
            {
                "sources.list.d/debian.sources": _DEBIAN_SOURCES.replace("http://", "http://no.").replace(
                    "Types: deb\n", "Enabled: no\nTypes: deb\n"
                ),
                "sources.list.d/mirror.sources": _DEBIAN_SOURCES,
            },
            _DEBIAN,
            _SECURITY,
            id="disabled stanzas",
        ),
        pytest.param(
            {
                "sources.list.d/debian.sources": "types: deb-src deb\r\nuris:\r\n  http://debian.example/debian\r\n"
                "# Old: \r\n  http://second.example/debian\r\nsuites:\r\n trixie\r\n trixie-updates\r\n"
                "components: contrib\r\n  main\r\n"
            },
            _DEBIAN,
            None,
            id="deb822 over several lines",
        ),
        pytest.param(
            {
                "sources.list.d/debian.sources": _DEBIAN_SOURCES.replace("http://", "mirror+file://{directory}/")
                .replace("debian.example/debian-security", "mirrors/debian-security.list")
                .replace("debian.example/debian", "mirrors/debian.list"),
                "mirrors/debian.list": "# Near.\nhttp://debian.example/debian\tpriority:1\nhttp://far.example/debian\n",
                "mirrors/debian-security.list": "http://debian.example/debian-security\n",
            },
            _DEBIAN,
            _SECURITY,
            id="images of clouds",
        ),
        pytest.param(
            {"sources.list": "deb mirror+file:{directory}/gone.list trixie main\n"},
            None,
            None,
            id="list of mirrors is gone",
        ),
        pytest.param(
            {
                "sources.list": "deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/debian bookworm main\n"
                "deb file:/srv/debian bookworm main\ndeb tor+http://debian.example/debian bookworm main\n"
            },
            None,
            None,
            id="not to be downloaded from",
        ),
        pytest.param(
            {
                "sources.list": "deb http://ubuntu.example/ubuntu/ noble main restricted\n"
                "deb http://ubuntu.example/ubuntu/ noble-updates main restricted\n"
                "deb http://ubuntu.example/ubuntu/ noble-security main restricted\n",
            }
            | _below("sources.list.d", {name: text for name, text in _VENDORS.items() if "signed" in text.lower()}),
            None,
            None,
            id="Ubuntu with vendors for Debian",
        ),
        pytest.param(
            {"sources.list": "deb http://kali.example/kali kali-rolling main contrib\n"}, None, None, id="derivative"
        ),
        pytest.param(
            {"sources.list": "deb http://old.example/debian stretch main\n"}, None, None, id="release that has ended"
        ),
        pytest.param({}, None, None, id="no apt"),
        pytest.param({"sources.list": "", "sources.list.d/x.sources": "\n\n"}, None, None, id="empty lists"),
    ],
)
def test_find_archives_finds_debian_in_source_lists(
    tmp_path: pathlib.Path, files: dict[str, str], debian: str | None, security: str | None
) -> None:
    _write(tmp_path, {name: text.replace("{directory}", str(tmp_path)) for name, text in files.items()})
    wanted = {"DEBIAN_MIRROR": debian, "DEBIAN_SECURITY_MIRROR": security}
    assert _find(tmp_path) == _defaults() | {name: uri for name, uri in wanted.items() if uri}


def test_environment_overrides_source_lists(tmp_path: pathlib.Path) -> None:
    _write(tmp_path, {"sources.list": _DEBIAN_LIST})
    found = _find(tmp_path, DEBIAN_MIRROR="https://own.example/debian/", DEBIAN_SNAPSHOT="https://own.example/then/")
    assert found == {
        "DEBIAN_MIRROR": "https://own.example/debian",
        # Not derived from the other address: few mirrors have both archives.
        "DEBIAN_SECURITY_MIRROR": _SECURITY,
        "DEBIAN_SNAPSHOT": "https://own.example/then",
    }


def test_empty_variable_is_ignored(tmp_path: pathlib.Path) -> None:
    assert _find(tmp_path, DEBIAN_MIRROR="") == _defaults()


def test_settings_have_every_address() -> None:
    assert set(_defaults()) == {"DEBIAN_MIRROR", "DEBIAN_SECURITY_MIRROR", "DEBIAN_SNAPSHOT"}
