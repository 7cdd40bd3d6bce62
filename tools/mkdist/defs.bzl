"""Rules: bills of materials, provenance, and the directory of what is shipped.

```starlark
load("@sandbox_images//tools/mkdist:defs.bzl", "dist", "kernel_sbom", "publisher", "sbom", "slsa_provenance")

sbom(
    name = "sbom_x86_64",
    disk = ":disk_x86_64",
)

kernel_sbom(
    name = "sbom_vmlinuz_x86_64",
    kernel = ":vmlinuz_x86_64",
)

[
    slsa_provenance(
        name = "provenance_" + image,
        packages = [lock],
        pins = ["//:MODULE.bazel"],
        subject = image,
    )
    for image, lock in {
        "disk_x86_64": "//:numbers.lock.json",
        "vmlinuz_x86_64": "//:kernel_source.lock.json",
    }.items()
]

dist(
    name = "dist",
    kernel_sboms = [":sbom_vmlinuz_x86_64"],
    kernels = [":vmlinuz_x86_64"],
    provenance = [
        ":provenance_disk_x86_64",
        ":provenance_vmlinuz_x86_64",
    ],
    sboms = [":sbom_x86_64"],
)

# bazel run :publish -- --out=DIR
publisher(
    name = "publish",
    dist = ":dist",
)
```
"""

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
