"""Posteriors as a tidy table: one row a draw of one parameter, for programs that read no netCDF."""

from __future__ import annotations

from pathlib import Path

import arviz as az
import pandas as pd

from replicator import theories
from replicator.runs import Run

COLUMNS = (
    "population", "theory", "noise", "estimand", "pooling", "condition", "parameter", "chain", "draw", "value",
)  # fmt: skip


_NUISANCES = ("sensitivity", "response_intercept", "lapse", "position_effect")
"""Of no theory. The last two are shared by all conditions; of the position effect it is the mean over label sets."""

_EFFECT = "_effect"
"""Ending of the variables that hold effects of attributes on a coordinate."""


def draws(run: Run) -> pd.DataFrame:
    """All draws of all posteriors of a run on the parameters' natural scale, in the columns `COLUMNS`.

    Parameters of the theories, sensitivity, response intercept, lapse and position effect, and effects of attributes,
    which stand on the coordinate and are called as in the results; the last three have the condition "all". Empty where
    nothing was sampled.
    """
    tables = [_of_file(path) for path in sorted(run.posteriors.glob("*.nc"))]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS))


def _of_file(path: Path) -> pd.DataFrame:
    posterior = az.from_netcdf(path).posterior
    theory = theories.get(str(posterior.attrs["theory"]))
    tables = []
    for name in (*theory.parameter_names, *_NUISANCES):
        if name not in posterior:
            continue
        variable = posterior[name]
        spare = [dim for dim in variable.dims if dim not in ("chain", "draw", "condition")]
        values = variable.mean(spare).to_dataframe(name="value").reset_index()
        tables.append(values.assign(parameter=name))
    for name in [str(name) for name in posterior.data_vars if str(name).endswith(_EFFECT)]:
        if "effect" in posterior[name].dims:
            values = posterior[name].to_dataframe(name="value").reset_index()
            parameter = name.removesuffix(_EFFECT) + ":" + values["effect"].astype(str)
            tables.append(values.assign(parameter=parameter))
    table = pd.concat(tables, ignore_index=True)
    table["condition"] = table["condition"].fillna("all") if "condition" in table else "all"
    for name in ("population", "theory", "noise", "estimand", "pooling"):
        table[name] = str(posterior.attrs.get(name, ""))
    tidy: pd.DataFrame = table[list(COLUMNS)]
    return tidy
