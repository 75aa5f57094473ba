import os
import signal
import subprocess
import sys
import time

import pytest

from lumina.survival.processes import Lost, outcomes


@pytest.mark.parametrize("processes", [0, 2])
def test_all_things_are_worked_on(processes):
    assert dict(outcomes(abs, range(-5, 0), processes)) == {-5: 5, -4: 4, -3: 3, -2: 2, -1: 1}
    assert list(outcomes(abs, [], processes)) == []


def test_a_process_that_dies_costs_one_thing():
    harmless = [signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH]
    found = dict(outcomes(signal.raise_signal, [harmless[0], signal.SIGKILL, *harmless[1:]], 1))
    assert isinstance(found.pop(signal.SIGKILL), Lost) and found == dict.fromkeys(harmless)


@pytest.mark.parametrize("processes", [0, 1])
def test_an_error_ends_the_work(processes):
    with pytest.raises(TypeError, match="bad operand"):
        list(outcomes(abs, [1, "a", 2], processes))


def test_nobody_outlives_a_killed_parent():
    code = "import os, time; from lumina.survival.processes import outcomes\n"
    code += "for _, pid in outcomes(eval, ['__import__(\"os\").getpid()', '__import__(\"time\").sleep(99)'], 1):"
    code += " print(pid, flush=True)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(100):
        if not _runs(child):
            return
        time.sleep(0.1)
    pytest.fail("the process works on")


def _runs(pid):
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
