"""Repository rule: the requests of MODULE.bazel as a file, for the lock tool."""

def _debian_requests_impl(rctx):
    rctx.file("requests.json", rctx.attr.requests)
    rctx.file("BUILD.bazel", 'exports_files(["requests.json"])\n')

debian_requests = repository_rule(
    doc = "`:requests.json`: dict from a request's name to its attributes and the path of its lock file.",
    implementation = _debian_requests_impl,
    attrs = {"requests": attr.string(doc = "The file's content.", mandatory = True)},
)
