"""Rules: bills of materials, provenance, and the directory of what is shipped."""

load("//tools/mkdist/private:dist.bzl", _dist = "dist")
load("//tools/mkdist/private:kernel_sbom.bzl", _KernelSbomInfo = "KernelSbomInfo", _kernel_sbom = "kernel_sbom")
load("//tools/mkdist/private:publisher.bzl", _publisher = "publisher")
load("//tools/mkdist/private:sbom.bzl", _SbomInfo = "SbomInfo", _sbom = "sbom")
load("//tools/mkdist/private:slsa.bzl", _SlsaInfo = "SlsaInfo", _slsa_provenance = "slsa_provenance")

KernelSbomInfo = _KernelSbomInfo
SbomInfo = _SbomInfo
SlsaInfo = _SlsaInfo
dist = _dist
kernel_sbom = _kernel_sbom
publisher = _publisher
sbom = _sbom
slsa_provenance = _slsa_provenance
