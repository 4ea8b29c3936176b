"""What answers are worth, given the log odds that `builder` expects of them: exact log odds, counts of people, and
counts of a model's samples, whose prompts scatter around the curve as exact ones do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from replicator.inference import scatter
from replicator.inference.structure import DEGREES_OF_FREEDOM, Structure
from replicator.theories import priors

_FAR = 300.0
"""Logits off the curve beyond which a question, in a proposal of the sampler, is as far off as can be told."""


def likelihood(structure: Structure, data: Mapping[str, Any], logits: Any) -> None:
    """Of all answers around (row, contrast) log odds."""
    if structure.likelihood == "probabilities":
        if structure.options == 2:
            pm.StudentT("choices", nu=DEGREES_OF_FREEDOM, mu=logits, sigma=_scatter(data), observed=data["observed"])
        else:
            pm.CustomDist(
                "choices", logits, _scatter(data), logp=_student, signature="(c),()->(c)", observed=data["observed"]
            )
        return
    if structure.prompts_summed:
        pm.CustomDist(
            "choices", logits[:, 0], _scatter(data), logp=_summed(data), signature="(),()->()",
            observed=data["observed"][:, 0],
        )  # fmt: skip
        return
    if structure.cells:
        logits = _cells(data, logits)
    if structure.options == 2:
        # Without the binomial coefficient, which is constant and costs more than all the rest. Counts given traces
        # of reasoning are fractional.
        pm.CustomDist("choices", data["total"], logits[:, 0], logp=_binomial, observed=data["observed"][:, 0])
    else:
        pm.CustomDist(
            "choices", data["observed"], logits, logp=_multinomial, signature="(k),(c)->()", observed=data["total"]
        )


def counted(structure: Structure, counts: np.ndarray) -> dict[str, np.ndarray]:
    """What the likelihood reads of (..., option) counts."""
    given = {"observed": counts, "total": counts.sum(axis=-1)}
    return given | scatter.splines(counts) if structure.prompts_summed else given


def binomial_counts(data: Mapping[str, Any], both: tuple[Any, Any], misfit: Any) -> None:
    """Counts of two options: that of `likelihood`, from what is proportional to the probabilities a and b of `both`.

    log likelihood = k log(a e^misfit / (a e^misfit + b)) + (n - k) log(b / (a e^misfit + b))

    All have the shape of the counts or broadcast against it. It takes the fewest transcendental functions, which are
    nearly all that a gradient costs.
    """
    given = [data["total"], *both]
    if misfit is not None:
        given.append(pt.exp(pt.clip(misfit, -_FAR, _FAR)))
    pm.CustomDist("choices", *given, logp=_binomial_of_odds, observed=data["observed"][..., 0])


def _binomial_of_odds(value: Any, total: Any, first: Any, second: Any, factor: Any = 1.0) -> Any:
    shifted = first * factor
    together = shifted + second
    return value * pt.log(shifted / together) + (total - value) * pt.log(second / together)


def _scatter(data: Mapping[str, Any]) -> Any:
    """Scale of the log odds of prompts around the curve."""
    residual = priors.document("common")["parameters"]["residual"]
    return residual["floor"] + pm.HalfNormal("residual", residual["sd"], initval=data["start_residual"])


def _cells(data: Mapping[str, Any], logits: Any) -> Any:
    """(cell, contrast) log odds of each prompt, multivariate Student-t around `logits` as those of exact answers.

        raw ~ Student-t(w logits, sigma^w),   log odds = (1 - w) logits + sigma^(1-w) raw

    A cell with many answers is centred (w = 1): its raw value is its log odds, which the answers show.
    """
    weight, sigma = data["centring_cell"], _scatter(data)
    raw = pm.Flat("cell_raw", dims=("cell", "contrast"), initval=data["start_cell_raw"])
    pm.Potential("cell_prior", _student(raw, weight * logits, sigma ** weight[:, 0]).sum())
    return (1.0 - weight) * logits + sigma ** (1.0 - weight) * raw


def _student(value: Any, location: Any, scale: Any) -> Any:
    """(row,) log density of (row, contrast) log odds: multivariate Student-t with one scale for all options.

    Every option's log probability scatters alike and on its own, with half of the variance: contrasts of K options
    against the last then have the shape scale^2 (I + 1 1') / 2, of which the last is no special one. With r the
    distances from the location and nu degrees of freedom,

        Q = 2 / scale^2 (sum r^2 - (sum r)^2 / K)
        log density = log G((nu + K - 1) / 2) - log G(nu / 2) - (K - 1) / 2 log(nu pi scale^2 / 2) - log(K) / 2
                      - (nu + K - 1) / 2 log(1 + Q / nu)

    and for K = 2 that of the univariate Student-t.
    """
    nu, apart = DEGREES_OF_FREEDOM, value - location
    contrasts = value.type.shape[-1] if value.type.shape[-1] is not None else value.shape[-1]
    square = (apart**2).sum(axis=-1) - apart.sum(axis=-1) ** 2 / (contrasts + 1.0)
    constant = pt.gammaln((nu + contrasts) / 2.0) - pt.gammaln(nu / 2.0) - pt.log(contrasts + 1.0) / 2.0
    spread = contrasts / 2.0 * pt.log(nu * np.pi * scale**2 / 2.0)
    return constant - spread - (nu + contrasts) / 2.0 * pt.log1p(2.0 * square / (nu * scale**2))


def _binomial(value: Any, total: Any, logit: Any) -> Any:
    """log likelihood of `value` of `total` choices, up to the binomial coefficient."""
    return value * logit - total * pt.softplus(logit)


def _summed(data: Mapping[str, Any]) -> Callable[..., Any]:
    """log likelihood of counts whose prompts' log odds are Student-t around `logit`, up to the binomial coefficient."""

    def of_counts(value: Any, logit: Any, scale: Any) -> Any:
        del value  # the splines in `data` say it
        return scatter.log_likelihood(pt, data, logit, scale)

    return of_counts


def _multinomial(total: Any, counts: Any, logits: Any) -> Any:
    """log likelihood of (n, k) counts, up to the multinomial coefficient; `logits` (n, k - 1) are against the last."""
    full = pt.concatenate([logits, pt.zeros_like(logits[:, :1])], axis=1)
    return (counts * full).sum(axis=1) - total * pt.logsumexp(full, axis=1)
