from ray_promptopt.runs.gate import Stopwatch


def test_stopwatch_when_halted_then_stands_still_until_it_goes_on() -> None:
    now_s = [100.0]
    watch = Stopwatch(lambda: now_s[0], before_s=5.0)
    now_s[0] = 103.0
    watch.halt()
    now_s[0] = 200.0
    watch.halt()
    assert (watch.here_s, watch.total_s) == (3.0, 8.0)
    watch.go_on()
    now_s[0] = 201.0
    watch.go_on()
    assert (watch.here_s, watch.total_s) == (4.0, 9.0)
