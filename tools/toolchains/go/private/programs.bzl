"""Repository rule: a program from Go modules, built by the locked compiler."""

# Modules come from where the machine's own go takes them (GOPROXY and go's configuration file); go.sum pins what they
# hold, so that it does not matter where that is.
_ENVIRONMENT = {
    # One static program that runs with any libc.
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -modcacherw",
    # Neither another version of go, nor settings of another workspace.
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
}

# Flags that keep paths and time out of the program.
_FLAGS = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid="]

def _go_program_impl(rctx):
    go = rctx.path(rctx.attr._go)
    rctx.symlink(rctx.attr.mod, "module/go.mod")
    rctx.symlink(rctx.attr.sum, "module/go.sum")
    rctx.report_progress("Building {} with go".format(rctx.attr.package))
    built = rctx.execute(
        [go, "build"] + _FLAGS + ["-o", rctx.path(rctx.attr.program), rctx.attr.package],
        environment = _ENVIRONMENT | {
            "GOCACHE": str(rctx.path("cache")),
            "GOMODCACHE": str(rctx.path("modules")),
            "GOROOT": str(go.dirname.dirname),
        },
        timeout = 1800,
        working_directory = "module",
    )
    if built.return_code:
        fail("{}: go did not build it: {}".format(rctx.attr.package, built.stderr.strip().replace("\n", "; ")))
    for folder in ["cache", "modules"]:
        rctx.delete(folder)
    rctx.file("BUILD.bazel", 'exports_files(["{}"])\n'.format(rctx.attr.program))

go_program = repository_rule(
    doc = "A statically linked Go program, for the machine that Bazel runs on.",
    implementation = _go_program_impl,
    attrs = {
        "mod": attr.label(doc = "`go.mod` that pins the versions of the program's modules.", mandatory = True),
        "package": attr.string(doc = "Go package of the program.", mandatory = True),
        "program": attr.string(doc = "Name of the file.", mandatory = True),
        "sum": attr.label(doc = "`go.sum` that pins the modules' contents.", mandatory = True),
        "_go": attr.label(default = "@go_host//:usr/lib/go-1.24/bin/go", doc = "The locked compiler."),
    },
    environ = ["GOPROXY", "GONOSUMDB", "GOPRIVATE", "GOINSECURE"],
)
