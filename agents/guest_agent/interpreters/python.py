# pyright: basic
"""Execute code in `__main__`, one request of the agent after another.

The agent starts this session loop as `python3 -c`. The loop reads requests from a private socket, and answers with the
exit code.

User code runs in this process and can inspect everything in it, so the loop has no secrets. But no variable that user
code can name contains the token of a request. A forked child closes the socket and ends without an answer. An executed
program does not inherit the socket.
"""


def _serve():
    import json
    import linecache
    import os
    import sys
    import traceback
    from builtins import BaseException, SystemExit, compile, exec, len

    namespace = sys.modules["__main__"].__dict__
    process = os.getpid()
    # A number that programs are unlikely to use.
    channel = 1000
    try:
        os.dup2(3, channel, inheritable=False)
        os.close(3)
    except OSError:
        channel = 3
        os.set_inheritable(channel, False)
    read, write, close, getpid, leave = os.read, os.write, os.close, os.getpid, os._exit

    def forget_channel():
        nonlocal channel
        close(channel)
        channel = -1

    def keep_private():
        """Prevent other processes of the user from inspecting this one."""
        try:
            import ctypes

            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
        except (ImportError, OSError, AttributeError):
            pass

    def requests():
        """Yield requests until the agent closes the channel."""
        pending = b""
        while True:
            try:
                while b"\n" not in pending:
                    received = read(channel, 1 << 16)
                    if not received:
                        return
                    pending += received
            except KeyboardInterrupt:
                # The signal came late: the code that it was for has ended.
                continue
            line, _, pending = pending.partition(b"\n")
            yield json.loads(line)

    def flush():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                # User code has closed or replaced the stream.
                pass

    # Otherwise a child would print buffered output of its parent again.
    os.register_at_fork(before=flush, after_in_child=forget_channel)

    def report(error):
        """Print an uncaught error, without the frames of this loop."""
        frames = error.__traceback__
        while frames is not None and frames.tb_frame.f_code.co_filename == "<string>":
            frames = frames.tb_next
        error.__traceback__ = frames
        try:
            if sys.excepthook is sys.__excepthook__:
                traceback.print_exception(type(error), error, frames)
            else:
                sys.excepthook(type(error), error, frames)
        except BaseException:
            traceback.print_exc()

    def run(code):
        """Execute code and return the exit code."""
        linecache.cache["<exec>"] = (len(code), None, code.splitlines(keepends=True), "<exec>")
        try:
            exec(compile(code, "<exec>", "exec", dont_inherit=True), namespace)
        except SystemExit as end:
            if end.code is None:
                return 0
            return end.code & 0xFF if isinstance(end.code, int) else 1
        except KeyboardInterrupt as error:
            report(error)
            return 130
        except BaseException as error:
            report(error)
            return 1
        return 0

    class Pickling:
        """Let `multiprocessing` send functions without an importable name, if cloudpickle is installed."""

        def find_spec(self, name, path=None, target=None):
            if name != "multiprocessing.reduction":
                return None
            import importlib.machinery

            sys.meta_path.remove(self)
            spec = importlib.machinery.PathFinder.find_spec(name, path)
            if spec is not None and spec.loader is not None:
                load = spec.loader.exec_module

                def exec_module(module):
                    load(module)
                    extend(module)

                spec.loader.exec_module = exec_module
            return spec

    def extend(reduction):
        try:
            import collections
            import io

            import cloudpickle  # pyright: ignore[reportMissingImports]
        except ImportError:
            return
        forking = reduction.ForkingPickler

        class Pickler(cloudpickle.Pickler):
            def __init__(self, file, protocol=None):
                super().__init__(file, protocol)
                # Includes connections, locks and other objects that only multiprocessing can send.
                self.dispatch_table = collections.ChainMap(forking._extra_reducers, self.dispatch_table)

        def dumps(_, value, protocol=None):
            buffer = io.BytesIO()
            Pickler(buffer, protocol).dump(value)
            return buffer.getbuffer()

        forking.dumps = classmethod(dumps)

    keep_private()
    sys.meta_path.insert(0, Pickling())
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    # Hide this program from user code.
    del namespace["_serve"]
    namespace["__doc__"] = None

    for request in requests():
        os.environ.update(request["env"])
        if "random" in sys.modules:
            # Restored guests must not continue with the same numbers.
            sys.modules["random"].seed(int(request["seed"], 16))
        exit_code = run(request["code"])
        flush()
        if getpid() != process:
            # This is a child that has reached the end of the code.
            leave(exit_code)
        answer = b'{"token":"%s","exit_code":%d}\n' % (request["token"].encode(), exit_code)
        try:
            write(channel, answer)
        except OSError:
            # User code has closed the channel. The agent still gets the exit code of the process.
            leave(exit_code)


_serve()
