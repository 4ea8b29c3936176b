"""The model of hBayesDM's `ra_prospect` (Ahn, Haines & Zhang 2017, doi:10.1162/CPSY_a_00002) written in PyMC.

Person i accepts an even gamble of a gain g and a loss l instead of nothing with

    P(accept) = 1 / (1 + exp(-tau_i (g^rho_i - lambda_i l^rho_i) / 2))

    rho_i = 2 Phi(m_1 + s_1 z_1i),   lambda_i = 5 Phi(m_2 + s_2 z_2i),   tau_i = 30 Phi(m_3 + s_3 z_3i)

    m ~ Normal(0, 1),   s ~ HalfNormal(.2),   z ~ Normal(0, 1)

where Phi is Stan's approximation to the standard normal distribution. Parameters, priors and coordinates are theirs;
powers are tabulated over distinct amounts, and answers of a person to one gamble are counted together.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import nutpie
import pymc as pm
import pytensor.tensor as pt
from gambles import Gambles
from scipy import special
from threadpoolctl import threadpool_limits

BOUNDS = {"rho": 2.0, "lambda": 5.0, "tau": 30.0}
"""Upper; the lower are zero."""
SPREAD = 0.2
"""Scale of the prior of s."""
TARGET_ACCEPT = 0.95
"""hBayesDM's."""


@dataclass(frozen=True)
class Twin:
    draws: Mapping[str, np.ndarray]
    """Name, as in the Stan program -> (chain, draw, ...)."""
    compiling: float
    sampling: float


def sample(gambles: Gambles, *, seed: int, chains: int, warmup: int, draws: int, cores: int) -> Twin:
    """Draws from the posterior."""
    begun = time.perf_counter()
    compiled = nutpie.compile_pymc_model(model(gambles))
    built = time.perf_counter()
    with threadpool_limits(limits=1):
        found = nutpie.sample(
            compiled, chains=chains, tune=warmup, draws=draws, cores=cores, seed=seed, target_accept=TARGET_ACCEPT,
            progress_bar=False, save_warmup=False,
        )  # fmt: skip
    done = time.perf_counter()
    names = ("mu_pr", "sigma", *(f"{name}_pr" for name in BOUNDS), *BOUNDS)
    kept = {name: np.asarray(found.posterior[name]) for name in names}
    kept |= {f"mu_{name}": bound * phi(kept["mu_pr"][..., [i]]) for i, (name, bound) in enumerate(BOUNDS.items())}
    return Twin(kept, built - begun, done - built)


def model(gambles: Gambles) -> pm.Model:
    gains, gain = np.unique(gambles.gain, return_inverse=True)
    losses, loss = np.unique(gambles.loss, return_inverse=True)
    person, accepted, asked = gambles.person, gambles.accepted, gambles.asked
    with pm.Model() as made:
        location = pm.Normal("mu_pr", 0.0, 1.0, shape=3)
        spread = pm.HalfNormal("sigma", SPREAD, shape=3)
        of = {}
        for i, (name, bound) in enumerate(BOUNDS.items()):
            standard = pm.Normal(f"{name}_pr", 0.0, 1.0, shape=gambles.people)
            of[name] = pm.Deterministic(name, bound * pt.sigmoid(_probit_slope(location[i] + spread[i] * standard)))
        won = _powers(gains, of["rho"])[person, gain]
        lost = _powers(losses, of["rho"])[person, loss]
        eta = of["tau"][person] * 0.5 * (won - of["lambda"][person] * lost)
        pm.Potential("choices", (accepted * eta - asked * pt.softplus(eta)).sum())
    return made


def log_likelihood(gambles: Gambles, person: int, coordinates: np.ndarray) -> np.ndarray:
    """(s,) log likelihood of a person's answers at (s, 3) values of m + s z."""
    rows = gambles.person == person
    rho, weight, tau = (bound * phi(coordinates[:, i, None]) for i, bound in enumerate(BOUNDS.values()))
    eta = tau * 0.5 * (gambles.gain[rows] ** rho - weight * gambles.loss[rows] ** rho)
    return np.asarray((gambles.accepted[rows] * eta - gambles.asked[rows] * np.logaddexp(0.0, eta)).sum(axis=1))


def phi(value: np.ndarray) -> np.ndarray:
    """Stan's Phi_approx: the inverse logit of 0.07056 x^3 + 1.5976 x (Bowling et al. 2009)."""
    return np.asarray(special.expit(_probit_slope(value)))


def _probit_slope(value):  # type: ignore[no-untyped-def]
    return 0.07056 * value**3 + 1.5976 * value


def _powers(amounts: np.ndarray, rho):  # type: ignore[no-untyped-def]
    """(person, amount)"""
    return pt.exp(rho[:, None] * np.log(np.maximum(amounts, 1e-12))[None, :])
