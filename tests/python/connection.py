"""How to reach a Deskbell server, and how to say who is calling."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import grpc

# Calls are given up after this long; streams last until somebody ends them.
_CALLS = {
    "methodConfig": [
        {"name": [{}], "timeout": "30s"},
        {
            "name": [
                {"service": "deskbell.v1.WatchService"},
                {"service": "deskbell.v1.AssistanceService", "method": "Follow"},
            ]
        },
    ]
}

# A connection that died without a word is noticed after half a minute, also while nobody calls
# anything but a stream. What comes back after a break is tried again within seconds.
_OPTIONS = [
    ("grpc.service_config", json.dumps(_CALLS)),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]


@dataclass(frozen=True)
class Server:
    """A server and the certificate authorities that its callers trust."""

    address: str
    """Host and port, such as "desk.example:7443"."""

    authorities: bytes | None = None
    """The authorities as PEM; none: those that come with gRPC."""


def connect(server: Server, credentials: Mapping[str, str] | None = None) -> grpc.Channel:
    """Opens a channel over TLS on which every call carries these credentials, if any."""
    secure = grpc.ssl_channel_credentials(root_certificates=server.authorities)
    if credentials:
        secure = grpc.composite_channel_credentials(secure, _always(credentials))
    return grpc.secure_channel(server.address, secure, options=_OPTIONS)


def _always(credentials: Mapping[str, str]) -> grpc.CallCredentials:
    """Puts the same metadata on every call, which gRPC does over TLS alone."""
    metadata = tuple(credentials.items())
    return grpc.metadata_call_credentials(
        lambda _context, done: done(metadata, None), name="deskbell"
    )


def session(token: str) -> dict[str, str]:
    """Says who is calling: somebody who signed in."""
    return {"authorization": f"Bearer {token}"}


def profile(credential: str, ticket_secret: bytes | None = None) -> dict[str, str]:
    """Says who is calling: a copy of a widget, perhaps about the ticket with this secret."""
    widget = {"deskbell-profile": credential}
    return widget if ticket_secret is None else widget | {"deskbell-ticket": ticket_secret.hex()}


def request_id() -> str:
    """Makes the id of a new change; repeating the call with the same id changes nothing more."""
    return str(uuid.uuid4())
