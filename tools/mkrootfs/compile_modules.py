"""Compile modules to bytecode, under the Python that will run them: `compile_modules.py DIRECTORY`.

Standard input is a JSON list with the number and the path in the image of each module. The module is
DIRECTORY/NUMBER.py here and becomes DIRECTORY/NUMBER.pyc. Prints the version and tag of the interpreter.
bytecode.py starts it.
"""

from __future__ import annotations

import json
import py_compile
import sys


def main() -> None:
    """Compile all modules. Skip files that are not Python."""
    directory = sys.argv[1]
    for number, name in json.load(sys.stdin):
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
        # A null byte, deep nesting, and all syntax errors.
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
            continue
    print(json.dumps({"minor": f".{sys.version_info.minor}", "tag": sys.implementation.cache_tag}))


main()
