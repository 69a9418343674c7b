# One image for both roles: `judged api` (the default) and `judged worker`. `judged up` runs everything in one container.
# It holds CPython, the package with its dependencies in /opt/judged, and nothing to install or compile with. It runs as a
# user without rights, on a read-only file system if /tmp is writable (and the folder of the data, for `judged up`).
#
#   docker build -t judged .

FROM python:3.13.7-slim-bookworm AS build
WORKDIR /src
RUN python -m venv --without-pip /opt/judged
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY service ./service
COPY worker ./worker
RUN pip --python /opt/judged/bin/python install --no-cache-dir --no-compile -c constraints.txt ".[archive,otel]"

FROM python:3.13.7-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/judged judged
COPY --from=build /opt/judged /opt/judged
ENV PATH=/opt/judged/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    JUDGED_DATA=/var/lib/judged/data
USER judged
WORKDIR /var/lib/judged
EXPOSE 8000
# `judged worker` serves no HTTP: run it with --no-healthcheck, or with JUDGED_WORKER_ALIVE_FILE and a check of that file.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('JUDGED_PORT', '8000') + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["judged", "api"]
