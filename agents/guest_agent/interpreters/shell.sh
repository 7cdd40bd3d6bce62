# The session loop of the shell: evaluates one line of commands from the agent after another.
# shellcheck shell=bash
#
# The agent (`dialect.rs`) writes each line: variables, the code, the answer. No variable contains the line while code runs.
# The channel is closed for the code and its child processes; bash keeps it in a close-on-exec file descriptor.
exec 199>&3 3>&-
_exec_trace=:
while IFS= builtin read -r -u 199 _exec_line; do
    builtin eval "$_exec_line"
done
