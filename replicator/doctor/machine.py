"""What this machine can do: libraries, device and memory, cores, and the folder where answers are kept."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from pathlib import Path

from replicator.doctor.finding import Finding, unlooked
from replicator.store import CACHE_VARIABLE, default_path

LIBRARIES = ("torch", "transformers", "pymc")
LITTLE_ROOM = 2**30
"""Bytes of free disk below which it is worth a warning."""
LITTLE_MEMORY = 4 * 2**30
"""Bytes of memory below which estimation or a small checkpoint may not fit."""


def examine(device: str | None) -> list[Finding]:
    """A finding a library, and one each for device, memory, cores and cache folder.

    Raises UsageError for a device that does not exist.
    """
    libraries = {name: _library(name) for name in LIBRARIES}
    computes = all(libraries[name].verdict == "sound" for name in ("torch", "transformers"))
    return [
        Finding("python", "sound", platform.python_version()),
        *libraries.values(),
        _device(device) if computes else unlooked("device", "not looked at: a library is missing"),
        _memory(),
        _cores(),
        _cache(default_path().parent),
    ]


def _library(name: str) -> Finding:
    try:
        return Finding(name, "sound", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, "unsound", "not installed", remedy="Install the package again: `make install`.")


def _device(wanted: str | None) -> Finding:
    import torch

    from replicator.engines.devices import settings

    place, _ = settings(wanted, None)
    if place.type != "cuda":
        return Finding("device", "sound", f"{place.type}; large models are slow without a GPU")
    free, total = torch.cuda.mem_get_info(place)
    return Finding("device", "sound", f"{torch.cuda.get_device_name(place)}, {_size(free)} of {_size(total)} free")


def _memory() -> Finding:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return Finding("memory", "sound", "not told by this system")
    if total < LITTLE_MEMORY:
        return Finding("memory", "doubtful", _size(total), remedy="Use small checkpoints, or dtype=bfloat16.")
    return Finding("memory", "sound", _size(total))


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Finding("cores", "sound", str(usable))


def _cache(folder: Path) -> Finding:
    """Nothing is written: a folder that does not exist yet is judged by the one in which it would be made."""
    remedy = f"Set {CACHE_VARIABLE} to a folder that may be written."
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Finding("cache folder", "unsound", f"{folder} cannot be written", remedy=remedy)
    free = shutil.disk_usage(existing).free
    found = f"{folder}, {_size(free)} free"
    if free < LITTLE_ROOM:
        remedy = f"Free some space, or set {CACHE_VARIABLE} to another disk."
        return Finding("cache folder", "doubtful", found, remedy=remedy)
    return Finding("cache folder", "sound", found)


def _size(number: float) -> str:
    return f"{number / 2**30:.1f} GiB"
