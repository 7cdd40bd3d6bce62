"""Rules: bills of materials, provenance, and the folder of what is shipped."""

load("//tools/mkdist/private:dist.bzl", _dist = "dist")
load("//tools/mkdist/private:publisher.bzl", _publisher = "publisher")
load("//tools/mkdist/private:sbom.bzl", _SbomInfo = "SbomInfo", _sbom = "sbom")
load("//tools/mkdist/private:slsa.bzl", _SlsaInfo = "SlsaInfo", _slsa_provenance = "slsa_provenance")

SbomInfo = _SbomInfo
SlsaInfo = _SlsaInfo
dist = _dist
publisher = _publisher
sbom = _sbom
slsa_provenance = _slsa_provenance
