"""The live queue, which goes on where it stopped when the connection breaks."""

import random
import time
from collections.abc import Iterator

import grpc
from deskbell.v1 import common_pb2, queue_pb2, queue_pb2_grpc

from problems import Problem, problem_of

Change = queue_pb2.WatchQueueResponse.Change
Ticket = queue_pb2.Ticket

_ENDED = (common_pb2.TICKET_STATE_CLOSED, common_pb2.TICKET_STATE_EXPIRED)

# The connection broke, or nobody listens at the moment: going on after the cursor helps.
_BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

# The kinds of frames that this program takes in. An earlier contract does not ask for them.
_KNOWN = [
    getattr(queue_pb2, f"WATCH_FRAME_KIND_{kind}")
    for kind in ("SNAPSHOT", "CHANGE", "PROGRESS")
    if hasattr(queue_pb2, "WatchFrameKind")
]

_LONGEST_PAUSE = 5.0


class _StartOver(Exception):
    """The frame makes no sense here, so the next call begins with a snapshot."""


class QueueWatch:
    """The open tickets that somebody sees, kept up to date by reading `changes`."""

    def __init__(self, calls: queue_pb2_grpc.WatchServiceStub, after: str = "") -> None:
        """Watches after a cursor; without one it begins with a snapshot."""
        self._calls = calls
        self._incoming: dict[int, Ticket] | None = None
        self.cursor = after
        """Where to go on."""
        self.tickets: dict[int, Ticket] = {}
        """The open tickets, by number."""
        self.snapshots = 0
        """How many snapshots came, whole."""
        self.interruptions: list[Problem] = []
        """Why the stream broke, each time."""

    def changes(self) -> Iterator[Change | None]:
        """Gives each change once, in order; none: there was a snapshot, and `tickets` is new."""
        failures = 0
        while True:
            problem = None
            known = {"accepted_frames": _KNOWN} if _KNOWN else {}
            request = queue_pb2.WatchQueueRequest(after=self.cursor, **known)
            stream = self._calls.WatchQueue(request)
            try:
                for frame in stream:
                    failures = 0
                    yield from self._take_in(frame)
            except _StartOver:
                self.cursor = ""
            except grpc.RpcError as error:
                problem = self._broken(error)
            finally:
                stream.cancel()
            self._incoming = None
            _pause(problem, failures)
            failures += 1

    def _broken(self, error: grpc.RpcError) -> Problem:
        """Notes why the stream broke; raises the error when watching again would not help."""
        problem = problem_of(error)
        if problem.code is grpc.StatusCode.OUT_OF_RANGE:
            # The cursor is too old, or was before a change of one's own sight.
            self.cursor = ""
        elif problem.code not in _BROKEN and problem.retry_after is None:
            raise error
        self.interruptions.append(problem)
        return problem

    def _take_in(self, frame: queue_pb2.WatchQueueResponse) -> Iterator[Change | None]:
        """Takes in one frame; the cursor moves with it, so nothing is lost or told twice."""
        kind = frame.WhichOneof("frame")
        if kind == "snapshot":
            if self._snapshot_part(frame.snapshot):
                yield None
        elif kind == "change":
            self._change(frame.change)
            yield frame.change
        elif kind != "progress":
            # A newer server's frame.
            raise _StartOver
        elif self._incoming is None:
            # Within a snapshot it says no more than that the connection lives.
            self.cursor = frame.progress.cursor

    def _snapshot_part(self, part: queue_pb2.WatchQueueResponse.Snapshot) -> bool:
        """Adds a part of a snapshot, which counts once its last part is there."""
        if part.first:
            self._incoming = {}
        if self._incoming is None:
            raise _StartOver
        self._incoming |= {ticket.number: ticket for ticket in part.tickets}
        if not part.last:
            return False
        self.tickets, self._incoming = self._incoming, None
        self.cursor = part.cursor
        self.snapshots += 1
        return True

    def _change(self, change: Change) -> None:
        """Applies one change, whole."""
        if self._incoming is not None:
            raise _StartOver
        for ticket in change.tickets:
            if ticket.state in _ENDED:
                self.tickets.pop(ticket.number, None)
            else:
                self.tickets[ticket.number] = ticket
        for number in change.removed:
            self.tickets.pop(number, None)
        self.cursor = change.cursor


def _pause(problem: Problem | None, failures: int) -> None:
    """Waits as long as the server asks for, or else a little longer each time."""
    if problem is not None and problem.retry_after is not None:
        time.sleep(problem.retry_after)
        return
    longest = min(0.1 * 2 ** min(failures, 10), _LONGEST_PAUSE)
    time.sleep(random.uniform(longest / 2, longest))
