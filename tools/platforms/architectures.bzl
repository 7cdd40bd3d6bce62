"""The architectures that images are built for, and their names in each ecosystem."""

# Python programs read the table from this file (architectures.py): its values are literals.
ARCHITECTURES = {
    "aarch64": {
        "debian": "arm64",
        "elf_machine": "EM_AARCH64",
        "loader": "ld-linux-aarch64.so.1",
        "npm": "arm64",
        "triple": "aarch64-linux-gnu",
    },
    "x86_64": {
        "debian": "amd64",
        "elf_machine": "EM_X86_64",
        "loader": "ld-linux-x86-64.so.2",
        "npm": "x64",
        "triple": "x86_64-linux-gnu",
    },
}

def host_architecture(os):
    """Return the architecture of the build host.

    Args:
        os: `os` of a repository or module context.
    """
    return "x86_64" if os.arch == "amd64" else os.arch
