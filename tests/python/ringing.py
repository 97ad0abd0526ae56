"""A customer's program: it rings with a profile's credential, and its ticket has a secret."""

import hashlib
import secrets
import time
from collections.abc import Mapping

from deskbell.v1 import assistance_pb2, assistance_pb2_grpc, profile_pb2

from connection import Server, connect, profile

# Bytes of a secret that say when it was made; its hash begins with them, too.
_TIME = 6


def new_secret() -> bytes:
    """Makes a ticket's secret: the time in milliseconds and 26 random bytes."""
    milliseconds = time.time_ns() // 1_000_000
    return milliseconds.to_bytes(_TIME, "big") + secrets.token_bytes(32 - _TIME)


def hash_of(secret: bytes) -> bytes:
    """Gives what the server gets to know of a secret: the time and 26 bytes of its SHA-256."""
    return secret[:_TIME] + hashlib.sha256(secret).digest()[: 32 - _TIME]


class Widget:
    """A copy of a widget, made from its signed manifest."""

    def __init__(self, server: Server, signed: profile_pb2.SignedManifest) -> None:
        """Reads the manifest; one from a stranger needs its Ed25519 signature checked first."""
        self.manifest = profile_pb2.Manifest.FromString(signed.manifest)
        self._server = server
        self._channel = connect(server, profile(self.manifest.credential))
        self._calls = assistance_pb2_grpc.AssistanceServiceStub(self._channel)

    def ring(
        self,
        description: str,
        secret: bytes,
        group_id: str = "",
        email: str = "eva@acme.example",
        facts: Mapping[str, str] | None = None,
    ) -> assistance_pb2.CustomerTicket:
        """Rings for help; to ring again with the same secret is to ask whether it arrived."""
        request = assistance_pb2.SubmitTicketRequest(
            secret_hash=hash_of(secret),
            group_id=group_id,
            email=email,
            description=description,
            facts=facts,
            profile_revision=self.manifest.revision,
        )
        return self._calls.SubmitTicket(request).ticket

    def look(self, secret: bytes) -> assistance_pb2.CustomerTicket:
        """Fetches the ticket with this secret as its customer sees it."""
        with connect(self._server, profile(self.manifest.credential, secret)) as channel:
            calls = assistance_pb2_grpc.AssistanceServiceStub(channel)
            return calls.GetMyTicket(assistance_pb2.GetMyTicketRequest()).ticket

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()
