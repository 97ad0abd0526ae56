"""Somebody who signed in: the admin's setting up, and the queue page by page."""

from collections.abc import Iterator

from deskbell.v1 import (
    account_pb2,
    account_pb2_grpc,
    profile_pb2,
    profile_pb2_grpc,
    queue_pb2,
    queue_pb2_grpc,
    team_pb2,
    team_pb2_grpc,
)

from connection import Server, connect, request_id, session
from watching import QueueWatch


def sign_in(server: Server, email: str, password: str) -> str:
    """Opens a session and gives its token, which is shown this once."""
    request = account_pb2.SignInRequest(email=email, password=password, label="python")
    with connect(server) as channel:
        return account_pb2_grpc.AccountServiceStub(channel).SignIn(request).token


class Staff:
    """A member of a team with a session."""

    def __init__(self, server: Server, token: str) -> None:
        """Goes on with the session that has this token."""
        self._channel = connect(server, session(token))
        self._account = account_pb2_grpc.AccountServiceStub(self._channel)
        self._team = team_pb2_grpc.TeamServiceStub(self._channel)
        self._profiles = profile_pb2_grpc.ProfileServiceStub(self._channel)
        self._queue = queue_pb2_grpc.QueueServiceStub(self._channel)
        self._watch = queue_pb2_grpc.WatchServiceStub(self._channel)

    def who_am_i(self) -> account_pb2.Identity:
        """Tells who is calling, in which team."""
        return self._account.WhoAmI(account_pb2.WhoAmIRequest()).identity

    def create_group(self, name: str) -> team_pb2.Group:
        """Creates a group that profiles can offer."""
        request = team_pb2.CreateGroupRequest(request_id=request_id(), name=name)
        return self._team.CreateGroup(request).group

    def create_profile(self, name: str, groups: list[team_pb2.Group]) -> profile_pb2.Profile:
        """Creates a profile with which customers ring at these groups."""
        settings = profile_pb2.ProfileSettings(
            name=name,
            branding=profile_pb2.Branding(product_name=f"{name} help"),
            assistance_enabled=True,
            group_ids=[group.id for group in groups],
        )
        request = profile_pb2.CreateProfileRequest(request_id=request_id(), settings=settings)
        return self._profiles.CreateProfile(request).profile

    def manifest(self, profile: profile_pb2.Profile) -> profile_pb2.SignedManifest:
        """Fetches what makes a program this profile's widget."""
        request = profile_pb2.GetProfileManifestRequest(profile_id=profile.id)
        return self._profiles.GetProfileManifest(request).manifest

    def pages(self, page_size: int, history: bool = False) -> Iterator[list[queue_pb2.Ticket]]:
        """Lists tickets page by page; a page may have fewer tickets than asked for."""
        request = queue_pb2.ListTicketsRequest(page_size=page_size, history=history)
        while True:
            answer = self._queue.ListTickets(request)
            yield list(answer.tickets)
            # The token alone tells the last page.
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def ticket(self, number: int) -> queue_pb2.Ticket:
        """Fetches one ticket."""
        return self._queue.GetTicket(queue_pb2.GetTicketRequest(number=number)).ticket

    def take(self, ticket: queue_pb2.Ticket) -> queue_pb2.Ticket:
        """Takes a ticket as it was seen; refused when somebody was faster."""
        request = queue_pb2.TakeTicketRequest(
            request_id=request_id(), number=ticket.number, version=ticket.version
        )
        return self._queue.TakeTicket(request).ticket

    def reply(self, ticket: queue_pb2.Ticket, text: str) -> queue_pb2.Ticket:
        """Writes to the customer."""
        request = queue_pb2.ReplyTicketRequest(
            request_id=request_id(), number=ticket.number, version=ticket.version, text=text
        )
        return self._queue.ReplyTicket(request).ticket

    def watch(self, after: str = "") -> QueueWatch:
        """Watches the queue, after a cursor or from a snapshot on."""
        return QueueWatch(self._watch, after)

    def sign_out(self) -> None:
        """Ends the session."""
        self._account.SignOut(account_pb2.SignOutRequest())

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()
