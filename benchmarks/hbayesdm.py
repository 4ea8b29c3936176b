"""hBayesDM's `ra_prospect`, compiled and sampled by Stan in an environment and a process of its own.

The environment is made on first use in the user's cache folder. The Stan program (GPLv3) is taken out of hBayesDM's
source distribution there and is no part of this package. hBayesDM 1.1.1 stands on PyStan 2, which no longer builds;
PyStan 3 speaks a newer Stan, so that the program is modernised mechanically (see `modernised`). Its model block,
priors and parameters stay as they are. Settings are hBayesDM's own, but for `ITERATIONS`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from replicator.store import default_path

HBAYESDM = "1.1.1"
PYSTAN = "3.10.0"
PROGRAM = "hbayesdm/common/stan_files/ra_prospect.stan"

CHAINS = 4
ITERATIONS = 1000
"""Half of them warm-up. The example of hBayesDM's documentation has twice as many; its default is 4,000."""
ADAPT_DELTA = 0.95
"""hBayesDM's default; so are starts at random."""


@dataclass(frozen=True)
class Sampled:
    """What hBayesDM's model gave."""

    draws: Mapping[str, np.ndarray]
    """Stan's name -> (chain, draw, ...)."""
    compiling: float
    """Seconds until the program is compiled."""
    sampling: float
    """Seconds of warm-up and draws."""


def sample(
    trials: Mapping[str, np.ndarray], *, seed: int, warmup: int, iterations: int, tell: Callable[[str], None]
) -> Sampled:
    """Draws from the posterior of `ra_prospect`, given `gambles.Gambles.trials`."""
    python = _environment(tell)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ra_prospect.stan").write_text(modernised(_program(python)), encoding="utf-8")
        np.savez(folder / "trials.npz", **trials)
        settings = map(str, (seed, CHAINS, warmup, iterations - warmup, ADAPT_DELTA))
        # A compiler's messages and the progress of chains, which PyStan will have somewhere to write.
        with (folder / "log.txt").open("w", encoding="utf-8") as log:
            process = [python, Path(__file__).with_name("hbayesdm_process.py"), folder, *settings]
            failed = subprocess.run(process, check=False, stdout=log, stderr=log).returncode != 0
        if failed:
            last = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise click.ClickException(f"PyStan could not compile or sample hBayesDM's model: {' '.join(last)}")
        with np.load(folder / "draws.npz") as found:
            draws = {name: found[name] for name in found.files}
    return Sampled(draws, float(draws.pop("compiling")), float(draws.pop("sampling")))


_ARRAY = r"^(\s*)((?:int|real|vector)(?:<[^>]*>)?)\s+(\w+)\s*\[([^\]]+)\]\s*;"
"""An array's declaration as it was."""


def modernised(program: str) -> str:
    """A program of hBayesDM's in the Stan of today.

    Arrays are declared `array[N] real x` where they were `real x[N]`; `fabs` is now `abs`. The file of the licence is
    not included, and draws from the posterior predictive are left out: nothing here reads them, and each would be sent
    over a socket. That makes the program faster.
    """
    program = re.sub(r"^#include .*\n", "", program, flags=re.M)
    program = re.sub(r"\bfabs\(", "abs(", program)
    program = re.sub(_ARRAY, r"\1array[\4] \2 \3;", program, flags=re.M)
    return re.sub(r"^.*\by_pred\b.*;.*\n", "", program, flags=re.M)


def _environment(tell: Callable[[str], None]) -> Path:
    """The Python of the environment."""
    folder = default_path().parent / "benchmarks" / f"hbayesdm-{HBAYESDM}"
    python = folder / "bin" / "python"
    wanted = f"import stan, importlib.metadata as m; assert m.version('pystan') == '{PYSTAN}'"
    asked = [python, "-c", wanted]
    if _archive(python).exists() and subprocess.run(asked, capture_output=True, check=False).returncode == 0:
        return python
    tell(f"installing PyStan {PYSTAN} and hBayesDM {HBAYESDM}'s source into {folder}")
    venv.create(folder, clear=True, with_pip=True)
    pip = [python, "-m", "pip", "-qqq", "--disable-pip-version-check"]
    source = ["--no-deps", "--no-binary", "hbayesdm", "--dest", folder, f"hbayesdm=={HBAYESDM}"]
    # PyStan reads pkg_resources, which newer setuptools no longer have.
    for arguments in (["install", f"pystan=={PYSTAN}", "setuptools<81"], ["download", *source]):
        subprocess.run([*pip, *arguments], check=True, stdout=sys.stderr)
    return python


def _archive(python: Path) -> Path:
    return python.parent.parent / f"hbayesdm-{HBAYESDM}.tar.gz"


def _program(python: Path) -> str:
    with tarfile.open(_archive(python)) as archive:
        file = archive.extractfile(f"hbayesdm-{HBAYESDM}/{PROGRAM}")
        assert file is not None
        return file.read().decode("utf-8")
