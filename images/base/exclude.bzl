"""Files of packages that no image has: patterns, each with its reason.

A pattern is matched against whole paths, relative to the root; `*` matches any characters, slashes too.
"""

EXCLUDE = {
    "etc/update-motd.d/*": "nobody logs in",
    "usr/include/*": "headers; no compiler is in the image",
    "usr/lib/*/gconv/*": "character sets besides UTF-8, which glibc has built in",
    "usr/lib/*/perl*": "Perl is not in the image",
    "usr/share/bash-completion/*": "for people at a prompt",
    "usr/share/bug/*": "for reportbug",
    "usr/share/doc-base/*": "documentation",
    "usr/share/doc/*": "documentation; the licences are in the SBOM",
    "usr/share/i18n/*": "sources of locales; C.UTF-8 is built already",
    "usr/share/info/*": "documentation",
    "usr/share/lintian/*": "for packagers",
    "usr/share/locale/*": "translations",
    "usr/share/man/*": "documentation",
    "usr/share/menu/*": "desktop menus",
    "usr/share/perl*": "Perl is not in the image",
    "usr/share/pixmaps/*": "icons",
}
