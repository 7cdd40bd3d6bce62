"""Causes in builds, tests and CI systems in general: their lines in a log, and the next step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tools.ci_diagnose.row import Cause, row

_SHOWN = 12
"""Most lines of a program's output to show."""

_WIDTH = 240
"""Most characters of each line."""

_LABEL = re.compile(r"(?<![\w@])@{0,2}[\w.+~-]{0,200}//[\w./+=~@-]{0,400}(?::[\w./+=~@-]{1,400})?")
_COMMAND = re.compile(
    r"error executing (?P<rule>\S{1,100}) command(?: \(from target (?P<target>\S{1,400})\))?(?P<command>.*)"
)
# Bazel's lines after the end of an action's own output, and its advice.
_ACTION_END = re.compile(
    r"^(?:Target //|INFO: |ERROR: |FAILED: |FAIL: |WARNING: |\[[\d,]+ / |Use --verbose_failures|//\S+ )"
)
_ADVICE = re.compile(r"^Use --sandbox_debug|^# (?:Configuration|Execution platform): ")
_EXCEPTION = re.compile(r"^(?P<exception>[A-Za-z_][\w.]{0,200}(?:: .{0,400})?$)")


def _action(groups: dict[str, str], following: Sequence[str]) -> dict[str, str]:
    """Name the target, the rule and the command of a failed action."""
    command = _COMMAND.search(groups["why"])
    label = _LABEL.search(groups["doing"])
    target = (command and command["target"]) or (label[0] if label else "") or f"the target at {groups['place']}"
    rule = f" ({command['rule']})" if command else ""
    line = command["command"].strip() if command else ""
    # --verbose_failures prints the command on separate lines.
    if command and not line:
        line = " ".join(text.strip(" \\") for text in _verbose(following))
    why = groups["why"].partition(": error executing ")[0] or "the log has no reason"
    return {
        "target": target,
        "rule": rule,
        "why": why,
        "place": groups["place"],
        "command": f"; it ran: {line[:_WIDTH]}" if line else "",
    }


def _verbose(following: Sequence[str]) -> Iterator[str]:
    for line in following:
        if not line.startswith("  "):
            break
        yield line


def _output(following: Sequence[str]) -> list[str]:
    """Return the output of a failed action."""
    shown: list[str] = []
    command = len([*_verbose(following)])
    for line in following[command:]:
        if _ACTION_END.match(line) or len(shown) == _SHOWN:
            break
        if line.strip() and not _ADVICE.match(line):
            shown.append(line[:_WIDTH])
    return shown


def _exception(_: dict[str, str], following: Sequence[str]) -> dict[str, str]:
    """Find the exception at the end of a traceback: the first line without indentation."""
    for line in following:
        if line[:1].strip():
            match = _EXCEPTION.match(line)
            return {"exception": match["exception"] if match else line[:_WIDTH]}
    return {"exception": "its end is not in the log"}


def _frames(following: Sequence[str]) -> list[str]:
    """Return the place of the exception: the last file of a traceback."""
    frames: list[str] = []
    for line in following:
        if line[:1].strip():
            break
        if line.lstrip().startswith("File "):
            frames.append(line.strip()[:_WIDTH])
    return frames[-1:]


def _next(following: Sequence[str]) -> list[str]:
    return [line[:_WIDTH] for line in following[:3] if line.strip()]


_MEMORY = "give the machine more memory, or run fewer actions at once (--jobs, --local_resources=memory=MB)"

CAUSES: Sequence[Cause] = (
    row(
        "bazel_out_of_memory",
        r"java\.lang\.OutOfMemoryError|Bazel ran out of memory|GC overhead limit exceeded",
        "Bazel's server ran out of memory",
        "give it more with --host_jvm_args=-Xmx4g, or build fewer targets at once",
        words=("OutOfMemoryError", "ran out of memory", "GC overhead"),
    ),
    row(
        "bazel_server_died",
        r"Server terminated abruptly|Lost connection to the Bazel server|server (?:process )?died unexpectedly",
        "Bazel's server died; most often the kernel killed it because memory ran out",
        f"look for `Out of memory` in `dmesg` and in server/jvm.out; {_MEMORY}",
        words=("Server terminated", "Lost connection", "died unexpectedly"),
    ),
    row(
        "bazel_crash",
        r"bazel crashed due to an internal error|Internal error thrown during build"
        r"|Unrecoverable error while evaluating",
        "Bazel crashed",
        "read the stack trace below the line; retry, then search Bazel's issues for its first lines",
        words=("crashed due", "Internal error", "Unrecoverable error"),
        details=_next,
    ),
    row(
        "runner_lost",
        r"lost communication with the server|received a shutdown signal|runner system failure"
        r"|(?i:agent (?:was )?lost)\b"
        r"|Cannot contact .{1,100}: |ChannelClosedException|command execution disconnected|stopped hearing from agent",
        "the CI system lost the machine that ran the job",
        "retry; if it happens again, look at that machine's memory, disk and network",
        words=(
            "communication",
            "shutdown signal",
            "system failure",
            "ost",
            "Cannot contact",
            "Channel",
            "disconn",
            "hearing",
        ),
    ),
    row(
        "job_timeout",
        r"exceeded the maximum execution time|execution took longer than|Timeout has been exceeded"
        r"|exceeded the maximum time limit|^job: timed_out|^step .{1,200}: timed_out$",
        "the job ran longer than the CI system allows",
        "see which step took the time; make it faster, or raise the job's limit",
        words=("exceeded", "took longer", "timed_out"),
    ),
    row(
        "job_cancelled",
        r"The (?:operation|run|job|workflow run) was cancell?ed|Canceling since a higher priority|^job: cancelled"
        r"|^step .{1,200}: cancelled$|Bazel caught (?:interrupt|terminate) signal|build interrupted"
        r"|^Aborted by |Sending interrupt signal to process|^Finished: ABORTED|Received signal (?:SIG)?(?:TERM|INT)\b",
        "somebody, or a newer run, cancelled the job",
        "run it again if its result is needed",
        words=("cancel", "Cancel", "interrupt", "terminate", "Aborted", "ABORTED", "Received signal"),
    ),
    row(
        "killed",
        r"(?:^|\d |: |\()Killed(?:$|\)| {2,})|signal: 9\b|SIGKILL|[Ee]xit(?:ed with)?(?: code| status)?:? 137\b"
        r"|[Tt]erminated by signal 9|oom-kill:|OOMKilled",
        "a program was killed (SIGKILL); most often memory ran out",
        f"look for `Out of memory` in `dmesg`; {_MEMORY}",
        words=("Killed", "ignal", "SIGKILL", "137", "oom-kill"),
    ),
    row(
        "rust_compile",
        r"(?:^|\s)error\[E\d{4}\]: (?P<message>.{1,300})",
        "a Rust crate does not compile: {message}",
        "correct the place in the next line",
        words=("error[E",),
        details=_next,
    ),
    row(
        "rust_crate",
        r"(?:^|\s)error: could not compile [`'](?P<crate>[^`']{1,100})",
        "the Rust crate {crate} does not compile",
        "read the first `error` above the line",
        words=("could not compile",),
    ),
    row(
        "compile",
        r"(?<!\S)(?P<place>[^\s:]{1,400}:\d{1,7}(?::\d{1,7})?): (?:fatal )?error: (?P<message>.{1,300})",
        "{place} does not compile: {message}",
        "correct that place",
        words=("error: ",),
        details=_next,
    ),
    row(
        "link",
        r"undefined reference to .{1,200}|undefined symbol: .{1,200}|\bld(?:\.\w+)?: (?:error: |cannot find ).{1,200}"
        r"|linker command failed|collect2: error",
        "a program does not link",
        "read the linker's first message; a dependency is missing, or is of another architecture",
        words=("undefined ", "ld", "linker", "collect2"),
    ),
    row(
        "fetch",
        r"Error downloading \[|(?<!\S)GET returned (?P<status>\d{3})|Unknown host: "
        r"|Connection (?:refused|reset|timed out)"
        r"|error fetching repository|Temporary failure|TLS handshake timeout|Could not connect to",
        "a download failed, or a service did not answer",
        "check the address in the line and the network; retry",
        words=("downloading", "GET returned", "Unknown host", "Connection ", "fetching", "Temporary", "TLS", "connect"),
    ),
    row(
        "no_such_target",
        r"no such (?P<kind>package|target) '(?P<what>[^']{1,400})'",
        "there is no {kind} {what}",
        "correct the label, or add the target; the line says where it is used",
        words=("no such ",),
    ),
    row(
        "visibility",
        r"[Vv]isibility error|is not visible from",
        "a target depends on another that is not visible to it",
        "add the target's package to the `visibility` of the other",
        words=("isibility error", "not visible"),
    ),
    row(
        "starlark",
        r"^Error in (?P<function>\w{1,100}): (?P<message>.{1,400})|^Error: (?!Process completed)(?P<other>.{1,400})",
        "a rule or macro failed: {function} {message}{other}",
        "read the traceback above the line; its first place is in a BUILD file",
        words=("Error in ", "Error: "),
    ),
    row(
        "rust_panic",
        r"thread '(?P<thread>[^']{0,200})'(?: \(\d{1,10}\))? panicked at (?P<place>.{1,300}?):?$",
        "a Rust program panicked at {place}",
        "read the message below the line; RUST_BACKTRACE=1 shows the callers",
        words=("panicked at",),
        details=_next,
    ),
    row(
        "crash",
        r"Segmentation fault|\(core dumped\)|SIGSEGV|SIGABRT|AddressSanitizer: |terminate called after throwing",
        "a program crashed",
        "run it in a debugger, or with sanitizers",
        words=("Segmentation", "core dumped", "SIG", "Sanitizer", "terminate called"),
    ),
    row(
        "test_failed",
        r"^FAILED (?P<test>\S{1,400}::.{1,300}?)(?: - (?P<message>.{1,300}))?$",
        "the test {test} failed: {message}",
        "read its section under FAILURES; run it alone with --test_filter",
        words=("FAILED ",),
    ),
    row(
        "test_error",
        r"^ERROR (?P<test>\S{1,400}\.py\S{0,300})(?: - (?P<message>.{1,300}))?$|^ERROR collecting (?P<file>\S{1,300})",
        "a test file or fixture failed before the test: {test}{file} {message}",
        "read its section under ERRORS",
        words=("ERROR ",),
    ),
    row(
        "test_case_failed",
        r"^test (?P<rust>\S{1,400}) \.\.\. FAILED$|^\s{0,40}--- FAIL: (?P<go>\S{1,400})"
        r"|^(?:FAIL|ERROR): (?P<unittest>\w{1,200} \(.{1,300}\))"
        r"|^\s{0,8}\d{1,6}/\d{1,6} Test +#\d+: (?P<ctest>\S{1,200}) .{0,200}Failed",
        "the test {rust}{go}{unittest}{ctest} failed",
        "read its output, then run it alone",
        words=("FAIL", "ERROR", "Failed"),
    ),
    row(
        "assertion",
        r"^E {2,20}(?P<message>\S.{0,300})",
        "an assertion of a test failed: {message}",
        "read the lines around it; the test is named above",
        words=("E  ",),
    ),
    row(
        "python_exception",
        r"Traceback \(most recent call last\):",
        "a Python program ended with: {exception}",
        "read the traceback; the place is below",
        words=("Traceback (most",),
        explain=_exception,
        details=_frames,
    ),
    row(
        "program_missing",
        r"(?::|^) (?P<program>[\w./+-]{1,200}): (?:command )?not found$"
        r"|env: [‘'](?P<other>[^’']{1,200})[’']: No such file",
        "the program {program}{other} is not installed where an action needs it",
        "install it, or add it to the inputs of the action",
        words=("not found", "No such file"),
    ),
    row(
        "permission",
        r": Permission denied\b|: Operation not permitted\b",
        "a program lacks a permission",
        "check owner and mode of the file in the line, and the permissions of the sandbox",
        words=("Permission denied", "not permitted"),
    ),
    row(
        "error",
        r"^(?:[\w.+-]{1,60}: )?error: (?P<message>.{1,300})",
        "a tool reports: {message}",
        "correct the error; the lines below may name the place",
        words=("error: ",),
        details=_next,
    ),
    row(
        "failed_action",
        r"(?:^|\s)ERROR: (?P<place>[^\s:]{1,400}(?::\d{1,7}){1,2}): (?P<doing>.{1,600}?) failed(?:: (?P<why>.*)|$)",
        "the action of {target}{rule} failed: {why}{command}",
        "read the command's output; --verbose_failures and --sandbox_debug show all of it",
        words=("ERROR: ",),
        explain=_action,
        details=_output,
    ),
    row(
        "failed_to_build",
        r"^Target (?P<label>//\S{1,400}) failed to build|^(?P<test>//\S{1,400}) +FAILED TO BUILD",
        "the target {label}{test} does not build",
        "read the first ERROR above the line; build the target alone",
        words=("failed to build", "FAILED TO BUILD"),
    ),
    row(
        "failed_test",
        r"^(?:FAIL: )?(?P<label>//\S{1,400}) +(?:\(cached\) )?(?:FAILED|NO STATUS|\()",
        "the test {label} failed, but its output is not in this log",
        "read the test.log in the next lines, or run it with --test_output=errors",
        words=("FAIL", "NO STATUS"),
        details=_next,
    ),
    row(
        "make",
        r"\bg?make(?:\[\d{1,4}\])?: \*\*\* (?:\[(?P<target>[^\]]{1,300})\] (?P<code>(?:Error|Killed|Terminated).{0,40})"
        r"|(?P<other>.{1,200}))",
        "make stopped: {target} {code}{other}",
        "read the first message above the line",
        words=("make",),
    ),
    row(
        "workflow_error",
        r"^(?:::error(?: [^:]{0,400})?::|##\[error\](?!Process completed with)"
        r"|##vso\[task\.logissue type=error[^\]]{0,400}\])(?P<message>.{1,400})",
        "a step of the workflow reports: {message}",
        "read the lines above it",
        words=("::error", "##[error]", "##vso"),
    ),
    row(
        "build_failed",
        r"Build did NOT complete successfully|^(?:INFO: )?Build completed, (?P<count>\d{1,9}) tests? FAILED"
        r"|^Executed \d{1,9} out of \d{1,9} tests?: .{0,100}\bfails?\b",
        "a Bazel build or test failed, but the part of the log with the reason is missing",
        "pass the whole log, or bazel-testlogs",
        words=("did NOT complete", " FAILED", "fail"),
    ),
    row(
        "step_failed",
        r"^(?:step (?P<step>.{1,200})|job): (?P<conclusion>[a-z_]{1,40})$",
        "the job failed{step}: {conclusion}",
        "get the log with `gh run view ID --log-failed`, and diagnose that",
        words=("step ", "job: "),
        explain=lambda groups, _: {**groups, "step": f" in its step {groups['step']}" if groups["step"] else ""},
    ),
    row(
        "exit_code",
        r"(?:Process completed with|Job failed: |exited with|command terminated with|returned a non-zero|returned)"
        r" (?:exit )?(?:code|status):? (?P<code>[1-9]\d{0,9})"
        r"|^Finished: (?P<result>FAILURE|UNSTABLE|NOT_BUILT)|exit code: (?P<other>[1-9]\d{0,9})",
        "a command of the job ended with {code}{result}{other}, and the log does not tell why",
        "read the lines above it",
        words=(
            "Process completed",
            "Job failed",
            "exited with",
            "terminated with",
            "returned",
            "Finished: ",
            "exit code: ",
        ),
    ),
)
"""In order of explanation: what stands before explains what stands after."""
