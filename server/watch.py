"""What an operator sees: one log line and a few counts for every request, by route and never by content."""

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator

import structlog
import torch
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import route_of, stopped
from server.services import Services, ServicesOf

router = APIRouter(tags=["operations"])

LAG_EVERY = 0.02
"""Seconds between two looks at how late the event loop is."""
LAGS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


class Queues(Collector):
    """Work that waits or runs, and the device's memory, read when they are asked for."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        queue = GaugeMetricFamily("netspace_queue", "Work that waits or runs, by worker", labels=["worker"])
        for space in self._services.registry:
            queue.add_metric([space.id], space.worker.pending)
        queue.add_metric(["reader"], self._services.readers.pending)
        yield queue
        jobs = GaugeMetricFamily("netspace_jobs", "Jobs by state", labels=["status"])
        for status, count in self._services.jobs.counts().items():
            jobs.add_metric([status], count)
        yield jobs
        yield from self._batches()
        meshes = CounterMetricFamily("netspace_meshes", "Meshes that were kept, or had to be made", labels=["from"])
        meshes.add_metric(["kept"], self._services.meshes.found)
        meshes.add_metric(["made"], self._services.meshes.missed)
        yield meshes
        used = torch.cuda.memory_allocated() if torch.cuda.is_available() else 0
        yield GaugeMetricFamily("netspace_device_memory_bytes", "Allocated on the first GPU, 0 without", value=used)

    def _batches(self) -> Iterator[Metric]:
        """Meshes that were made together, as a histogram by space."""
        sizes = HistogramMetricFamily("netspace_batch_size", "Meshes made together", labels=["space"])
        for space, frames in self._services.frames.items():
            buckets = [(str(bound), float(count)) for bound, count in frames.sizes.cumulative()]
            sizes.add_metric([space], [*buckets, ("+Inf", float(frames.sizes.batches))], frames.sizes.items)
        yield sizes


class Metrics:
    """The counts of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "netspace_requests", "Answers by route and status", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "netspace_request_seconds", "From first byte to last", ["method", "route"], registry=self.registry
        )
        self.lag = Histogram(
            "netspace_loop_lag_seconds", "How late the event loop is", buckets=LAGS, registry=self.registry
        )

    async def measure_lag(self) -> None:
        """For ever: how much later than asked for the event loop comes back."""
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(LAG_EVERY)
            self.lag.observe(max(0.0, time.perf_counter() - begun - LAG_EVERY))


class Watch:
    """ASGI middleware: an id for every request, on its answer and in its log lines; counts and seconds."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["request_id"] = request_id = secrets.token_hex(8)
        begun, status, started = time.perf_counter(), 500, False

        async def noted(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, noted)
            except asyncio.CancelledError:  # the service stops, and the request's time is over
                if started:
                    raise
                await stopped()(scope, receive, noted)
            finally:
                self._note(scope, status, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route, method = route_of(scope), scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.requests.labels(method, route, str(status)).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)
        log = structlog.get_logger()
        log.info("request", method=method, route=route, status=status, seconds=round(seconds, 4))


METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, services: ServicesOf) -> Response:
    """Counts, seconds and queues in Prometheus' text format."""
    kept: Metrics = request.app.state.metrics
    queues = CollectorRegistry()
    queues.register(Queues(services))
    return Response(generate_latest(kept.registry) + generate_latest(queues), media_type=CONTENT_TYPE_LATEST)


def configure_logs(as_json: bool) -> None:
    """One line an event with the request's id: JSON for machines, or text for people. Called by entry points."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    errors: list[structlog.typing.Processor] = [structlog.processors.format_exc_info] if as_json else []
    structlog.configure(
        processors=[*shared, *errors, renderer], wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
    )
