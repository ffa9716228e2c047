# The service, the page and the command line, run as an ordinary user from a file system that may be read-only; PyTorch
# for the CPU, and no compiler. For a GPU: `docker build --build-arg TORCH=cuda .`, and then `docker run --gpus all ...`
# There, PyTorch makes meshes faster with a compiler: `--build-arg COMPILER="gcc libc6-dev"`.
# Another base, by its digest too: `--build-arg BASE=python:...@sha256:...`.
ARG BASE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE} AS build
ARG TORCH=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
RUN python3 -m venv /opt/venv && python3 -m venv /opt/node
COPY requirements/ requirements/
COPY scripts/install-runtime scripts/
RUN sh scripts/install-runtime /opt/venv/bin/python
COPY frontend/package.json frontend/package-lock.json frontend/
RUN /opt/node/bin/pip install --quiet --require-hashes -r requirements/node.txt && \
    cd frontend && PATH=/opt/node/bin:$PATH npm ci --omit=dev --ignore-scripts --no-audit --no-fund
COPY . .
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . && \
    /opt/venv/bin/python -c 'from netspace.native import library; assert library()' && \
    /opt/venv/bin/python -m compileall -q netspace server && /opt/venv/bin/pip uninstall --quiet --yes pip

FROM ${BASE}
ARG COMPILER=""
RUN if [ -n "$COMPILER" ]; then apt-get update && apt-get install --yes --no-install-recommends $COMPILER && \
    rm -rf /var/lib/apt/lists/*; fi
# Python's own image comes with a pip, and with ensurepip to make another one.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin netspace && install -d -o netspace -g netspace /data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TORCHINDUCTOR_CACHE_DIR=/data/compiled \
    NETSPACE_HOST=0.0.0.0 \
    NETSPACE_DATABASE_URL=sqlite:////data/netspace.sqlite
USER netspace
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD python -c "import sys, urllib.request as r; \
    r.urlopen(f'http://127.0.0.1:{sys.argv[1]}/healthz', timeout=4)" "${NETSPACE_PORT:-${PORT:-8000}}"
CMD ["python", "-m", "server"]
