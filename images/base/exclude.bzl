"""Files of packages that no image here has, beyond those that no image at all has (//tools/mkrootfs:exclusions.json).

Globs of paths relative to the root, each with its reason; `**` matches slashes too. A library that a program of the image
still needs cannot be left out: the build fails and names both. What a variant's own packages bring is in `VARIANTS`.
"""

EXCLUDE = {
    "etc/bash_completion.d/**": "nobody types in a sandbox",
    "etc/update-motd.d/**": "nobody logs in",
    "usr/bin/git-shell": "a login shell for servers of repositories",
    "usr/bin/iconv": "character sets besides UTF-8 are not in the image",
    "usr/bin/localedef": "makes locales; C.UTF-8 is built already",
    "usr/bin/pinky": "nobody logs in",
    "usr/bin/scalar": "git for very large repositories with file system monitors",
    "usr/bin/unzipsfx": "the head of archives that unpack themselves",
    "usr/bin/uptime": "needs libsystemd to count logins; /proc/uptime says the same",
    "usr/bin/users": "nobody logs in",
    "usr/bin/who": "nobody logs in",
    "usr/include/**": "headers; no compiler is in the image",
    "usr/lib/*/audit/**": "a debugger's helpers",
    "usr/lib/*/gconv/**": "character sets besides UTF-8, which glibc has built in",
    "usr/lib/*/krb5/**": "plugins of Kerberos, which nobody configures",
    "usr/lib/*/libc_malloc_debug.so*": "a debugger's helper",
    "usr/lib/*/libexpatw.so*": "expat for wide characters, which nothing uses",
    "usr/lib/*/libmemusage.so": "a debugger's helper",
    "usr/lib/*/libmvec.so*": "vector mathematics; only programs compiled for it load it, and none of these is",
    "usr/lib/*/libnsl.so*": "NIS, of no use in a sandbox",
    "usr/lib/*/libnss_compat.so*": "NIS, of no use in a sandbox",
    "usr/lib/*/libnss_hesiod.so*": "Hesiod, of no use in a sandbox",
    "usr/lib/*/libpcprofile.so": "a debugger's helper",
    "usr/lib/*/libthread_db.so*": "a debugger's helper",
    "usr/lib/git-core/git": "the same bytes as usr/bin/git; images/base links it",
    "usr/lib/git-core/git-daemon": "serves repositories",
    "usr/lib/git-core/git-http-backend": "serves repositories",
    "usr/lib/git-core/git-http-fetch": "fetches packs from addresses in a server's answer, off by default",
    "usr/lib/git-core/git-http-push": "pushes by WebDAV, which servers have given up",
    "usr/lib/git-core/git-imap-send": "sends patches to a mail server's drafts",
    "usr/lib/git-core/git-instaweb": "starts a web server that is not in the image",
    "usr/lib/git-core/git-sh-i18n--envsubst": "1 MB for the messages of git-merge-octopus",
    "usr/lib/git-core/git-shell": "a login shell for servers of repositories",
    "usr/lib/git-core/git-*svn*": "needs Perl, which is not in the image",
    "usr/lib/git-core/scalar": "git for very large repositories with file system monitors",
    "usr/sbin/iconvconfig": "character sets besides UTF-8 are not in the image",
    "usr/sbin/ldconfig": "writes ld.so.cache, which the image has not: the loader looks in its own folders",
    "usr/share/gcc/**": "a debugger's helpers",
    "usr/share/gdb/**": "a debugger's helpers",
    "usr/share/git-core/contrib/**": "needs Perl, which is not in the image",
    "usr/share/gitweb/**": "a web page of repositories",
    "usr/share/i18n/**": "sources of locales; C.UTF-8 is built already",
    "usr/share/perl*/**": "Perl is not in the image",
}

# node compresses answers of its web servers by it.
_NO_BROTLI_ENCODER = {"usr/lib/*/libbrotlienc.so*": "compresses; curl only unpacks"}

VARIANTS = {
    "node": {
        "usr/lib/*/libicuio.so*": "streams of C++, which node does not use",
        "usr/lib/*/libicutest.so*": "ICU's own tests",
        "usr/lib/*/libicutu.so*": "for ICU's own tools",
        "usr/local/lib/node_modules/npm/node_modules/node-gyp/gyp/**": "compiles parts of packages in C; no compiler is in the image",
        "usr/local/lib/node_modules/npm/docs/**": "documentation",
        "usr/local/lib/node_modules/npm/man/**": "documentation",
        "usr/local/lib/node_modules/npm/**/CHANGELOG.md": "documentation",
        "usr/local/lib/node_modules/npm/**/README.md": "documentation",
        "usr/local/lib/node_modules/npm/**/*.d.ts": "types, for compilers of TypeScript",
        "usr/local/lib/node_modules/npm/**/*.map": "for debuggers of what was made smaller",
        "usr/share/nodejs/**/*.d.ts": "types, for compilers of TypeScript",
        "usr/share/nodejs/**/*.map": "for debuggers of what was made smaller",
        "usr/share/nodejs/@types/**": "types, for compilers of TypeScript",
    },
    "python": _NO_BROTLI_ENCODER | {
        "usr/lib/python3*/lib-dynload/_ctypes_test.*": "python's own tests",
        "usr/lib/python3*/lib-dynload/_dbm.*": "needs Berkeley DB; `dbm` has two other back ends",
        "usr/lib/python3*/lib-dynload/_test*": "python's own tests",
        "usr/lib/python3*/lib-dynload/_xxtestfuzz.*": "python's own tests",
        "usr/lib/python3*/lib-dynload/xx*": "examples for authors of modules",
        "usr/lib/python3*/config-*/**": "for linking programs with python; no compiler is in the image",
        "usr/lib/python3*/pydoc_data/topics.py": "chapters of the manual, for help() at a prompt",
        "usr/lib/python3*/test/**": "python's own tests",
        "usr/lib/python3*/turtledemo/**": "no display",
        "usr/lib/python3*/turtle.py": "no display",
    },
    "raw": _NO_BROTLI_ENCODER,
}

_NOT_ON_THE_WEB = "an encoding that TextDecoder has not (https://encoding.spec.whatwg.org)"

# Items of ICU's data that an image has not, by globs of their names. All languages, scripts and zones stay.
ICU = {
    "node": {
        "*.spp": "profiles of network protocols' strings, which JavaScript does not reach",
        "brkitr/line*": "breaks of lines, which Intl.Segmenter has not",
        "cns-11643-*": _NOT_ON_THE_WEB,
        "confusables.cfu": "finds look-alike names, which JavaScript does not reach",
        "euc-tw-*": _NOT_ON_THE_WEB,
        "ibm-1363_*": _NOT_ON_THE_WEB,
        "ibm-1364_*": _NOT_ON_THE_WEB,
        "ibm-1371_*": _NOT_ON_THE_WEB,
        "ibm-1375_*": _NOT_ON_THE_WEB,
        "ibm-1388_*": _NOT_ON_THE_WEB,
        "ibm-1390_*": _NOT_ON_THE_WEB,
        "ibm-1399_*": _NOT_ON_THE_WEB,
        "ibm-33722_*": _NOT_ON_THE_WEB,
        "ibm-5471_*": _NOT_ON_THE_WEB,
        "ibm-93?_*": _NOT_ON_THE_WEB,
        "ibm-949_*": _NOT_ON_THE_WEB,
        "ibm-954_*": _NOT_ON_THE_WEB,
        "ibm-964_*": _NOT_ON_THE_WEB,
        "icu-internal-compound-*": _NOT_ON_THE_WEB,
        "translit/**": "from script to script, which JavaScript does not reach",
        "unames.icu": "names of characters, which JavaScript does not reach",
    },
}
