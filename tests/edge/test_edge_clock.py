import itertools
import time

from copyctl.edge.clock import SystemClock

HOUR = 3_600_000_000_000


def test_it_tells_the_machines_time_and_never_steps_back():
    clock = SystemClock()
    before, moments, after = time.time_ns(), [clock.now() for _ in range(1000)], time.time_ns()
    assert all(a <= b for a, b in itertools.pairwise(moments))
    assert before - HOUR < moments[0] <= moments[-1] < after + HOUR


def test_scenario_7_13_a_stepped_machine_clock_moves_only_the_drift():
    moved = [0]
    clock = SystemClock(lambda: time.time_ns() + moved[0])
    first = clock.now()
    moved[0] = -2 * HOUR
    second = clock.now()
    assert 0 <= second - first < HOUR
    assert abs(clock.drift() + 2 * HOUR) < HOUR
    moved[0] = 3 * HOUR
    assert 0 <= clock.now() - second < HOUR
    assert abs(clock.drift() - 3 * HOUR) < HOUR
