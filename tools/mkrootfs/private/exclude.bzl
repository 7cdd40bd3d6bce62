"""Files of packages that every image excludes, each with its reason; `!` begins a pattern of files to keep."""

EXCLUDE = {
    "usr/share/doc/**": "documentation",
    "usr/share/doc-base/**": "documentation",
    "usr/share/info/**": "documentation",
    "usr/share/man/**": "documentation",
    "usr/share/locale/**": "translated messages; guests run in C.UTF-8",
    "usr/share/bug/**": "read by Debian's bug reporter only",
    "usr/share/lintian/**": "read by Debian's package checker only",
    "usr/share/linda/**": "read by Debian's package checker only",
    "usr/share/menu/**": "no desktop",
    "usr/share/applications/**": "no desktop",
    "usr/share/pixmaps/**": "no desktop",
    "usr/share/bash-completion/**": "no user types in a sandbox",
    "usr/share/zsh/**": "no user types in a sandbox",
    "usr/share/fish/**": "no user types in a sandbox",
    "usr/lib/systemd/**": "no systemd: the agent is process 1",
    "etc/init.d/**": "no init scripts: the agent is process 1",
    "etc/systemd/**": "no systemd: the agent is process 1",
    "etc/cron.*/**": "no cron",
    "etc/logrotate.d/**": "no logrotate",
    "!usr/share/doc/*/copyright": "licences go with the software",
}
