"""How does a client stop an account as a whole?

Exit all, the kill switch and the P&L based exit, as Dhan's trader control offers them over REST.
"""

from copyctl.simulator import closing, intake, refusals
from copyctl.simulator.answers import NOTHING, Answer, Call, answer
from copyctl.simulator.broker import Broker
from copyctl.simulator.exit_rule import ExitRule

SWITCH = ("ACTIVATE", "DEACTIVATE")


def exit_all(broker: Broker, call: Call) -> Answer:
    """DELETE /positions: cancels what is open and closes what is held."""
    intake.check_address(call.account, call.remote)
    closing.close_positions(broker.exchange, call.account, reason=refusals.CANCELLED_BY_USER)
    if call.account.settings.exit_all_answer == "EMPTY":
        return NOTHING
    return answer({"status": "SUCCESS", "message": "All orders and positions exited successfully"})


def kill_switch(broker: Broker, call: Call) -> Answer:
    """GET /killswitch."""
    return answer(
        {"dhanClientId": call.account.client_id, "killSwitchStatus": SWITCH[0 if call.account.kill_switch else 1]}
    )


def set_kill_switch(broker: Broker, call: Call) -> Answer:
    """POST /killswitch?killSwitchStatus=: only while nothing is open or held; lasts until the day changes."""
    account = call.account
    intake.check_address(account, call.remote)
    wanted = call.query.get("killSwitchStatus")
    if wanted not in SWITCH:
        raise refusals.bad_input()
    busy = account.open_orders or any(each.net for each in account.ledger.positions.values())
    if wanted == "ACTIVATE" and busy:
        raise refusals.order_error(refusals.KILL_SWITCH_BUSY)
    account.kill_switch = wanted == "ACTIVATE"
    sentence = f"Kill Switch has been successfully {'activated' if account.kill_switch else 'deactivated'}"
    return answer({"dhanClientId": account.client_id, "killSwitchStatus": sentence})


def set_exit_rule(broker: Broker, call: Call) -> Answer:
    """POST /pnlExit: a bound that is passed already acts at once."""
    body = intake.read_body(call.raw)
    intake.check_address(call.account, call.remote)
    intake.check_fields(body, intake.PNL_EXIT)
    kinds = body["productType"]
    call.account.exit_rule = ExitRule(
        profit=intake.decimal(body["profitValue"]),
        loss=intake.decimal(body["lossValue"]),
        kinds=tuple(str(each) for each in kinds) if isinstance(kinds, list) else (),
        kill_switch=body.get("enableKillSwitch") is True,
    )
    closing.keep_exit_rule(broker.exchange, call.account)
    return answer({"pnlExitStatus": "ACTIVE", "message": "P&L based exit configured successfully"})


def exit_rule(broker: Broker, call: Call) -> Answer:
    """GET /pnlExit."""
    rule = call.account.exit_rule
    return answer(
        {
            "pnlExitStatus": "ACTIVE" if rule is not None else "DISABLED",
            "profit": str(rule.profit) if rule is not None else None,
            "loss": str(rule.loss) if rule is not None else None,
            "productType": list(rule.kinds) if rule is not None else [],
            "enable_kill_switch": rule is not None and rule.kill_switch,
        }
    )


def stop_exit_rule(broker: Broker, call: Call) -> Answer:
    """DELETE /pnlExit."""
    intake.check_address(call.account, call.remote)
    if call.account.exit_rule is None:
        raise refusals.order_error(refusals.NO_EXIT_RULE)
    call.account.exit_rule = None
    return answer({"pnlExitStatus": "DISABLED", "message": "P&L based exit stopped successfully"})
