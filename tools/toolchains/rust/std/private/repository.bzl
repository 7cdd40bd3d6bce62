"""Repository rule: crates that the standard library depends on, pinned by the library's own Cargo.lock."""

load("@debian//:defs.bzl", "debian_label")
load("//tools/toolchains/rust/private:crates.bzl", "locked_crates", "show_crates", "unpack_vendored_crates")
load("//tools/vendor:vendored.bzl", "is_vendoring", "vendor_directory")

# cargo needs a package that depends on the crates. Their optional dependencies stay out.
_PACKAGE = """\
[package]
name = "std-crates"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
"""

def _download(rctx, pins):
    """Download the crates into the directory `vendor`.

    They come from the registry of the machine's own cargo (cargo's configuration files); the checksums pin the contents,
    so the source does not matter. Debian's cargo reads no SSL_CERT_FILE, unlike all other programs that download.

    Args:
        rctx: repository context.
        pins: entries of Cargo.lock.
    """
    certificates = rctx.os.environ.get("CARGO_HTTP_CAINFO") or rctx.os.environ.get("SSL_CERT_FILE")
    got = rctx.execute(
        [rctx.path(rctx.attr._cargo), "vendor", "--quiet", "--locked", rctx.path("vendor")],
        environment = {"CARGO_HTTP_CAINFO": certificates} if certificates else {},
        timeout = 1800,
        working_directory = "package",
    )
    if got.return_code:
        fail("{}: cargo could not download the crates of the standard library: {}".format(rctx.name, got.stderr.strip().replace("\n", "; ")))
    if is_vendoring(rctx):
        show_crates(rctx, pins, rctx.os.environ.get("CARGO_HOME") or rctx.os.environ.get("HOME", "") + "/.cargo")

def _std_crates_repository_impl(rctx):
    lock = rctx.path(rctx.attr._lock)
    pins = {pin["name"].strip("\""): pin for pin in locked_crates(rctx.read(lock))}
    missing = [crate for crate in rctx.attr.crates if crate not in pins]
    if missing:
        fail("{}: {} does not pin {}: correct `crates` in tools/toolchains/rust/std/extensions.bzl".format(rctx.name, lock, ", ".join(missing)))

    entries = [
        "".join(["{} = {}\n".format(key, pins[crate][key]) for key in ["name", "version", "source", "checksum"]])
        for crate in sorted(rctx.attr.crates)
    ]
    entries.append('name = "std-crates"\nversion = "0.0.0"\ndependencies = [\n%s]\n' % "".join(
        [' "%s",\n' % crate for crate in sorted(rctx.attr.crates)],
    ))
    rctx.file("package/Cargo.lock", "version = 4\n" + "".join(["\n[[package]]\n" + entry for entry in entries]))
    rctx.file("package/Cargo.toml", _PACKAGE + "".join([
        '{} = {{ version = "={}", default-features = false }}\n'.format(crate, pins[crate]["version"].strip("\""))
        for crate in rctx.attr.crates
    ]))
    rctx.file("package/lib.rs")
    rctx.report_progress("Downloading the crates of the standard library with cargo")
    wanted = [pins[crate] for crate in rctx.attr.crates]
    if vendor_directory(rctx):
        unpack_vendored_crates(rctx, wanted, "vendor")
    else:
        _download(rctx, wanted)
    rctx.delete("package")
    rctx.template("BUILD.bazel", rctx.attr.build_file, {"%{crates}": " ".join(rctx.attr.crates)})

std_crates_repository = repository_rule(
    doc = "Sources of third-party crates, and the standard library that is built with them.",
    implementation = _std_crates_repository_impl,
    attrs = {
        "build_file": attr.label(doc = "BUILD file; %{crates} is substituted.", mandatory = True),
        "crates": attr.string_list(doc = "Names of the crates, without those that only other targets need.", mandatory = True),
        "_cargo": attr.label(default = debian_label("cargo_host", "bin/cargo"), doc = "The locked cargo."),
        "_lock": attr.label(default = debian_label("rust_src_x86_64", "library/Cargo.lock"), doc = "The pins."),
    },
)
