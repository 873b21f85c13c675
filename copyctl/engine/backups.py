"""The journal's daily backup: when it is due."""

import asyncio

from copyctl.core.hours import ist_day
from copyctl.engine.conductor import Conductor
from copyctl.engine.ports import Clock, Journal
from copyctl.model.events import BackedUp

LOOK_EVERY_SECONDS = 60.0
AGAIN_AFTER_SECONDS = 3600.0
"""After a backup that failed."""
REST_LOOK_SECONDS = 0.05


async def back_up_daily(journal: Journal, clock: Clock, conductor: Conductor) -> None:
    """Have each Indian day's backup made at the first rest of that day: it holds the whole day before. For ever."""
    done = None
    while True:
        while not conductor.idle:  # noqa: ASYNC110  it has many causes and no event of its own
            await asyncio.sleep(REST_LOOK_SECONDS)
        day = ist_day(clock.now())
        pause = LOOK_EVERY_SECONDS
        if day != done:
            try:
                what = await asyncio.to_thread(journal.back_up, day)
            except OSError as trouble:
                conductor.post(BackedUp(at=clock.now(), why=str(trouble)))
                pause = AGAIN_AFTER_SECONDS
            else:
                done = day
                if what:
                    conductor.post(BackedUp(at=clock.now(), what=what))
        await asyncio.sleep(pause)
