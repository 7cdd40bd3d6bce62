"""Rules for editors."""

load("//tools/ide/private:crate_specs.bzl", _crate_specs = "crate_specs")

crate_specs = _crate_specs
