"""The priors of the fits: `priors/theories/NAME.json`, centred on the neutral null with human width.

References in `priors/humans` are never the prior of a fit, so that agreement with people is never the prior's doing.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from replicator import resources
from replicator.theories.theory import Prior


@cache
def document(name: str) -> dict[str, Any]:
    """The document of a theory's priors, or of what all theories share ("common")."""
    loaded: dict[str, Any] = json.loads(resources.theory_prior_file(name).read_text(encoding="utf-8"))
    return loaded


def prior(theory: str, parameter: str) -> Prior:
    """The prior of one parameter's coordinate."""
    entry = document(theory)["parameters"][parameter]
    return Prior(
        mean=float(entry["mean"]),
        sd=float(entry["sd"]),
        person_sd=float(entry["person_sd"]),
        source=str(entry["source"]),
    )
