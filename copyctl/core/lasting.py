"""Lasting: what of the rules stays as it is for as long as a run goes on."""

from copyctl.model.choices import Adapter
from copyctl.model.policy import Rules


def cannot_change(before: Rules, after: Rules) -> str:
    """What of these rules only a new start can put in force; "" for nothing."""
    accounts = {one.name: one.client_id for one in before.followers}
    changed = [
        *(["store.path"] if after.store != before.store else []),
        *(["leader.client_id"] if after.leader.client_id != before.leader.client_id else []),
        *(["broker"] if after.broker != before.broker else []),
        *(
            f"the client_id of follower {one.name}"
            for one in after.followers
            if accounts.get(one.name, one.client_id) != one.client_id
        ),
    ]
    strangers = {one.client_id for one in after.followers} - set(accounts.values())
    if not changed and strangers and before.broker.adapter is Adapter.SIMULATOR:
        changed = ["the accounts of broker.adapter: simulator"]
    return f"{' and '.join(changed)} cannot change while a run goes on: stop it and start it again" if changed else ""
