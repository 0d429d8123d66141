"""The door for events, the receipts it gives, and the events that were accepted."""

import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Annotated, Any, Final, Literal

import anyio
import anyio.from_thread
import anyio.to_thread
import pyarrow.compute as pc
from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from api import policy, presentation, schemas
from api.auth import Me
from api.errors import MEDIA_TYPE, Problem, problem_response
from api.limits import Limits
from api.metrics import Metrics
from api.policy import GuardedRoute, allow
from api.routes.parameters import From, To, limits_of, runtime_of, time_ns
from monitoring.adapters.refusals import Overloaded

router = APIRouter(route_class=GuardedRoute, tags=["events"])
NDJSON_TYPE: Final = "application/x-ndjson"
STREAM_TYPES: Final = (NDJSON_TYPE, "application/ndjson", "application/jsonl", "application/x-jsonlines")
DOCUMENT_TYPES: Final = (
    "text/csv",
    "application/json",
    "application/geo+json",
    "application/geo+json-seq",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/octet-stream",
)
BODY_TYPES: Final = (*STREAM_TYPES, *DOCUMENT_TYPES)
SENSOR_SPAN_NS: Final = 25 * 3_600 * 10**9
"""The longest day: as much of one sensor's events as is looked through for one answer."""
ENCODINGS: Final = ("identity", "gzip")
REFUSED_STATUS: Final = {"size_limit": 413}
"""The status for a body that is refused whole; 422 unless named here."""
_DOCUMENTED: Final[dict[int | str, dict[str, Any]]] = {
    code: {"description": text, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, text in {
        408: "The body came too slowly",
        413: "The body is too large",
        415: "A media type or encoding that is not taken",
        422: "Nothing of the body was accepted; `receipt` says why",
        429: "Too much waits; send it again after `Retry-After`",
        507: "Nothing can be written at present",
    }.items()
}


class Deliveries:
    """How many deliveries, and how many bytes of them, are in hand at one time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._count = 0
        self._bytes = 0
        self.threads = anyio.CapacityLimiter(limits.deliveries_max)

    def begin(self) -> None:
        """Take one more. Raises Overloaded."""
        if self._count >= self._limits.deliveries_max:
            raise Overloaded(f"{self._count} deliveries are being taken; send this one again in a second")
        self._count += 1

    def grow(self, count: int) -> None:
        """Hold `count` further bytes. Raises Overloaded."""
        if self._bytes + count > self._limits.deliveries_bytes_max:
            raise Overloaded(
                "the bodies in hand fill the memory set aside for them; send it again later", 2.0
            )
        self._bytes += count

    def end(self, count: int) -> None:
        """Let one go with its bytes."""
        self._count -= 1
        self._bytes -= count


@router.post(
    "/v1/events",
    response_model=schemas.Receipt,
    responses={**_DOCUMENTED, **allow(policy.DELIVERERS)["responses"]},
    openapi_extra={
        **allow(policy.DELIVERERS)["openapi_extra"],
        "requestBody": {
            "required": True,
            "description": "Event records; `Content-Encoding: gzip` is taken. NDJSON without `Content-Length` "
            "is read as a stream and answered with running receipts, one a line.",
            "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in BODY_TYPES},
        },
    },
)
async def deliver(
    request: Request,
    me: Me,
    wait: Annotated[Literal["durable", "processed"], Query(description="when to answer")] = "durable",
    end_of_input: Annotated[bool, Query(description="close what this delivery opened")] = False,
    name: Annotated[str, Query(max_length=255, description="what the receipt calls it")] = "request body",
    now: Annotated[str | None, Query(description="reference clock for skew, RFC 3339")] = None,
) -> Response:
    """Deliver events. The receipt is durable when given; each refused row is named with its reason."""
    media = request.headers.get("content-type", "").split(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if media not in BODY_TYPES:
        raise _unsupported(f"Content-Type is {media or 'missing'}; taken are {', '.join(BODY_TYPES)}")
    if encoding not in ENCODINGS:
        raise _unsupported(f"Content-Encoding is {encoding!r}; taken are {', '.join(ENCODINGS)}")
    now_ns = time_ns(now, "now")
    runtime = runtime_of(request)
    deliveries: Deliveries = request.app.state.deliveries
    metrics: Metrics = request.app.state.metrics
    declared = None if encoding == "identity" else encoding
    deliveries.begin()
    if "content-length" not in request.headers and media in STREAM_TYPES and not end_of_input:
        ingest = partial(
            runtime.ingest_stream, content_type=media, encoding=declared, principal=me.name, wait=wait
        )
        return RunningReceipts(request.stream(), ingest, deliveries, metrics)
    body = bytearray()
    try:
        async for piece in request.stream():
            deliveries.grow(len(piece))
            body += piece
        receipt = await anyio.to_thread.run_sync(
            partial(
                runtime.ingest_bytes,
                bytes(body),
                content_type=media,
                encoding=declared,
                principal=me.name,
                wait=wait,
                end_of_input=end_of_input,
                name=name,
                now_ns=now_ns,
            ),
            limiter=deliveries.threads,
        )
    finally:
        deliveries.end(len(body))
    return receipt_response(receipt, metrics)


@router.get("/v1/receipts/{receipt_id}", response_model=schemas.Receipt, **allow(policy.RECEIPT_READERS))
def show_receipt(
    request: Request, me: Me, receipt_id: Annotated[str, Path(max_length=128)]
) -> dict[str, Any]:
    """What became of a delivery; a sensor sees its own receipts only."""
    kept = runtime_of(request).store.receipt(receipt_id)
    if kept is None or not (me.is_monitor or kept["principal"] == me.name):
        raise Problem(404, "not_found", "There is no such receipt", f"no receipt {receipt_id!r}")
    body: dict[str, Any] = kept["body"]
    if me.sees_sensor_places or kept["principal"] == me.name:
        return body
    # Details quote rows, which may hold the place of a sensor.
    return {**body, "rows": [{**row, "detail": ""} for row in body["rows"]]}


@router.get(
    "/v1/events",
    response_model=schemas.Events,
    responses={200: {"content": {NDJSON_TYPE: {}}}, **allow(policy.MONITORS)["responses"]},
    openapi_extra=allow(policy.MONITORS)["openapi_extra"],
)
def list_events(
    request: Request,
    me: Me,
    ids: Annotated[list[str] | None, Query(description="`sensor_id/id`, one by one or by commas")] = None,
    sensor_id: Annotated[str | None, Query(max_length=64)] = None,
    track_id: Annotated[str | None, Query(max_length=64)] = None,
    from_: From = None,
    to: To = None,
    limit: Annotated[int, Query(ge=1, le=5_000)] = 1_000,
    form: Annotated[Literal["json", "ndjson"] | None, Query(alias="format")] = None,
) -> Any:
    """Accepted events: by ids, or of one sensor (and track) within a time."""
    runtime = runtime_of(request)
    if ids:
        named = [key for text in ids for key in text.split(",") if key]
        chosen = named[: limits_of(request).evidence_max]
        table = runtime.archive.select(ids=chosen, limit=limit + 1)
    elif sensor_id is not None:
        table = _of_sensor(request, sensor_id, track_id, time_ns(from_, "from"), time_ns(to, "to"), limit + 1)
    else:
        raise Problem(422, "invalid_request", "The request is malformed", "name `ids` or a `sensor_id`")
    records = presentation.events(table.slice(0, limit), with_sensor_places=me.sees_sensor_places)
    wants_lines = form == "ndjson" or (form is None and NDJSON_TYPE in request.headers.get("accept", ""))
    if wants_lines:
        lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        return Response(lines, media_type=NDJSON_TYPE)
    return {"items": records, "truncated": table.num_rows > limit}


def receipt_response(receipt: dict[str, Any], metrics: Metrics) -> JSONResponse:
    """200 when any row was accepted or known already; otherwise the problem, with the receipt in it."""
    metrics.delivery(receipt)
    files = receipt.get("files") or []
    if files:
        reason = str(files[0]["reason"])
        metrics.refused(reason)
        status = REFUSED_STATUS.get(reason, 422)
        detail = str(files[0].get("detail") or reason)
        return problem_response(status, reason, "The body was refused", detail, receipt=receipt)
    if receipt["accepted"] or receipt["duplicates"]:
        return JSONResponse(receipt)
    return problem_response(
        422, "no_row_accepted", "No row was accepted", "every row is in the quarantine", receipt=receipt
    )


class RunningReceipts(Response):
    """Reads a stream of rows and answers with running receipts while it comes.

    The newest receipt waits to be sent, older ones give way to it: a client that reads nothing until it has
    sent all cannot make anything grow here. A stream that ends before a receipt was due is answered like a whole
    body.
    """

    def __init__(
        self, pieces: AsyncIterator[bytes], ingest: Any, deliveries: Deliveries, metrics: Metrics
    ) -> None:
        super().__init__(media_type=NDJSON_TYPE)
        self._pieces = pieces
        self._ingest = ingest
        self._deliveries = deliveries
        self._metrics = metrics
        self._newest: dict[str, Any] | None = None
        self._changed = anyio.Event()
        self._failure: Exception | None = None
        self._is_done = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._take)
                await self._tell(scope, receive, send)
        finally:
            self._deliveries.end(0)

    async def _take(self) -> None:
        def take() -> None:
            for receipt in self._ingest(self._blocking_pieces()):
                anyio.from_thread.run_sync(self._show, receipt)

        try:
            await anyio.to_thread.run_sync(take, limiter=self._deliveries.threads)
        except Exception as error:  # noqa: BLE001 - answered by _tell, which has the connection
            self._failure = error
        self._is_done = True
        self._changed.set()

    def _blocking_pieces(self) -> Iterator[bytes]:
        while True:
            piece = anyio.from_thread.run(self._next_piece)
            if piece is None:
                return
            if piece:
                yield piece

    async def _next_piece(self) -> bytes | None:
        try:
            return await anext(self._pieces, None)
        except Exception as error:
            raise ConnectionError(f"the stream broke: {error}") from error

    def _show(self, receipt: dict[str, Any]) -> None:
        self._newest = receipt
        self._changed.set()

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_started = False
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            receipt, self._newest = self._newest, None
            if self._failure is not None and not is_started:
                raise self._failure
            if receipt is not None and receipt.get("final") and not is_started:
                await receipt_response(receipt, self._metrics)(scope, receive, send)
                return
            if receipt is not None:
                if not is_started:
                    start = {"type": "http.response.start", "status": 200, "headers": _stream_headers()}
                    await send(start)
                    is_started = True
                line = json.dumps(receipt, ensure_ascii=False).encode() + b"\n"
                await send({"type": "http.response.body", "body": line, "more_body": True})
                if receipt.get("final"):
                    self._metrics.delivery(receipt)
            if self._is_done and self._newest is None:
                if self._failure is not None:
                    problem = {"final": True, "broken": str(self._failure)}
                    line = json.dumps(problem).encode() + b"\n"
                    await send({"type": "http.response.body", "body": line, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return


def _stream_headers() -> list[tuple[bytes, bytes]]:
    return [(b"content-type", NDJSON_TYPE.encode()), (b"x-accel-buffering", b"no")]


def _of_sensor(
    request: Request, sensor_id: str, track_id: str | None, from_ns: int | None, to_ns: int | None, limit: int
) -> Any:
    archive = runtime_of(request).archive
    if track_id is not None:
        return archive.select(keys=[(sensor_id, track_id)], from_ns=from_ns, to_ns=to_ns, limit=limit)
    if from_ns is None or to_ns is None or to_ns - from_ns > SENSOR_SPAN_NS:
        detail = "without a `track_id`, name `from` and `to` at most 25 hours apart"
        raise Problem(422, "invalid_request", "The request is malformed", detail)
    table = archive.select(from_ns=from_ns, to_ns=to_ns)
    return table.filter(pc.field("sensor_id") == sensor_id).slice(0, limit)


def _unsupported(detail: str) -> Problem:
    return Problem(
        415,
        "unsupported_media_type",
        "This media type is not taken",
        detail,
        {"Accept": ", ".join(BODY_TYPES)},
    )
