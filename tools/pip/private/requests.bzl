"""Repository rule: the requests of MODULE.bazel as a file, for the lock tool."""

load(":index.bzl", "indexes")

def _python_requests_impl(rctx):
    rctx.file("requests.json", json.encode_indent({
        "indexes": indexes(rctx),
        "requests": json.decode(rctx.attr.requests),
    }), executable = False)
    rctx.file("BUILD.bazel", "exports_files([\"requests.json\"])\n")

python_requests = repository_rule(
    doc = "`:requests.json`: the machine's package indexes, and a dict from a request's name to its attributes.",
    implementation = _python_requests_impl,
    attrs = {"requests": attr.string(doc = "JSON of the requests.", mandatory = True)},
    configure = True,
    # The machine's indexes may change without a change of the rule's inputs.
    local = True,
)
