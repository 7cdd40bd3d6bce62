"""Files of packages that no image here has, beyond those that no image at all has (//tools/mkrootfs:exclusions.json).

Globs of paths relative to the root, each with its reason; `**` matches slashes too.
"""

EXCLUDE = {
    "etc/update-motd.d/**": "nobody logs in",
    "usr/include/**": "headers; no compiler is in the image",
    "usr/lib/*/gconv/**": "character sets besides UTF-8, which glibc has built in",
    "usr/lib/git-core/git-*svn*": "needs Perl, which is not in the image",
    "usr/share/i18n/**": "sources of locales; C.UTF-8 is built already",
    "usr/share/perl*/**": "Perl is not in the image",
}
