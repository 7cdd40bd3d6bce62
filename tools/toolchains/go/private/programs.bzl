"""Repository rule: programs from Go modules, built by the locked compiler."""

load("@debian//:defs.bzl", "debian_label")
load("//tools/vendor:vendored.bzl", "is_vendoring", "vendor_directory")

# go downloads modules from the machine's usual source (GOPROXY and go's configuration file). go.sum pins their
# contents, so the source does not matter.
_ENVIRONMENT = {
    # Static programs that run with any libc.
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -modcacherw",
    # Neither another version of go, nor settings of another workspace.
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}

# Flags that keep paths and time out of the program.
_FLAGS = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]

def _source(rctx):
    """Return variables that make the vendor directory, if any, the only source of modules."""
    vendor = vendor_directory(rctx)
    if not vendor:
        return {}
    return {
        "GOENV": "off",
        "GONOPROXY": "",
        "GOPRIVATE": "",
        "GOPROXY": "file://{}/go".format(vendor.replace("%", "%25").replace(" ", "%20")),
        "GOSUMDB": "off",
    }

def _go(rctx, arguments):
    """Run go in the directory of `go.mod`; return its output."""
    go = rctx.path(rctx.attr._go)
    done = rctx.execute(
        [go] + arguments,
        environment = _ENVIRONMENT | _source(rctx) | {
            "GOCACHE": str(rctx.path("cache")),
            "GOMODCACHE": str(rctx.path("modules")),
            "GOROOT": str(go.dirname.dirname),
        },
        timeout = 1800,
        working_directory = "module",
    )
    if done.return_code:
        fail("{}: go {} failed: {}".format(rctx.name, arguments[0], done.stderr.strip().replace("\n", "; ")))
    return done.stdout

def _directory(rctx, module):
    """Download a module; return its directory."""
    return _go(rctx, ["mod", "download", "-json", module]).split("\"Dir\": \"")[1].split("\"")[0]

def _patch(rctx, module, patch):
    """Patch a downloaded module, after go.sum has verified it."""
    origin, _, file = patch.partition("//")  # Bazel's own patching takes some of these hunks for others.
    done = rctx.execute([
        rctx.path(rctx.attr._patch),
        "--batch",
        "--strip=0",
        "--directory=" + _directory(rctx, module),
        "--input={}/{}".format(_directory(rctx, origin), file),
    ])
    if done.return_code:
        fail("{}: {} does not apply to {}: {}".format(rctx.name, patch, module, done.stdout.strip().replace("\n", "; ")))

def _go_programs_impl(rctx):
    rctx.symlink(rctx.attr.mod, "module/go.mod")
    rctx.symlink(rctx.attr.sum, "module/go.sum")
    rctx.report_progress("Building {} with go".format(rctx.name))
    for module, patches in rctx.attr.patches.items():
        for patch in patches:
            _patch(rctx, module, patch)
    _go(rctx, ["build"] + _FLAGS + ["-o={}/".format(rctx.path("."))] + rctx.attr.packages)
    rctx.delete("cache")
    if not is_vendoring(rctx):
        rctx.delete("modules")
    programs = [package.split("/")[-1] for package in rctx.attr.packages]
    rctx.file("BUILD.bazel", "exports_files({})\n".format(repr(programs)))

go_programs = repository_rule(
    doc = "Statically linked Go programs, for the build host.",
    implementation = _go_programs_impl,
    attrs = {
        "mod": attr.label(doc = "`go.mod` that pins the versions of the programs' modules.", mandatory = True),
        "packages": attr.string_list(doc = "Go packages of the programs, each named after its last part.", mandatory = True),
        "patches": attr.string_list_dict(doc = "Modules to their patches: `MODULE//FILE`, each a file of another module."),
        "sum": attr.label(doc = "`go.sum` that pins the modules' contents.", mandatory = True),
        "_go": attr.label(default = debian_label("go_host", "usr/lib/go-1.24/bin/go"), doc = "The locked compiler."),
        "_patch": attr.label(default = debian_label("go_host", "bin/patch"), doc = "The locked patch program."),
    },
    environ = ["GOPROXY", "GONOSUMDB", "GOPRIVATE", "GOINSECURE"],
)
