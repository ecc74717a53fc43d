# One image, three roles: `serve` (webhooks), `work` (the worker) and `migrate` (the schema).
#   docker build -t tasuki .
#   docker run --env-file settings.env tasuki work
# Settings are in docs/operations.md. Nothing is written but below /tmp and to the file of
# TASUKI_TOMBSTONES (a volume on /tombstones), so the root file system may be read-only.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/tasuki
WORKDIR /src
# The dependencies first: they change less often than the code, and the layer is kept.
COPY pyproject.toml constraints.txt ./
# EXTRAS=cdc adds what Salesforce's change events need.
ARG EXTRAS=""
RUN python -c "import sys, tomllib; \
project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
extras = [one for name in sys.argv[1:] for one in project['optional-dependencies'][name]]; \
print('\n'.join(project['dependencies'] + extras))" $EXTRAS > requirements.txt \
    && /opt/tasuki/bin/pip install -r requirements.txt -c constraints.txt
COPY . .
RUN /opt/tasuki/bin/pip install --no-deps .

FROM python:3.11-slim
LABEL org.opencontainers.image.title="Tasuki" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin tasuki \
    && install -d -o 10001 -g 10001 -m 700 /tombstones
COPY --from=build /opt/tasuki /opt/tasuki
ENV PATH=/opt/tasuki/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TASUKI_HOST=0.0.0.0 TASUKI_PORT=8080 TASUKI_HOME=/tmp/tasuki
WORKDIR /tmp
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["tasuki"]
CMD ["serve"]
