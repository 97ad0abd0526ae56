"""What a server says when it refuses something, for programs to decide on."""

from dataclasses import dataclass, field

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status


@dataclass(frozen=True)
class Problem:
    """Why a call failed: its status, with the google.rpc details that came along."""

    code: grpc.StatusCode
    """The status code."""

    text: str
    """What is wrong and what to do, in English."""

    domain: str = ""
    """Whose reason it is: "deskbell"; empty when the call did not get as far as the server."""

    reason: str = ""
    """A stable word, such as "BAD_CREDENTIALS"."""

    parameters: dict[str, str] = field(default_factory=dict)
    """What the reason is about, by stable words."""

    fields: dict[str, str] = field(default_factory=dict)
    """The fields that were refused, and why."""

    retry_after: float | None = None
    """When to come back, in seconds; none: nothing was said."""


def problem_of(error: grpc.RpcError) -> Problem:
    """Reads a failed call, whose details are a google.rpc.Status in `grpc-status-details-bin`."""
    problem: dict[str, object] = {}
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        problem |= _read(detail)
    return Problem(code=error.code(), text=error.details() or "", **problem)  # type: ignore


def _read(detail: any_pb2.Any) -> dict[str, object]:
    """Reads one detail; those of a kind that is not known here say nothing."""
    info = error_details_pb2.ErrorInfo()
    if detail.Unpack(info):
        return {
            "domain": info.domain,
            "reason": info.reason,
            "parameters": dict(info.metadata),
        }
    request = error_details_pb2.BadRequest()
    if detail.Unpack(request):
        return {"fields": {bad.field: bad.description for bad in request.field_violations}}
    retry = error_details_pb2.RetryInfo()
    if detail.Unpack(retry):
        return {"retry_after": retry.retry_delay.ToTimedelta().total_seconds()}
    return {}
