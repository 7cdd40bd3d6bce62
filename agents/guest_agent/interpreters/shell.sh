# The session loop of the shell: evaluates one string of commands from the agent after another.
# shellcheck shell=bash
#
# The agent (`dialect.rs`) writes each string: variables, the code, the answer. No variable contains it while code runs.
# The channel is closed for the code and its child processes; bash keeps it in a close-on-exec file descriptor.
exec 199>&3 3>&-
_exec_trace=:

# Sends the answer, with a token and an exit code, and keeps tracing off until the next code.
_exec_answer() {
    case $- in
        *x*) _exec_trace='builtin set -x' && builtin set +x ;;
        *) _exec_trace=: ;;
    esac
    builtin printf '{"token":"%s","exit_code":%d}\n' "$1" "$2" >&199
}
builtin readonly -f _exec_answer

# bash reads a given number of characters at once. It would read a line byte by byte, with a system call for each. The agent
# sends ASCII only, so that no locale of the code changes the number.
while builtin read -r -u 199 -N 8 _exec_string && builtin read -r -u 199 -N "$_exec_string" _exec_string; do
    builtin eval "builtin unset -v _exec_string; $_exec_string"
done
