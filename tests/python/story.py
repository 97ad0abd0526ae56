"""What a program in another language does with a real server; ends with status 0 if all is right.

Its words on the command line say where the server is; DESKBELL_PASSWORD is the admin's password.
"""

import argparse
import faulthandler
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import grpc

from connection import Server
from problems import Problem, problem_of
from ringing import Widget, new_secret
from road import Road
from staff import Staff, sign_in
from watching import Change, QueueWatch, Ticket

Answer = TypeVar("Answer")

# Only something that hangs takes so long, in seconds.
_LONGEST = 240

# As long as the contract lets them be, in characters that take the most bytes.
_LONG = "🔔" * 10_000
_LONG_FACTS = {f"{number:02}".ljust(40, "🔔"): "🔔" * 200 for number in range(20)}
_LONG_TICKETS = 200


def expect(what: str, got: object, wanted: object) -> None:
    """Says what is right, or ends the program with what is not."""
    if got != wanted:
        raise SystemExit(f"wrong: {what}: wanted {wanted!r}, got {got!r}")
    print(f"right: {what}", flush=True)


def refused(call: Callable[[], object]) -> Problem:
    """Makes a call that has to be refused, and gives what was said."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return problem_of(error)
    raise SystemExit(f"wrong: this was not refused: {answer}")


def widget_of(admin: Staff, server: Server) -> Widget:
    """Makes a group and a profile, and a widget of that."""
    group = admin.create_group("Printers")
    return Widget(server, admin.manifest(admin.create_profile("Acme", [group])))


def until(changes: Iterator[Change | None], number: int) -> list[tuple[str, list[int]]]:
    """Reads changes until this ticket's, and gives each one's kind and tickets."""
    seen = []
    for change in changes:
        if change is None:
            raise SystemExit("wrong: a snapshot where changes were to go on")
        numbers = [ticket.number for ticket in change.tickets]
        seen.append((change.kind, numbers))
        if number in numbers:
            return seen
    raise SystemExit("wrong: the watch ended")


def submitted(numbers: Iterable[int]) -> list[tuple[str, list[int]]]:
    """Gives the changes of tickets that were rung one after the other."""
    return [("submitted", [number]) for number in numbers]


def whole_job(server: Server, email: str, password: str) -> None:
    """Signs in, rings, watches through a cut, lists, helps, and reads errors."""
    stranger = Server(server.address)
    problem = refused(lambda: sign_in(stranger, email, password))
    expect("a certificate is not trusted unasked", problem.code, grpc.StatusCode.UNAVAILABLE)
    token = sign_in(server, email, password)
    admin = Staff(server, token)
    expect("who signed in", admin.who_am_i().email, email)
    widget = widget_of(admin, server)
    group_id = widget.manifest.groups[0].id
    expect("the manifest names the group", widget.manifest.groups[0].name, "Printers")

    road = Road(server.address)
    away = Staff(Server(road.address, server.authorities), token)
    watch = away.watch()
    changes = watch.changes()
    expect("a watch begins with a snapshot", (next(changes), watch.tickets), (None, {}))
    secret = new_secret()
    widget.ring("My printer is on fire.", secret, group_id, facts={"os": "Debian 12"})
    expect("the watch tells of the ring", until(changes, 1), submitted([1]))
    expect("what was rung", watch.tickets[1].description, "My printer is on fire.")
    expect("where it was rung", watch.tickets[1].group.id, group_id)
    expect("and with what", dict(watch.tickets[1].facts), {"os": "Debian 12"})
    again = widget.ring("My printer is on fire.", secret, group_id, facts={"os": "Debian 12"})
    expect("a repeated ring is the same ticket", again.number, 1)

    goes_on_after_a_cut(watch, changes, road, widget)
    resumes_in_another_run(away, watch.cursor, widget)
    lists_page_by_page(admin)
    helps_a_customer(admin, widget, secret)
    reads_errors(admin, widget, server, email)

    admin.sign_out()
    problem = refused(lambda: next(away.watch().changes()))
    told = (problem.code, problem.reason)
    expect("a session has an end", told, (grpc.StatusCode.UNAUTHENTICATED, "SIGNED_OUT"))


def goes_on_after_a_cut(
    watch: QueueWatch, changes: Iterator[Change | None], road: Road, widget: Widget
) -> None:
    """Cuts the road while tickets are rung, and misses none of them."""
    for begin in (2, 5):
        road.close()
        broken = len(watch.interruptions)
        for number in range(begin, begin + 3):
            widget.ring(f"This is call {number}.", new_secret())
        road.open()
        seen = until(changes, begin + 2)
        expect("nothing is lost, nothing comes twice", seen, submitted(range(begin, begin + 3)))
        expect("the stream was cut", len(watch.interruptions) > broken, True)
    expect("all of it after one snapshot", watch.snapshots, 1)
    expect("what the watch knows", sorted(watch.tickets), list(range(1, 8)))


def resumes_in_another_run(away: Staff, cursor: str, widget: Widget) -> None:
    """Watches from a cursor that was kept, as a program does that was started again."""
    widget.ring("This is call 8.", new_secret())
    kept = away.watch(after=cursor)
    expect("a kept cursor goes on", until(kept.changes(), 8), submitted([8]))
    expect("without a snapshot", kept.snapshots, 0)


def lists_page_by_page(admin: Staff) -> None:
    """Lists the open tickets in pages of three."""
    pages = [[ticket.number for ticket in page] for page in admin.pages(3)]
    expect("pages of three", pages, [[1, 2, 3], [4, 5, 6], [7, 8]])
    expect("an empty history", list(admin.pages(3, history=True)), [[]])


def helps_a_customer(admin: Staff, widget: Widget, secret: bytes) -> None:
    """Takes a ticket and answers; the customer reads it."""
    seen = admin.ticket(1)
    taken = admin.take(seen)
    problem = refused(lambda: admin.take(seen))
    expect("who is too late is told", problem.code, grpc.StatusCode.ABORTED)
    expect("by what", (problem.reason, problem.parameters["what"]), ("STALE", "taken"))
    admin.reply(taken, "Pull the plug.")
    texts = [message.text for message in widget.look(secret).messages]
    expect("the customer reads the answer", texts, ["Pull the plug."])


def reads_errors(admin: Staff, widget: Widget, server: Server, email: str) -> None:
    """Reads what errors carry: reasons, fields, and when to come back."""
    problem = refused(lambda: sign_in(server, email, "not the password"))
    told: tuple[object, ...] = (problem.code, problem.domain, problem.reason)
    wanted: tuple[object, ...] = (grpc.StatusCode.UNAUTHENTICATED, "deskbell", "BAD_CREDENTIALS")
    expect("ErrorInfo has the reason", told, wanted)
    problem = refused(lambda: admin.ticket(4711))
    told = (problem.code, problem.reason)
    expect("what is not there", told, (grpc.StatusCode.NOT_FOUND, "NOT_FOUND"))
    for name, call in {
        "description": lambda: widget.ring(" \n", new_secret()),
        "email": lambda: widget.ring("Help!", new_secret(), email="nobody"),
    }.items():
        problem = refused(call)
        told = (problem.code, list(problem.fields))
        wanted = (grpc.StatusCode.INVALID_ARGUMENT, [name])
        expect(f"BadRequest names the field {name}", told, wanted)
        expect(f"and says what is wrong with {name}", bool(problem.fields[name]), True)
    # In the name of somebody else, who is kept out for a while.
    for _ in range(100):
        problem = refused(lambda: sign_in(server, "nobody@desk.example", "not the password"))
        if problem.code is not grpc.StatusCode.UNAUTHENTICATED:
            break
    told = (problem.code, problem.reason)
    expect("who fails too often", told, (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_OFTEN"))
    expect("RetryInfo says when to come back", (problem.retry_after or 0) > 0, True)


def long_tickets(server: Server, email: str, password: str) -> None:
    """Lists and watches many long tickets with the message size that gRPC takes by default."""
    admin = Staff(server, sign_in(server, email, password))
    widget = widget_of(admin, server)
    for _ in range(_LONG_TICKETS):
        widget.ring(_LONG, new_secret(), facts=_LONG_FACTS)
    numbers = list(range(1, _LONG_TICKETS + 1))

    def all_at_once() -> list[Ticket]:
        return [ticket for page in admin.pages(1000) for ticket in page]

    listed = answered("a list in pages of 1000", all_at_once)
    expect("every ticket once", [ticket.number for ticket in listed], numbers)
    expect("shortened, and it says so", all(map(is_shortened, listed)), True)
    expect("as it was written", is_long(admin.ticket(numbers[-1])), True)
    watch = admin.watch()
    first = answered("a watch from an empty cursor", lambda: next(watch.changes()))
    expect("a snapshot, whole", (first, sorted(watch.tickets)), (None, numbers))
    expect("shortened, and it says so", all(map(is_shortened, watch.tickets.values())), True)


def is_shortened(ticket: Ticket) -> bool:
    """Whether a long ticket has the beginning of its description, says so, and has the rest."""
    beginning = ticket.description.removesuffix("…")
    return (
        ticket.description_shortened
        and beginning != ticket.description
        and _LONG.startswith(beginning)
        and dict(ticket.facts) == _LONG_FACTS
    )


def is_long(ticket: Ticket) -> bool:
    """Whether nothing of a long ticket was left out."""
    return ticket.description == _LONG and dict(ticket.facts) == _LONG_FACTS


def answered(what: str, call: Callable[[], Answer]) -> Answer:
    """Makes a call that has to be answered, and gives the answer."""
    try:
        return call()
    except grpc.RpcError as error:
        raise SystemExit(f"wrong: {what}: {problem_of(error)}") from error


def main() -> None:
    """Plays the part that is asked for."""
    parts = {"whole-job": whole_job, "long-tickets": long_tickets}
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("part", choices=parts)
    words.add_argument("--address", required=True, help="host and port of the server")
    words.add_argument("--authorities", required=True, type=Path, help="a PEM file to trust")
    words.add_argument("--email", required=True, help="an admin's address")
    asked = words.parse_args()
    # Says where it hangs, and ends with status 1.
    faulthandler.dump_traceback_later(_LONGEST, exit=True)
    server = Server(asked.address, asked.authorities.read_bytes())
    parts[asked.part](server, asked.email, os.environ["DESKBELL_PASSWORD"])


if __name__ == "__main__":
    main()
