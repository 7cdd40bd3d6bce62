"""Test that every image has the tools that hosts rely on, by using each of them."""

from __future__ import annotations

import base64
import io
import zipfile

import pytest

from tests.boot.guest import Booted

# By name: code and its output.
_USES = {
    "bash": ("bash -c 'a=(x y); echo ${a[1]}'", "y"),
    "bc": ("echo '2^10' | bc", "1024"),
    "diff": ("cd $(mktemp -d) && echo a > 1 && echo b > 2; diff 1 2 | tail -1", "> b"),
    "env": ("env -i A=1 env", "A=1"),
    "file": ("file -b --mime-type /usr/bin/bash", "application/x-pie-executable"),
    "find": ("find /etc -name hostname", "/etc/hostname"),
    "gawk": ("echo 'a b' | gawk '{print $2}'; echo 'c d' | awk '{print $1}'", "b\nc"),
    "git": (
        "cd $(mktemp -d) && git init -q -b main . && echo hi > f && git add f"
        " && git -c user.name=n -c user.email=e@x commit -qm first"
        " && git clone -q . copy && git -C copy log --format=%s",
        "first",
    ),
    "grep": ("printf 'a1\\nb2\\n' | grep -P '\\d' | grep -c .", "2"),
    "gzip": ("echo packed | gzip | gzip -dc", "packed"),
    "hostname": ("hostname", "sandbox"),
    "ip": ("ip -brief address show dev lo | cut -d' ' -f1", "lo"),
    "jq": ("echo '{\"a\": [1, 2]}' | jq -c .a", "[1,2]"),
    "less": ("echo page | less", "page"),
    "losetup": ("losetup --version | cut -d' ' -f1", "losetup"),
    "ls": ("ls -d /usr/bin", "/usr/bin"),
    "make": ("cd $(mktemp -d) && printf 'all:\\n\\t@echo made\\n' > Makefile && make", "made"),
    "mkfs.ext4": (
        "cd $(mktemp -d) && truncate -s 16M disk && /sbin/mkfs.ext4 -q disk && file -b disk | grep -o ext4",
        "ext4",
    ),
    "mount": ("mount -V | cut -d' ' -f1; umount -V | cut -d' ' -f1", "mount\numount"),
    "nc": ("nc -l 127.0.0.1 8098 & until echo hi | nc -N 127.0.0.1 8098 2>/dev/null; do :; done; wait", "hi"),
    "patch": (
        "cd $(mktemp -d) && echo a > f && printf -- '--- f\\n+++ f\\n@@ -1 +1 @@\\n-a\\n+b\\n' | patch -s f && cat f",
        "b",
    ),
    "ps": ("ps -o comm= -p $$", "bash"),
    "sed": ("echo abc | sed -E 's/(b)/<\\1>/'", "a<b>c"),
    "sh": ("sh -c 'echo $0'", "sh"),
    "sha256sum": ("printf '' | sha256sum | cut -c1-8", "e3b0c442"),
    "tar": ("cd $(mktemp -d) && echo x > f && tar czf a.tgz f && rm f && tar xzf a.tgz && cat f", "x"),
    "tree": ("cd $(mktemp -d) && mkdir a && tree -i --noreport", ".\na"),
    "vi": (
        "cd $(mktemp -d) && printf 'a\\nb\\n' > f && printf 'dd:wq\\r' | TERM=xterm-256color vi f > screen; cat f",
        "b",
    ),
    "xz": ("echo packed | xz | xz -dc", "packed"),
    "zip": ("cd $(mktemp -d) && echo x > f && zip -q a.zip f && unzip -p a.zip", "x"),
    "zstd": ("echo packed | zstd -q | zstd -dc", "packed"),
}


@pytest.mark.parametrize("tool", sorted(_USES))
def test_tool_works(booted: Booted, tool: str) -> None:
    code, expected = _USES[tool]
    result = booted.run("raw", code)
    assert (result.stderr, result.stdout.strip(), result.exit_code) == ("", expected, 0)


def test_unzip_works(booted: Booted) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr("directory/file", "zipped\n")
    data = base64.b64encode(archive.getvalue()).decode()
    result = booted.run(
        "raw", f"cd $(mktemp -d) && echo {data} | base64 -d > a.zip && unzip -q a.zip && cat directory/file"
    )
    assert (result.stderr, result.stdout) == ("", "zipped\n")


def test_curl_fetches_from_a_local_server(booted: Booted) -> None:
    # gawk's sockets are the only server in every image.
    server = (
        'BEGIN { s = "/inet/tcp/8099/0/0"; s |& getline line; print line;'
        ' printf "HTTP/1.0 200 OK\\r\\nContent-Length: 7\\r\\n\\r\\nserved\\n" |& s; close(s) }'
    )
    code = (
        f"gawk '{server}' & curl -sS --retry 1000 --retry-delay 1 --retry-connrefused http://127.0.0.1:8099/path; wait"
    )
    result = booted.run("raw", code)
    # Two programs write, in no fixed order.
    assert sorted(result.stdout.split()) == sorted(["GET", "/path", "HTTP/1.1", "served"]), result


def test_git_and_curl_speak_https(booted: Booted) -> None:
    code = "curl -V | grep -o https; git ls-remote https://127.0.0.1:9/x 2>&1 | grep -o 'Failed to connect'"
    assert booted.run("raw", code).stdout.split("\n")[:2] == ["https", "Failed to connect"]


def test_root_certificates_are_installed(booted: Booted) -> None:
    assert int(booted.run("raw", "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt").stdout) > 100


def test_ping_is_installed(booted: Booted) -> None:
    assert "iputils" in booted.run("raw", "ping -V").stdout


def test_no_file_is_setuid(booted: Booted) -> None:
    assert booted.run("raw", "find / -xdev -type f -perm /6000 2>/dev/null").stdout == ""


def test_no_link_of_the_image_is_broken(booted: Booted) -> None:
    # The directory of JavaScript packages exists only after an installation.
    code = "find / -xdev -xtype l -not -path /home/node_modules 2>/dev/null"
    assert booted.run("raw", code).stdout == ""


def test_mtab_has_the_mounts(booted: Booted) -> None:
    assert booted.run("raw", "awk '$2 == \"/tmp\" { print $3 }' /etc/mtab").stdout == "tmpfs\n"


def test_time_zones_are_installed_and_local_time_is_utc(booted: Booted) -> None:
    code = "date -d @0 +%Z%H; TZ=Europe/Berlin date -d @0 +%Z%H; cat /etc/timezone; readlink -f /etc/localtime"
    assert booted.run("raw", code).stdout.split() == ["UTC00", "CET01", "Etc/UTC", "/usr/share/zoneinfo/Etc/UTC"]
