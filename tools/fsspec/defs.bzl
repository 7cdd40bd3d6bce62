"""Rule: a description of a filesystem tree, which every packer reads."""

load("//tools/fsspec/private:filesystem_spec.bzl", _FilesystemSpecInfo = "FilesystemSpecInfo", _filesystem_spec = "filesystem_spec")

FilesystemSpecInfo = _FilesystemSpecInfo
filesystem_spec = _filesystem_spec
