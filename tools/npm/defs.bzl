"""Rule: npm packages for guests."""

load("//tools/npm/private:guest_npm_packages.bzl", _GuestNpmPackagesInfo = "GuestNpmPackagesInfo", _guest_npm_packages = "guest_npm_packages")

GuestNpmPackagesInfo = _GuestNpmPackagesInfo
guest_npm_packages = _guest_npm_packages
