"""List pinned packages with a newer version in the archive: `./bazelw run //tools/debian:audit`."""

from __future__ import annotations

from absl import flags

from tools.cli import cli, errors
from tools.debian import apt_root, archive_flags, audit

_SECURITY = flags.DEFINE_bool("security", False, "List only versions of the security archive.")


def main() -> None:
    """Print a line for each outdated package, and fail if there is one."""
    mirrors = archive_flags.mirrors()
    requests = archive_flags.requests()
    with archive_flags.work_directory() as (work, keyring):

        def make_apt(suite: str, architecture: str) -> apt_root.AptRoot:
            apt = apt_root.AptRoot(work / suite / architecture, suite, architecture, mirrors, keyring)
            apt.update()
            return apt

        try:
            found = audit.audit(list(requests.values()), archive_flags.workspace(), make_apt)
        except apt_root.AptError as error:
            raise errors.InputError(str(error)) from error
    news = [item for item in found if not _SECURITY.value or item.archive == "debian-security"]
    for item in news:
        print(item)
    if news:
        names = ",".join(sorted({item.lock for item in news}))
        raise errors.InputError(
            f"{len(news)} pinned packages are outdated",
            fix=f"./bazelw run //:lock -- --only={names}",
        )


if __name__ == "__main__":
    cli.run(main)
