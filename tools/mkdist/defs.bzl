"""Rules: bills of materials and the folder of what is shipped."""

load("//tools/mkdist/private:dist.bzl", _dist = "dist")
load("//tools/mkdist/private:publisher.bzl", _publisher = "publisher")
load("//tools/mkdist/private:sbom.bzl", _SbomInfo = "SbomInfo", _sbom = "sbom")

SbomInfo = _SbomInfo
dist = _dist
publisher = _publisher
sbom = _sbom
