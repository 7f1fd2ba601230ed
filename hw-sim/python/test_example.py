"""How a firmware or host team tests with simulated hardware: `pytest test_example.py`, with `adit-sim` on PATH or in ADIT_SIM.

`Host` stands for your own program. Everything else is what your tests would look like.
"""

import os
import select
import termios
import time
import tty

import pytest

import adit_sim

# Block 171874: a job whose answer every Icarus-like device must find.
GOLDEN_JOB = bytes.fromhex(
    "4679ba4ec99876bf4bfe086082b400254df6c356451471139a3afa71e48f544a"
    "000000000000000000000000000000000000000087320b1a1426674f2fa722ce"
)
GOLDEN_NONCE = bytes.fromhex("000187a2")


class Host:
    """A serial port as a host program uses it."""

    def __init__(self, path):
        self.port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.port)
        mode = termios.tcgetattr(self.port)
        mode[4] = mode[5] = termios.B115200
        termios.tcsetattr(self.port, termios.TCSANOW, mode)

    def ask(self, message, length, seconds=2.0):
        """Sends a message; the answer, or what of it has come in time."""
        os.write(self.port, message)
        answer, until = b"", time.monotonic() + seconds
        while len(answer) < length and time.monotonic() < until:
            ready, _, _ = select.select([self.port], [], [], until - time.monotonic())
            if ready:
                answer += os.read(self.port, length - len(answer))
        return answer

    def close(self):
        os.close(self.port)


@pytest.fixture
def stick(tmp_path):
    with adit_sim.serve("block-erupter", pty=tmp_path / "stick") as simulator:
        host = Host(tmp_path / "stick")
        yield simulator, simulator.device(), host
        host.close()


def test_the_host_gets_the_golden_nonce_and_the_simulator_saw_its_job(stick):
    _, device, host = stick
    assert host.ask(GOLDEN_JOB, 4) == GOLDEN_NONCE
    frames = [line["frame"]["type"] for line in device.said(sender="host") if line["frame"]]
    assert frames == ["job"]
    nonce = device.said(sender="device")[-1]
    assert nonce["solves"]["difficulty"] > 1.0
    assert device.state()["nonces"] == 1


def test_a_lost_byte_leaves_the_host_with_half_an_answer_and_the_next_job_is_whole(stick):
    _, device, host = stick
    device.fault("drop_byte", to="host")
    assert len(host.ask(GOLDEN_JOB, 4, seconds=0.5)) == 3
    assert host.ask(GOLDEN_JOB, 4) == GOLDEN_NONCE


def test_a_host_at_the_wrong_speed_is_not_understood_until_faults_are_cleared(stick):
    simulator, device, host = stick
    device.fault("baud_mismatch")
    assert host.ask(GOLDEN_JOB, 4, seconds=0.5) != GOLDEN_NONCE
    simulator.clear()
    time.sleep(0.2)
    termios.tcflush(host.port, termios.TCIOFLUSH)
    assert host.ask(GOLDEN_JOB, 4) == GOLDEN_NONCE


def test_an_unplugged_device_is_gone_and_comes_back_in_its_own_time(tmp_path):
    path = tmp_path / "stick"
    with adit_sim.serve("block-erupter", pty=path) as simulator:
        simulator.device().unplug(seconds=3600)
        assert not path.exists()
        simulator.step(3601)
        host = Host(path)
        assert host.ask(GOLDEN_JOB, 4) == GOLDEN_NONCE
        host.close()


def test_registers_and_parts_of_a_board_can_be_looked_into(tmp_path):
    with adit_sim.serve("bitaxe-gamma", pty=tmp_path / "bitaxe") as simulator:
        board = simulator.device()
        control = Host(tmp_path / "bitaxe-control")
        control.ask(bytes.fromhex("0a000500052024214d02"), 4)  # 1.15 V
        control.ask(bytes.fromhex("090006000520240180"), 4)  # on
        control.ask(bytes.fromhex("07000700060001"), 4)  # out of reset
        assert board.i2c(0x24, 0x21) == bytes.fromhex("4d02")
        assert abs(board.insides()["core_volts"] - 1.15) < 0.001
        assert board.registers(chip=0)[0x00] >> 16 == 0x1370
        board.temperature(91.0)
        simulator.step(2)
        assert board.insides()["sensor_celsius"] == 91.0
        control.close()


def test_a_scenario_happens_at_its_times(tmp_path):
    scenario = tmp_path / "scenario.toml"
    scenario.write_text('[[scene]]\nat = 100\ndo = "chance"\nfault = "flip_bit"\nprobability = 1.0\n')
    with adit_sim.serve("block-erupter", pty=tmp_path / "stick", scenario=scenario) as simulator:
        device = simulator.device()
        assert device.state()["faults"] == []
        simulator.step(101)
        assert device.state()["faults"] == [{"fault": "flip_bit", "probability": 1.0}]


def test_what_cannot_be_is_refused_in_one_sentence(stick):
    _, device, _ = stick
    with pytest.raises(adit_sim.Refused, match="dead_fan cannot happen here"):
        device.fault("dead_fan")
