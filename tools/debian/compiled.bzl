"""Compiles Python modules in repository rules.

Debian does it in maintainer scripts, and pip when it installs. Without the compiled form, each program would compile what
it imports, on each start: most of the half second that a tool of the build would need before its first line.
"""

# Python uses such a file without a look at its source's time, which differs between machines and sandboxes.
_PROGRAM = """\
import pathlib, py_compile, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    try:
        py_compile.compile(
            str(path),
            dfile=str(path.relative_to(sys.argv[1])),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (py_compile.PyCompileError, ValueError, RecursionError):
        pass  # A template, or a test of the compiler.
"""

def compile_modules(rctx, python, directory):
    """Write the compiled form of Python modules into `__pycache__` beside each.

    The bytes depend on nothing but the modules and the interpreter. A file that is not Python has no compiled form.

    Args:
        rctx: repository context.
        python: path of a Python that runs on this machine.
        directory: directory of the modules, in the repository.
    """
    done = rctx.execute(
        [python, "-S", "-s", "-B", "-c", _PROGRAM, rctx.path(directory)],
        # The seed of hashes shows in the order of constants. Python ignores an empty variable.
        environment = {"PYTHONHASHSEED": "0", "PYTHONHOME": "", "PYTHONPATH": "", "PYTHONPYCACHEPREFIX": ""},
    )
    if done.return_code:
        fail("{}: {} cannot compile the modules of {}: {}".format(rctx.name, python, directory, done.stderr))
