# The session loop of the shell: evaluates one line of commands from the agent after another.
# shellcheck shell=bash
#
# The agent (`dialect.rs`) writes each line: variables, the code, the answer. No variable contains the line while code runs.
# The channel is closed for the code and its child processes; bash keeps it in a close-on-exec file descriptor.
exec 199>&3 3>&-
_exec_trace=:

# Sends the answer, with a token and an exit code, and keeps tracing off until the next code.
#
# bash reads a channel byte by byte, so that each byte of a line costs a system call: what all lines have in common is here.
_exec_answer() {
    case $- in
        *x*) _exec_trace='builtin set -x' && builtin set +x ;;
        *) _exec_trace=: ;;
    esac
    builtin printf '{"token":"%s","exit_code":%d}\n' "$1" "$2" >&199
}
builtin readonly -f _exec_answer

while IFS= builtin read -r -u 199 _exec_line; do
    builtin eval "builtin unset -v _exec_line; $_exec_line"
done
