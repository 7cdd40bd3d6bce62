"""Makes the bundle of certificate authorities of Debian's package of them."""

from __future__ import annotations

import pathlib
import tempfile

from absl import flags

from tools.cli import cli
from tools.mkcabundle import bundle

_PACKAGES = flags.DEFINE_multi_string(
    "package", None, "Debian package; the one of certificates is among them.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "Where to write the bundle.", required=True)


def main() -> None:
    """Makes the bundle."""
    with tempfile.TemporaryDirectory(dir=pathlib.Path(_OUTPUT.value).parent) as work:
        data = bundle.make(_PACKAGES.value, pathlib.Path(work))
    with cli.output_file(_OUTPUT.value) as stream:
        stream.write(data)


if __name__ == "__main__":
    cli.run(main)
