"""A tap as a process: started with its files, read line by line, and ended in any case."""

import logging
import re
import shutil
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import IO, Any

import orjson

from cs_sync import ConfigError, Http, Unreachable
from cs_sync_singer.config import SingerConfig

LOG = logging.getLogger(__name__)
LAST_LINES = 8
"""Lines of what a tap wrote before it failed that an error repeats."""
MAX_WARNINGS = 10
_GRACE_SECONDS = 5.0
_QUEUED_LINES = 2000
_SERIOUS = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b")

Line = tuple[str, bytes | None]
"""Where a line was written, and the line; None at the end."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap's command, and who hears what it logs."""

    config: SingerConfig
    http: Http

    @property
    def name(self) -> str:
        """The name of its program."""
        return Path(self.config.command[0]).name

    def find_program(self) -> str:
        """Return the path of the program.

        Raises:
            ConfigError: There is none.
        """
        first = self.config.command[0]
        path = Path(first).expanduser()
        local = first if path.name == first else str(self.config.workspace.folder / path)
        program = shutil.which(local)
        if program is None and local != first and Path(local).is_file():
            raise ConfigError(
                f"{local} is not executable",
                f"chmod +x {local}, or write what runs it before it in command of"
                f" {self.config.section}",
            )
        if program is None:
            where = f"no program at {local}" if local != first else f"{first} is not on PATH"
            raise ConfigError(
                f"{where}: the tap is not installed here",
                "install it in an environment of its own, and write its whole path as command in"
                f" {self.config.section}",
            )
        return str(Path(program).absolute())

    def run(self, documents: Mapping[str, Any], *flags: str) -> Iterator[bytes]:
        """Yield what the tap writes; it ended well after the last line.

        Args:
            documents: Option → what the file behind it holds.
            flags: Further options.

        Raises:
            Unreachable: It failed, or was silent for too long.
        """
        program = self.find_program()
        with TemporaryDirectory(prefix="cs-sync-tap-") as folder:
            arguments = [program, *self.config.command[1:], *flags]
            for option, document in documents.items():
                path = Path(folder) / f"{option.strip('-')}.json"
                path.write_bytes(orjson.dumps(document, default=str))
                path.chmod(0o600)
                arguments += [option, str(path)]
            yield from self._read_process(arguments)

    def _read_process(self, arguments: list[str]) -> Iterator[bytes]:
        try:
            process = subprocess.Popen(  # noqa: S603 - the command of the configuration
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.config.workspace.folder,
            )
        except OSError as error:
            raise ConfigError(
                f"{self.name} cannot be started: {error.strerror}",
                f"correct command in {self.config.section}",
            ) from None
        queue: Queue[Line] = Queue(_QUEUED_LINES)
        pipes = {"out": process.stdout, "err": process.stderr}
        threads = [Thread(target=_pump, args=(*each, queue), daemon=True) for each in pipes.items()]
        for thread in threads:
            thread.start()
        log = TapLog(self.name, self.http)
        try:
            yield from self._read_queue(queue, log)
            code = process.wait(self.config.timeout.total_seconds())
            if code:
                raise self._describe_end(code, log)
        except subprocess.TimeoutExpired:
            raise self._describe_silence(log) from None
        finally:
            _end(process, threads, queue)

    def _read_queue(self, queue: Queue[Line], log: "TapLog") -> Iterator[bytes]:
        """Yield what the tap writes, until it closes both of its pipes."""
        still_open = 2
        while still_open:
            try:
                pipe, line = queue.get(timeout=self.config.timeout.total_seconds())
            except Empty:
                raise self._describe_silence(log) from None
            if line is None:
                still_open -= 1
            elif pipe == "out":
                yield line
            else:
                log.add(line)

    def _describe_end(self, code: int, log: "TapLog") -> Unreachable:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        return Unreachable(
            f"{self.name} {how}{log.format_lines()}",
            f"Nothing stored is lost. Check settings and secrets of {self.config.section}.",
        )

    def _describe_silence(self, log: "TapLog") -> Unreachable:
        minutes = self.config.timeout_minutes
        return Unreachable(
            f"{self.name} sent nothing for {minutes:g} minutes and was stopped{log.format_lines()}",
            f"Nothing stored is lost. If it needs longer, raise timeout_minutes in"
            f" {self.config.section}.",
        )


class TapLog:
    """What a tap writes to standard error: logged without secrets, its last lines kept."""

    def __init__(self, name: str, http: Http) -> None:
        self._name, self._http = name, http
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._warnings = 0
        self._in_traceback = False

    def add(self, line: bytes) -> None:
        """Log one line; warnings and errors are shown in the run."""
        text = self._http.redact(line.decode("utf-8", "replace").rstrip())
        if not text:
            return
        self._keep(text)
        LOG.info("%s: %s", self._name, text)
        if _SERIOUS.search(text) and self._warnings < MAX_WARNINGS:
            self._warnings += 1
            self._http.warn(f"{self._name}: {text}")

    def _keep(self, text: str) -> None:
        """Keep a line for errors; of a traceback only what was raised."""
        if text.startswith("Traceback (most recent call last)"):
            self._in_traceback = True
        elif not (self._in_traceback and text.startswith(" ")):
            self._in_traceback = False
            self._last.append(text)

    def format_lines(self) -> str:
        """Return the last lines, for an error."""
        lines = "".join(f"\n    {line}" for line in self._last)
        return f":{lines}" if lines else ""


def _pump(pipe: str, stream: IO[bytes], queue: Queue[Line]) -> None:
    """Put the lines of a pipe into the queue."""
    with suppress(ValueError, OSError):  # closed from the other side
        for line in stream:
            queue.put((pipe, line))
    queue.put((pipe, None))


def _end(process: subprocess.Popen[bytes], threads: list[Thread], queue: Queue[Line]) -> None:
    """End a process that may still run, and what reads it."""
    process.terminate()
    drained = _drain_until(lambda: process.poll() is not None, queue, _GRACE_SECONDS)
    if not drained:
        process.kill()
        process.wait()
    _drain_until(lambda: not any(thread.is_alive() for thread in threads), queue, _GRACE_SECONDS)
    for stream in (process.stdout, process.stderr):
        if stream is not None and not any(thread.is_alive() for thread in threads):
            stream.close()


def _drain_until(is_over: Callable[[], bool], queue: Queue[Line], seconds: float) -> bool:
    """Empty the queue until it is over; nobody waits for a place."""
    for _ in range(int(seconds / _POLL_SECONDS)):
        if is_over():
            return True
        with suppress(Empty):
            queue.get(timeout=_POLL_SECONDS)
    return is_over()


_POLL_SECONDS = 0.01
