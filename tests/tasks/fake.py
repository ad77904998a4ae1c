"""A machine made of files, and a clock that a test sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyruntime.tasks import Clock, Machine, TaskScheduler

GIB = 1 << 30
ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
LOCAL = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"


class FakeMachine(Machine):
    """A cool, idle board without a battery, with much free memory and storage, and a cable in it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.free: tuple[int, int] | None = (20 * GIB, 32 * GIB)
        self.asked: list[str] = []
        self.asked_to_stop = False
        self.put("proc/loadavg", "0.10 0.10 0.10 1/99 1234")
        self.put("proc/stat", "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5")
        self.put("proc/meminfo", f"MemTotal: {4 * GIB >> 10} kB\nMemAvailable: {2 * GIB >> 10} kB\n")
        self.put("proc/sys/kernel/random/boot_id", "first-boot")
        self.pressed("cpu", 1.0)
        self.pressed("memory", 0.0)
        self.heat(45)
        self.put("sys/class/net/lo/operstate", "unknown")
        self.put("sys/class/net/eth0/operstate", "up")
        self.put("proc/net/route", ROUTES + LOCAL + DEFAULT)

    def put(self, path: str, text: str) -> None:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"{text}\n")

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def pressed(self, resource: str, avg10: float, avg60: float | None = None) -> None:
        line = f"avg10={avg10:.2f} avg60={avg10 if avg60 is None else avg60:.2f} avg300=0.00 total=1"
        self.put(f"proc/pressure/{resource}", f"some {line}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0")

    def heat(self, degrees: float, zone: int = 0, kind: str = "cpu-thermal") -> None:
        self.put(f"sys/class/thermal/thermal_zone{zone}/type", kind)
        self.put(f"sys/class/thermal/thermal_zone{zone}/temp", str(int(degrees * 1000)))

    def supply(self, name: str, **files: str) -> None:
        for file, text in files.items():
            self.put(f"sys/class/power_supply/{name}/{file}", text)

    def battery(self, status: str = "Discharging", online: str = "0") -> None:
        self.supply("BAT0", type="Battery", status=status, scope="System")
        self.supply("AC", type="Mains", online=online)

    def storage(self, path: Any) -> tuple[int, int] | None:
        self.asked.append(str(path))
        return self.free


class FakeClock(Clock):
    """Stands still; another boot is another `boot_id`."""

    def __init__(self) -> None:
        self.now, self.up, self.boot_id = 1_800_000_000.0, 1000.0, "first-boot"

    def wall(self) -> float:
        return self.now

    def since_boot(self) -> float:
        return self.up

    def boot(self) -> str:
        return self.boot_id

    def pass_by(self, seconds: float) -> None:
        self.now, self.up = self.now + seconds, self.up + seconds

    def reboot(self, up: float = 20.0) -> None:
        self.boot_id, self.up = f"after {self.boot_id}", up


class FakeScheduler(TaskScheduler):
    """On a fake machine, which it looks at all the time."""

    def __init__(self, folder: Path, **more: Any) -> None:
        self.board, self.time = FakeMachine(folder / "root"), FakeClock()
        more = {"machine": self.board, "clock": self.time, "interval": 0.01} | more
        super().__init__(folder / "state" / "tasks.db", **more)
        self.board, self.time = more["machine"], more["clock"]
