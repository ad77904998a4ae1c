"""Conditions on a fake machine: what each reading lets start, and what it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyruntime.tasks import Conditions, Machine, ProcessingTaskRequest

from .fake import DEFAULT, GIB, LOCAL, ROUTES, FakeMachine

EVERYTHING: dict[str, Any] = {"requires_external_power": True, "requires_network_connectivity": True}
START, GO_ON, NEVER = "start", "go on", "never"
"""What a state of the machine lets a request do: begin (and go on), only go on, neither."""

IPV6 = "0" * 32 + " 00 " + "0" * 32 + " 00 fe800000000000000000000000000001 00000400 1 0 00000003     eth0"
IPV6_LO = IPV6.replace("eth0", "lo").replace("00000003", "00200200")
PI = "sys/devices/platform/soc/soc:firmware/get_throttled"
CORE = "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count"


def no_pressure(load: float) -> Callable[[FakeMachine], None]:
    """A kernel without PSI: the load counts."""

    def change(board: FakeMachine) -> None:
        board.remove("proc/pressure/cpu")
        board.put("proc/loadavg", f"{load} 0.1 0.1 1/99 1234")

    return change


def space(free: int, size: int = 32 * GIB) -> Callable[[FakeMachine], None]:
    return lambda board: setattr(board, "free", (free, size))


def memory(mib: int) -> Callable[[FakeMachine], None]:
    return lambda board: board.put("proc/meminfo", f"MemAvailable:   {mib * 1024} kB")


def routes(*lines: str, state: str = "up") -> Callable[[FakeMachine], None]:
    def change(board: FakeMachine) -> None:
        board.put("proc/net/route", ROUTES + "".join(lines))
        board.put("sys/class/net/eth0/operstate", state)

    return change


GRID: list[tuple[str, str, Callable[[FakeMachine], Any]]] = [
    ("external power", START, lambda b: None),
    ("external power", NEVER, lambda b: b.battery()),
    ("external power", START, lambda b: b.battery("Charging", "1")),
    ("external power", START, lambda b: b.battery("Not charging", "1")),
    ("external power", START, lambda b: b.battery("Full", "0")),
    ("external power", NEVER, lambda b: b.battery("Not charging", "0")),
    ("external power", START, lambda b: b.supply("usb", type="USB_PD", online="1")),
    ("external power", START, lambda b: b.supply("mouse", type="Battery", scope="Device", status="Discharging")),
    ("external power", NEVER, lambda b: b.supply("BAT0", type="Battery")),
    ("idle", START, lambda b: b.pressed("cpu", 5.0)),
    ("idle", GO_ON, lambda b: b.pressed("cpu", 30.0)),
    ("idle", GO_ON, lambda b: b.pressed("cpu", 1.0, 50.0)),
    ("idle", NEVER, lambda b: b.pressed("cpu", 80.0)),
    ("idle", START, no_pressure(0.8)),
    ("idle", GO_ON, no_pressure(2.4)),
    ("idle", NEVER, no_pressure(6.0)),
    ("idle", NEVER, lambda b: (b.remove("proc/pressure/cpu"), b.remove("proc/loadavg"))),
    ("temperature", START, lambda b: b.heat(64)),
    ("temperature", GO_ON, lambda b: b.heat(70)),
    ("temperature", NEVER, lambda b: b.heat(80)),
    ("temperature", NEVER, lambda b: b.heat(80, 3, "GPU-therm")),
    ("temperature", START, lambda b: b.heat(100, 4, "PMIC-Die")),
    ("temperature", START, lambda b: b.heat(-273, 4, "broken")),
    ("temperature", START, lambda b: b.put("sys/class/thermal/thermal_zone0/temp", "no number")),
    ("temperature", START, lambda b: b.remove("sys/class/thermal/thermal_zone0/temp")),
    ("throttling", START, lambda b: b.put(PI, "0x0")),
    ("throttling", START, lambda b: b.put(PI, "50000")),
    ("throttling", NEVER, lambda b: b.put(PI, "50005")),
    ("throttling", NEVER, lambda b: b.put(PI, "0x80008")),
    ("throttling", NEVER, lambda b: (b.put("sys/class/hwmon/hwmon1/name", "rpi_volt"),
                                     b.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1"))),
    ("throttling", START, lambda b: (b.put("sys/class/hwmon/hwmon1/name", "rpi_volt"),
                                     b.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "0"))),
    ("throttling", START, lambda b: (b.put("sys/class/thermal/cooling_device0/type", "pwm-fan"),
                                     b.put("sys/class/thermal/cooling_device0/cur_state", "3"))),
    ("throttling", NEVER, lambda b: (b.put("sys/class/thermal/cooling_device9/type", "cpu-throttle-alert"),
                                     b.put("sys/class/thermal/cooling_device9/cur_state", "1"))),
    ("throttling", START, lambda b: b.put(PI, "what?")),
    ("throttling", NEVER, lambda b: b.put("sys/devices/platform/soc@107c/soc@107c:firmware/get_throttled", "4")),
    ("memory", START, memory(65)),
    ("memory", GO_ON, memory(40)),
    ("memory", NEVER, memory(20)),
    ("memory", GO_ON, lambda b: b.pressed("memory", 10.0)),
    ("memory", NEVER, lambda b: b.pressed("memory", 50.0)),
    ("memory", START, lambda b: b.remove("proc/meminfo")),
    ("storage", START, space(2 * GIB)),
    ("storage", GO_ON, space(GIB // 2)),
    ("storage", NEVER, space(GIB // 16)),
    ("storage", GO_ON, space(100 << 20, GIB)),
    ("storage", NEVER, lambda b: setattr(b, "free", None)),
    ("network", START, routes(DEFAULT)),
    ("network", START, routes(DEFAULT, state="unknown")),
    ("network", NEVER, routes(DEFAULT, state="down")),
    ("network", NEVER, routes(LOCAL)),
    ("network", NEVER, routes(DEFAULT.replace("0003", "0002"))),
    ("network", NEVER, lambda b: b.remove("proc/net/route")),
    ("network", START, lambda b: (b.remove("proc/net/route"), b.put("proc/net/ipv6_route", IPV6))),
    ("network", NEVER, lambda b: (b.remove("proc/net/route"), b.put("proc/net/ipv6_route", IPV6_LO))),
]  # fmt: skip


def unmet(board: Machine, *, running: bool = False, **more: Any) -> list[str]:
    request = ProcessingTaskRequest("a", **EVERYTHING | more)
    return [one.name for one in Conditions(board, "state").unmet(request, running=running)]


@pytest.mark.parametrize(("name", "lets", "change"), GRID, ids=[f"{i}-{row[0]}-{row[1]}" for i, row in enumerate(GRID)])
def test_each_reading(board: FakeMachine, name: str, lets: str, change: Callable[[FakeMachine], Any]) -> None:
    change(board)
    assert unmet(board) == ([] if lets == START else [name])
    assert unmet(board, running=True) == ([name] if lets == NEVER else [])


@pytest.mark.parametrize(
    ("name", "off"),
    [
        ("external power", {"requires_external_power": False}), ("idle", {"requires_idle": False}),
        ("temperature", {"max_temperature": None}), ("throttling", {"allows_throttling": True}),
        ("network", {"requires_network_connectivity": False}),
    ],
)  # fmt: skip
def test_what_a_request_does_not_ask_for_does_not_stop_it(board: FakeMachine, name: str, off: dict[str, Any]) -> None:
    board.battery()
    board.pressed("cpu", 99)
    board.heat(90)
    board.put(PI, "5")
    routes()(board)
    all_of_them = unmet(board)
    assert all_of_them == ["external power", "network", "idle", "temperature", "throttling"]
    assert unmet(board, **off) == [other for other in all_of_them if other != name]


@pytest.mark.parametrize("path", [CORE, "sys/class/hwmon/hwmon2/oc1_event_cnt"])
def test_a_count_of_throttling_that_grows_counts_for_a_minute(board: FakeMachine, path: str) -> None:
    now = [0.0]
    board.put(path, "7")
    conditions = Conditions(board, "state", lambda: now[0])
    request = ProcessingTaskRequest("a")
    assert not conditions.unmet(request), "what was before is over"
    board.put(path, "8")
    assert [one.name for one in conditions.unmet(request)] == ["throttling"]
    now[0] = 59
    assert conditions.unmet(request)
    now[0] = 61
    assert not conditions.unmet(request)


def test_what_was_found_is_said_for_people(board: FakeMachine) -> None:
    board.heat(71.5)
    board.put(PI, "0x50005")
    request = ProcessingTaskRequest("a", requires_external_power=True)
    found = {one.name: one.detail for one in Conditions(board, "/state").check(request)}
    assert found == {
        "external power": "on mains",
        "idle": "programs waited 1 % of the time for a processor, at most 10 %",
        "temperature": "71.5 °C (cpu-thermal), at most 65 °C",
        "throttling": "under-voltage, throttled",
        "memory": "2.1 GB free, 67 MB needed",
        "storage": "21 GB free at /state, 687 MB needed",
    }


def test_storage_is_asked_where_the_request_needs_it(board: FakeMachine) -> None:
    unmet(board)
    unmet(board, storage_path="/media/card")
    assert board.asked == ["state", "/media/card"]


def test_an_empty_machine_can_be_read(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.external_power() is True
    assert machine.temperature() is machine.pressure("cpu") is machine.load() is machine.free_memory() is None
    assert machine.network() is None
    assert not machine.throttling()
    free, size = machine.storage(tmp_path / "not" / "there") or (0, 0)
    assert 0 < free <= size


def test_this_machine_can_be_read() -> None:
    Conditions(Machine(), "/").check(ProcessingTaskRequest("a", **EVERYTHING))
