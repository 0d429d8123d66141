"""The workspace at `/`: the built bundle, with its routes falling back to its one page."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from starlette.convertors import Convertor, register_url_convertor

from api import policy
from api.errors import Problem
from api.policy import GuardedRoute, allow

BUNDLE: Final = Path(__file__).parent / "web" / "dist"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


class _PagePath(Convertor[str]):
    """Every path that is not the API's: so a wrong method or path under `/v1` is answered by the API."""

    regex = r"(?!v1(?:/|$)|healthz|readyz|metrics|openapi\.json|docs).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _PagePath())


def workspace_router(bundle: Path) -> APIRouter:
    """The route that serves the files of `bundle`."""
    router = APIRouter(route_class=GuardedRoute)
    root = bundle.resolve()

    @router.get("/{path:page}", include_in_schema=False, response_class=Response, **allow(policy.PUBLIC))
    def workspace(request: Request, path: Annotated[str, PathParameter()]) -> Response:
        found = (root / path).resolve() if "\0" not in path else root
        if found.is_relative_to(root) and found.is_file() and found.name != "index.html":
            is_hashed = found.parent.name == "assets"
            return FileResponse(found, headers={"Cache-Control": _FOR_EVER if is_hashed else _ASK_AGAIN})
        page = root / "index.html"
        wants_page = "." not in path.rpartition("/")[2] or path == "index.html"
        if not page.is_file() or not wants_page:
            raise Problem(404, "not_found", "There is no such page", f"nothing is at {request.url.path}")
        return FileResponse(page, headers={"Cache-Control": _ASK_AGAIN})

    return router
