"""A mail server on loopback that keeps what it is given."""

import socketserver
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as `smtplib` asks for.

    `refuse` answers every recipient with 550; `password` lets only that one in.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, refuse: bool = False, password: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.refuse = refuse
        self.password = password
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 loopback")
        while line := self.rfile.readline().decode().strip():
            verb = line[:4].upper()
            if verb == "EHLO" and self.server.password:
                self._say("250-loopback")
                self._say("250 AUTH PLAIN")
            elif verb == "AUTH":
                given = b64decode(line.split()[2]).decode().split("\0")[2]
                right = given == self.server.password
                self._say("235 welcome" if right else "535 wrong password")
            elif verb == "RCPT" and self.server.refuse:
                self._say("550 nobody of that name")
            elif verb == "RCPT":
                self.server.recipients.append(line.partition("<")[2].rstrip(">"))
                self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                self._take()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.server.messages.append(message)
        self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def open_mail_server(*, refuse: bool = False, password: str = "") -> Iterator[MailServer]:
    """Run the server while the block lasts."""
    with MailServer(refuse=refuse, password=password) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
