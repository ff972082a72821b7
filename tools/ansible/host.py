# host.py: a process with Ansible already imported that forks one child per playbook run.
# Copyright (C) the remed contributors
#
# This program is free software: you can redistribute it and/or modify it under the terms of the GNU
# General Public License as published by the Free Software Foundation, either version 3 of the
# License, or (at your option) any later version. It is distributed in the hope that it will be
# useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS
# FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details:
# <https://www.gnu.org/licenses/>.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""Usage: host.py CONTROL_FD LOG_FD LIBRARY PLUGIN AT_ONCE

Requests arrive on CONTROL_FD (AF_UNIX, SOCK_SEQPACKET), one byte each with the descriptors
[connection, request, stdout, stderr, events, sandbox control]. `request` is a file with the JSON

    {"argv": [...], "env": {...}, "cwd": "...", "task_timeout": seconds, "sandbox": {...} or null}

At most AT_ONCE runs are under way, the others wait. On the connection the host answers {"pid"} when
the run has started and {"rc", "sig", "utime", "stime", "maxrss", "wall"} when it has ended; closing
the connection kills the run. The host ends when CONTROL_FD closes. Every run is real Ansible:
PlaybookCLI.cli_executor in a fork; what is saved are imports, plugin loading, building the module
zips, and Python's start-up for every module (host_modules.py).
"""
import collections
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True  # the folder may be a source tree
sys.path.insert(0, HERE)  # absent in isolated mode; taken out again before Ansible is imported
from host_prepare import prepare  # noqa: E402
from host_run import run_child  # noqa: E402


class Host:
    def __init__(self, control, library, zips, options, at_once):
        self.control, self.library, self.zips, self.options = control, library, zips, options
        self.limit = at_once
        self.waiting = collections.deque()
        self.running = {}  # pid -> (connection, start, own process group)
        self.by_fd = {}  # connection's descriptor -> pid, or None while waiting
        self.connections = {}
        self.poller = select.poll()
        self.wake_read, wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        self.poller.register(control, select.POLLIN)
        self.poller.register(self.wake_read, select.POLLIN)

    def serve(self):
        while True:
            for fd, _ in self.poller.poll():
                if fd == self.control.fileno():
                    if not self.accept():
                        return
                elif fd == self.wake_read:
                    self.drain_wakeups()
                elif fd in self.by_fd:
                    self.hung_up(fd)
            self.reap()
            self.start_waiting()

    def drain_wakeups(self):
        try:
            while os.read(self.wake_read, 512):
                pass
        except BlockingIOError:
            pass

    def accept(self):
        data, fds, _, _ = socket.recv_fds(self.control, 16, 6)
        if not data:
            return False
        if len(fds) != 6:
            for fd in fds:
                os.close(fd)
            return True
        for fd in fds:
            os.set_inheritable(fd, False)
        connection = socket.socket(fileno=fds[0])
        self.connections[fds[0]] = connection
        self.by_fd[fds[0]] = None
        self.poller.register(fds[0], select.POLLIN | select.POLLRDHUP)
        self.waiting.append(fds)
        return True

    def start_waiting(self):
        while self.waiting and len(self.running) < self.limit:
            fds = self.waiting.popleft()
            pid = os.fork()
            if pid == 0:
                run_child(fds, self.library, self.zips, self.options)
            for fd in fds[1:]:
                os.close(fd)
            self.by_fd[fds[0]] = pid
            self.running[pid] = (fds[0], time.monotonic())
            self.answer(fds[0], {"pid": pid})

    def hung_up(self, fd):
        """The client closed its connection (or wrote, which it never does)."""
        pid = self.by_fd[fd]
        if pid is None:
            for fds in [w for w in self.waiting if w[0] == fd]:
                self.waiting.remove(fds)
                for other in fds[1:]:
                    os.close(other)
            self.forget(fd)
            return
        self.poller.unregister(fd)
        self.kill(pid)

    def kill(self, pid):
        # In a sandbox everything dies with this process; without one its group is all we have.
        for target in (pid, -pid):
            try:
                os.kill(target, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass

    def reap(self):
        while self.running:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self.running:
                continue
            fd, began = self.running.pop(pid)
            rc = os.waitstatus_to_exitcode(status)
            self.answer(fd, {"rc": rc if rc >= 0 else 128 - rc, "sig": max(0, -rc),
                             "utime": used.ru_utime, "stime": used.ru_stime,
                             "maxrss": used.ru_maxrss, "wall": time.monotonic() - began})
            self.forget(fd)

    def answer(self, fd, what):
        try:
            self.connections[fd].sendall((json.dumps(what) + "\n").encode())
        except OSError:
            pass  # the client has gone

    def forget(self, fd):
        try:
            self.poller.unregister(fd)
        except KeyError:
            pass
        del self.by_fd[fd]
        self.connections.pop(fd).close()

    def stop(self):
        for pid in self.running:
            self.kill(pid)



def main():
    control_fd, log_fd, library_path, plugin_path, at_once = sys.argv[1:6]
    os.dup2(int(log_fd), 1)
    os.dup2(int(log_fd), 2)
    os.close(int(log_fd))
    control = socket.socket(fileno=int(control_fd))
    os.set_inheritable(control.fileno(), False)
    with open(plugin_path) as f:
        plugin = f.read()
    library = None
    if library_path:
        library = ctypes.PyDLL(library_path)
        library.remed_sandbox_enter.argtypes = [ctypes.c_char_p]
        library.remed_sandbox_enter.restype = None
        library.remed_sandbox_drop_root()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    scratch = tempfile.mkdtemp(prefix="remed-ansible-", dir="/tmp")
    owner = os.getpid()
    host = None
    try:
        began = time.monotonic()
        zips, options = prepare(scratch, plugin)
        gc.collect()
        gc.freeze()  # children share these pages: the collector must not write into them
        print(f"ready after {time.monotonic() - began:.2f} s, "
              f"{time.process_time():.2f} s of CPU", flush=True)
        host = Host(control, library, zips, options, int(at_once))
        host.serve()
    finally:
        if os.getpid() == owner:
            if host:
                host.stop()
            shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
