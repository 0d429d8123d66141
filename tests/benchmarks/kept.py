"""Results that a long benchmark keeps as it goes, so that it can go on where it was stopped.

A result is kept under its own name and the fingerprint of the code that made it: results of other code are
never taken for those of the present one.
"""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import geodata
import monitoring

OF_RESULTS = (
    "agreement",
    "attribution",
    "cases",
    "coverage",
    "evaluation",
    "incidents",
    "pipeline",
    "rules",
    "simulation",
    "tracks",
    "*.py",
)
"""What in `monitoring` a score depends on."""
NOT_OF_RESULTS = ("published", "__pycache__", "workflow", "decisions", "settings", "bootstrap")


@cache
def code_fingerprint() -> str:
    """Twelve hexadecimal digits that change with any source or data file that a score depends on."""
    core, here = Path(monitoring.__file__).parent, Path(__file__).parent
    roots = [Path(geodata.__file__).parent, *(path for name in OF_RESULTS for path in core.glob(name))]
    files = [file for root in roots for file in (root.rglob("*") if root.is_dir() else [root])]
    files += [here / f"{name}.py" for name in ("detectors", "impartiality", "naive", "tally")]
    digest = hashlib.sha256()
    for file in sorted(files):
        if file.suffix in {".py", ".yaml", ".geojson"} and not any(n in str(file) for n in NOT_OF_RESULTS):
            digest.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def kept(folder: Path | None, name: str, make: Callable[[], Any]) -> Any:
    """The JSON value `name` of this code from the folder, or made now and kept there."""
    if folder is None:
        return make()
    path = folder / code_fingerprint() / f"{name}.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    made = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: a run that is stopped here must not leave half a result.
    written = path.with_suffix(".part")
    written.write_text(json.dumps(made, sort_keys=True), encoding="utf-8")
    written.replace(path)
    return made
