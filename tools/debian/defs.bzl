"""Rules for packages of the Debian archive."""

load("//tools/debian:providers.bzl", _DebianPackagesInfo = "DebianPackagesInfo", _ProgramInfo = "ProgramInfo")
load("//tools/debian/private:packages.bzl", _debian_packages = "debian_packages")
load("//tools/debian/private:program.bzl", _debian_program = "debian_program")

DebianPackagesInfo = _DebianPackagesInfo
ProgramInfo = _ProgramInfo
debian_packages = _debian_packages
debian_program = _debian_program
