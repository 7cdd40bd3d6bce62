"""Test that the example builds unchanged, and that its images boot and compute."""

from __future__ import annotations

import pathlib

from tests.nested import nested


def test_images_boot_and_compute(tmp_path: pathlib.Path) -> None:
    downloads, kernels = nested.seed_downloads(tmp_path), nested.kernel_cache(tmp_path)
    bazel = nested.Nested(tmp_path, module="examples", downloads=downloads, kernels=kernels)
    try:
        done = bazel.run("test", "--test_output=all", "//...")
        assert done.stdout.count("numpy 2.") == 2, done.stdout
        bazel.run("build", "//:sbom_numpy_x86_64")
        bill = (bazel.directory / "bazel-bin/numpy-base-x86_64.spdx.json").read_text()
        # The packages of the layer and of the image on top of it.
        for package in ("python3.13-minimal", "python3-numpy"):
            assert f'"name": "{package}"' in bill
        code = "import numpy; print(numpy.ones(3) * 2)"
        ran = bazel.run("run", "//:run_numpy_x86_64", "--", f"--code={code}")
        assert ran.stdout == "[2. 2. 2.]\n", ran.stderr
    finally:
        bazel.close()
