"""Rule: npm packages for guests.

```starlark
load("@sandbox_images//tools/npm:defs.bzl", "guest_npm_packages")

# `@NAME//:packages` of an `npm.archive` is such a target already.
guest_npm_packages(
    name = "packages",
    archives = ["left-pad-1.3.0.tgz"],
)
```
"""

load("//tools/npm/private:guest_npm_packages.bzl", _GuestNpmPackagesInfo = "GuestNpmPackagesInfo", _guest_npm_packages = "guest_npm_packages")

GuestNpmPackagesInfo = _GuestNpmPackagesInfo
guest_npm_packages = _guest_npm_packages
