"""Arrow without pandas: making its first array, Arrow looks for pandas, which takes half a second and 40 MB to load.

Nothing here hands Arrow anything of pandas. Geopandas, which reads GeoPackages, brings it in by itself.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _ForGeopandasOnly(MetaPathFinder):
    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if fullname == "pandas" and "geopandas" not in sys.modules:
            raise ModuleNotFoundError("only geopandas needs pandas here", name=fullname)


def keep_pandas_out() -> None:
    """From now on only geopandas loads pandas in this process."""
    sys.meta_path.insert(0, _ForGeopandasOnly())
