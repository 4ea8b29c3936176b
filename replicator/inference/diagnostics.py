"""Did the sampler do its work? R-hat, effective sample sizes, divergences and E-BFMI gate every result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import arviz as az
import numpy as np

from replicator.inference.sampling import Draws

R_HAT = 1.01
"""Vehtari et al. 2021, doi:10.1214/20-BA1221."""
ESS = 400.0
"""Bulk and tail, over all chains: the same source."""
DIVERGENCES = 0
E_BFMI = 0.3
"""Betancourt 2016, arXiv:1604.00695."""


@dataclass(frozen=True)
class Diagnostics:
    """The worst value over the variables that a result rests on."""

    r_hat: float
    ess_bulk: float
    ess_tail: float
    divergences: int
    e_bfmi: float
    passed: bool

    def document(self) -> dict[str, Any]:
        """For results: what is not a number, since a chain never moved, becomes null."""
        return {name: None if value != value else value for name, value in asdict(self).items()}

    def failures(self) -> str:
        """What did not pass, in words."""
        said = []
        if not self.r_hat <= R_HAT:
            said.append(f"R-hat {self.r_hat:.3f} above {R_HAT}")
        if not min(self.ess_bulk, self.ess_tail) >= ESS:
            said.append(f"{min(self.ess_bulk, self.ess_tail):.0f} effective draws, fewer than {ESS:.0f}")
        if self.divergences > DIVERGENCES:
            said.append(f"{self.divergences} divergent transitions")
        if not self.e_bfmi >= E_BFMI:
            said.append(f"E-BFMI {self.e_bfmi:.2f} below {E_BFMI}")
        return "; ".join(said)


def diagnose(draws: Draws, names: Sequence[str]) -> Diagnostics:
    """Diagnostics of the named posterior variables and of the sampler as a whole."""
    posterior = draws.posterior[list(names)]
    r_hat = _extreme(az.rhat(posterior), np.max)
    ess_bulk = _extreme(az.ess(posterior, method="bulk"), np.min)
    ess_tail = _extreme(az.ess(posterior, method="tail"), np.min)
    divergences = int(draws.sample_stats["diverging"].sum())
    e_bfmi = float(np.min(az.bfmi(draws)))
    passed = r_hat <= R_HAT and min(ess_bulk, ess_tail) >= ESS and divergences <= DIVERGENCES and e_bfmi >= E_BFMI
    return Diagnostics(r_hat, ess_bulk, ess_tail, divergences, e_bfmi, bool(passed))


def _extreme(values: Any, reduce: Any) -> float:
    return float(reduce([reduce(np.asarray(values[name])) for name in values.data_vars]))
