"""The architectures that images are built for, and what each world calls them."""

ARCHITECTURES = {
    "aarch64": struct(
        name = "aarch64",
        debian = "arm64",
        elf_machine = "EM_AARCH64",
        platform = Label("//tools/platforms:aarch64_linux"),
        triple = "aarch64-linux-gnu",
    ),
    "x86_64": struct(
        name = "x86_64",
        debian = "amd64",
        elf_machine = "EM_X86_64",
        platform = Label("//tools/platforms:x86_64_linux"),
        triple = "x86_64-linux-gnu",
    ),
}
