"""Compile modules to bytecode, under the Python that will run them: `compile_modules.py DIRECTORY`.

Standard input is a JSON list with the path in the image of each module, which is DIRECTORY/NUMBER.py here and becomes
DIRECTORY/NUMBER.pyc. Prints what the interpreter calls itself. It is started by bytecode.py.
"""

from __future__ import annotations

import json
import py_compile
import sys


def main() -> None:
    """Compile all modules. Skip files that are not Python."""
    directory = sys.argv[1]
    for number, name in enumerate(json.load(sys.stdin)):
        file = f"{directory}/{number}.py"
        try:
            py_compile.compile(
                file,
                cfile=file + "c",
                dfile="/" + name,
                doraise=True,
                quiet=2,
                invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP,
            )
        # A null byte, nesting that is too deep, and all that is wrong with a program's text.
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
            continue
    print(json.dumps({"minor": f".{sys.version_info.minor}", "tag": sys.implementation.cache_tag}))


main()
