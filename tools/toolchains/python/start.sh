#!/bin/sh
# Start %target%.
#
# Bazel replaces the words between percent signs (`bootstrap_template` of py_runtime). Its own template is a Python
# program that starts a second interpreter. This one needs a shell, and no program beside it.

fail() {
    echo "$0: $1" >&2
    exit 2
}

python='%python_binary%' main='%main%' imports='%imports%' all='%import_all%'

for runfiles in "$0.runfiles" "${RUNFILES_DIR:-}" "${0%%.runfiles/*}.runfiles"; do
    if [ -e "$runfiles/$main" ] && [ -x "$runfiles/$python" ]; then break; fi
    runfiles=
done
[ "$runfiles" ] || fail "its runfiles, with the interpreter, are not beside it: start it with 'bazel run'"
# The program may change its directory.
case $runfiles in /*) ;; *) runfiles=$PWD/$runfiles ;; esac

path=$runfiles
search() {
    case :$path: in *:"$1":*) ;; *) path=$path:$1 ;; esac
}

# Python finds modules below the runfiles, in dependencies that declare `imports`, in the program's repository, and in
# the main repository.
set -f
IFS=:
for directory in $imports "${main%%/*}" '%workspace_name%'; do
    search "$runfiles/$directory"
done
unset IFS
set +f
# --experimental_python_import_all_repositories, Bazel's default.
if [ "$all" = True ]; then
    for directory in "$runfiles"/*/; do
        search "${directory%/}"
    done
fi

export PYTHONPATH="$path${PYTHONPATH:+:$PYTHONPATH}"
# Python would put the program's own directory first.
export PYTHONSAFEPATH=1
export RUNFILES_DIR="$runfiles"
# It may be that of a program that started this one, and libraries prefer it to RUNFILES_DIR.
unset RUNFILES_MANIFEST_FILE
exec "$runfiles/$python" "$runfiles/$main" "$@"
