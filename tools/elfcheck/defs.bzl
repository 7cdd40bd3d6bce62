"""Rule: a program for guests, whose architecture is checked and part of its type.

```starlark
load("@rules_rust//rust:defs.bzl", "rust_binary")
load("@sandbox_images//tools/elfcheck:defs.bzl", "guest_binary")

rust_binary(
    name = "counter",
    srcs = ["counter.rs"],
)

guest_binary(
    name = "counter_aarch64",
    architecture = "aarch64",
    binary = ":counter",
)
```
"""

load("//tools/elfcheck/private:guest_binary.bzl", _GuestBinaryInfo = "GuestBinaryInfo", _guest_binary = "guest_binary")

GuestBinaryInfo = _GuestBinaryInfo
guest_binary = _guest_binary
