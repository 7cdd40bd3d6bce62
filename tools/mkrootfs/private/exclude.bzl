"""Files of packages that no image has, each with its reason; `!` begins a pattern of files that stay."""

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
    "usr/share/bash-completion/**": "nobody types in a sandbox",
    "usr/share/zsh/**": "nobody types in a sandbox",
    "usr/share/fish/**": "nobody types in a sandbox",
    "usr/lib/systemd/**": "no systemd: the agent is process 1",
    "etc/init.d/**": "no init scripts: the agent is process 1",
    "etc/systemd/**": "no systemd: the agent is process 1",
    "etc/cron.*/**": "no cron",
    "etc/logrotate.d/**": "no logrotate",
    "!usr/share/doc/*/copyright": "licences go with the software",
}
