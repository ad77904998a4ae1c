"""What the kernel says about the machine: power, heat, pressure, memory, storage, network.

Everything is read from files under one root, so a test, or a container, can show another machine.  A file that is not
there, or gives an error when it is read (some sensors do), counts as not known: None.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAINS = ("Mains", "USB", "Wireless")
"""Types of power supplies that bring energy from outside; USB has variants such as USB_C, USB_PD."""
DEAD_ZONES = ("PMIC-Die", "PMIC-Die_max")
"""Thermal zones of Jetsons that give a constant."""
PI_THROTTLED = "sys/devices/platform/soc*/soc*/get_throttled"
"""soc/soc:firmware, with the address of the bus behind each soc on newer boards."""
PI_BITS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")
"""Bits 0 to 3 of get_throttled say what is; bits 16 to 19 what was since the boot."""
ROUTE_UP = 1
PLAUSIBLE = (-40.0, 150.0)  # degrees Celsius


@dataclass(frozen=True)
class Pressure:
    """Of one resource: per cent of the time that some task waited for it, over 10 and 60 seconds."""

    avg10: float
    avg60: float


class Machine:
    """Readings below `root`; storage is asked of the system."""

    def __init__(self, root: str | os.PathLike[str] = "/") -> None:
        self.root = Path(root)

    def external_power(self) -> bool | None:
        """Whether energy comes from outside.  A machine without a battery has nothing else; None: it cannot be read."""
        battery, known = False, True
        for supply in self._folders("sys/class/power_supply"):
            kind = _text(supply / "type") or ""
            if kind == "Battery":
                if _text(supply / "scope") == "Device":
                    continue  # of a mouse
                battery = True
                status = _text(supply / "status")
                known &= status is not None
                if status in ("Charging", "Full"):
                    return True
            elif kind.startswith(MAINS) and _text(supply / "online") in ("1", "2"):
                return True
        if not battery:
            return True
        return False if known else None

    def temperature(self) -> tuple[float, str] | None:
        """(degrees Celsius, name) of the hottest zone that can be read."""
        found = []
        for zone in self._folders("sys/class/thermal", "thermal_zone"):
            kind, milli = _text(zone / "type") or zone.name, _whole(zone / "temp")
            if milli is None or kind in DEAD_ZONES or not PLAUSIBLE[0] < milli / 1000 < PLAUSIBLE[1]:
                continue
            found.append((milli / 1000, kind))
        return max(found, default=None)

    def throttling(self) -> list[str]:
        """Why the machine runs slower, or unsafely, at this moment."""
        return [*dict.fromkeys([*self._pi_bits(), *self._under_voltage(), *self._alerts()])]

    def _pi_bits(self) -> Iterator[str]:
        for path in sorted(self.root.glob(PI_THROTTLED)):
            bits = _hex(_text(path) or "")
            yield from (name for bit, name in enumerate(PI_BITS) if bits >> bit & 1)

    def _under_voltage(self) -> Iterator[str]:
        for monitor in self._folders("sys/class/hwmon"):
            if _text(monitor / "name") == "rpi_volt" and _text(monitor / "in0_lcrit_alarm") == "1":
                yield "under-voltage"

    def _alerts(self) -> Iterator[str]:
        """Jetsons: cooling devices that are alerts, which fans are not."""
        for device in self._folders("sys/class/thermal", "cooling_device"):
            kind = _text(device / "type") or ""
            if ("throttle-alert" in kind or "hot-surface-alert" in kind) and (_whole(device / "cur_state") or 0) > 0:
                yield kind

    def throttle_events(self) -> int:
        """A count that grows when x86 cores were throttled, or a Jetson drew too much current."""
        paths = [
            *self.root.glob("sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"),
            *self.root.glob("sys/class/hwmon/hwmon*/oc*_event_cnt"),
        ]
        return sum(_whole(path) or 0 for path in paths)

    def pressure(self, resource: str) -> Pressure | None:
        """resource: cpu, memory or io.  None: the kernel was built, or booted, without pressure stall information."""
        for line in (_text(self.root / "proc/pressure" / resource) or "").splitlines():
            kind, *fields = line.split()
            values = dict(field.split("=", 1) for field in fields if "=" in field)
            if kind == "some":
                try:
                    return Pressure(float(values["avg10"]), float(values["avg60"]))
                except (KeyError, ValueError):
                    return None
        return None

    def load(self) -> float | None:
        """Tasks that ran or waited, over a minute, per processor."""
        try:
            text = _text(self.root / "proc/loadavg") or ""
            return float(text.split()[0]) / self._processors()
        except (IndexError, ValueError):
            return None

    def _processors(self) -> int:
        lines = (_text(self.root / "proc/stat") or "").splitlines()
        return max(sum(line.startswith("cpu") and line[3:4].isdigit() for line in lines), 1)

    def free_memory(self) -> int | None:
        """Bytes that programs can have without anything being pushed out."""
        for line in (_text(self.root / "proc/meminfo") or "").splitlines():
            if line.startswith("MemAvailable:"):
                digits = line.split()[1]
                return int(digits) * 1024 if digits.isdigit() else None
        return None

    def storage(self, path: str | os.PathLike[str]) -> tuple[int, int] | None:
        """(free for us, size) in bytes of the file system that `path`, or the nearest folder above it, lies on."""
        place = Path(path).absolute()
        for folder in (place, *place.parents):
            try:
                found = os.statvfs(folder)
            except FileNotFoundError:
                continue
            except OSError:
                return None
            return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
        return None

    def network(self) -> bool | None:
        """Whether a default route leads through a link that is up.  Nothing is sent to find out."""
        v4, v6 = _text(self.root / "proc/net/route"), _text(self.root / "proc/net/ipv6_route")
        if v4 is None and v6 is None:
            return None
        links = {*_routes_v4(v4 or ""), *_routes_v6(v6 or "")} - {"lo"}
        return any(self._is_up(link) for link in links)

    def _is_up(self, link: str) -> bool:
        """Tunnels and mobile modems do not know their state."""
        return _text(self.root / "sys/class/net" / link / "operstate") in ("up", "unknown")

    def _folders(self, place: str, prefix: str = "") -> list[Path]:
        folder = self.root / place
        try:
            return sorted(folder / name for name in os.listdir(folder) if name.startswith(prefix))
        except OSError:
            return []


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip().rstrip("\0")
    except OSError:
        return None


def _whole(path: Path) -> int | None:
    try:
        return int(_text(path) or "")
    except ValueError:
        return None


def _routes_v4(text: str) -> Iterator[str]:
    """Links of the default routes of /proc/net/route: interface, destination, gateway, flags, …"""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 8 and fields[1] == fields[7] == "00000000" and _hex(fields[3]) & ROUTE_UP:
            yield fields[0]


def _routes_v6(text: str) -> Iterator[str]:
    """Links of the default routes of /proc/net/ipv6_route: destination, its length, …, flags, interface."""
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 10 and fields[0].strip("0") == "" and fields[1] == "00" and _hex(fields[8]) & ROUTE_UP:
            yield fields[9]


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
