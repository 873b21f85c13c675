"""What holds for every test: a slow or busy machine fails none, and chance decides nothing.

Properties are tried with the same examples each time, so that a build fails for what was changed in it. To look for
new ones: ``EXPLORE=1 make test``.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not os.environ.get("EXPLORE"),
)
settings.load_profile("any machine")
