"""Urgency: which request leaves before which, and which may use the reserve of the account's budget."""

from msgspec.structs import replace

from copyctl.model.request import Request, RequestKind


def urgency(request: Request) -> tuple[int, bool]:
    """What is smaller leaves first: cancels, exits that have to trade now, other exits, what lessens an order, other
    changes, entries; among changes those of exits."""
    match request.kind:
        case RequestKind.CANCEL:
            place = 0
        case RequestKind.PLACE:
            place = 5 if not request.exit else 1 if request.urgent else 2
        case RequestKind.MODIFY:
            place = 1 if request.exit and request.urgent else 3 if uses_reserve(request) else 4
    return place, not request.exit


def uses_reserve(request: Request) -> bool:
    """May some of it leave out of the reserve? A cancel, an exit that is placed, a cut, what a lag has called for. A
    change of price or trigger never, an entry never."""
    match request.kind:
        case RequestKind.CANCEL:
            return True
        case RequestKind.PLACE:
            return request.exit
        case RequestKind.MODIFY:
            return request.urgent or request.cut is not None


def reserved_part(request: Request) -> Request:
    """What of a request leaves out of the reserve: where it lessens an order and changes its price as well, the lesser
    quantity alone."""
    if request.urgent or request.cut is None or request.desired is None:
        return request
    return replace(request, desired=replace(request.desired, terms=request.cut))
