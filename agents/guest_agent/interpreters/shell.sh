# The shell's session: executes one line of commands from the agent after the other.
# shellcheck shell=bash
#
# The agent writes each line (`dialect.rs`): variables, the code, the answer. A line is evaluated, and so is never in a
# variable while code runs. The channel is closed for the code and all that it starts; bash keeps it in a file that is
# closed when another program is executed.
exec 199>&3 3>&-
_exec_trace=:
while IFS= builtin read -r -u 199 _exec_line; do
    builtin eval "$_exec_line"
done
