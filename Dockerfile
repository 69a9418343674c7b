# One image for both roles: `judged api` (the default) and `judged worker`. `judged up` runs everything in one container.
# docker build -t judged .

FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/judged
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY service ./service
COPY worker ./worker
RUN /opt/judged/bin/pip install --no-cache-dir --no-compile -c constraints.txt .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/judged judged
COPY --from=build /opt/judged /opt/judged
ENV PATH=/opt/judged/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    JUDGED_DATA=/var/lib/judged/data
USER judged
WORKDIR /var/lib/judged
EXPOSE 8000
# `judged worker` serves no HTTP: run it with --no-healthcheck.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('JUDGED_PORT', '8000') + '/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["judged", "api"]
