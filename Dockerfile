# cs-sync with its connectors: docker build -t cs-sync .
# Run it by compose.yaml, or by docs/recipes/kubernetes.yaml.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
# What is installed beside the base; `analyse` and `parquet` are large and left out.
ARG EXTRAS=chargebee,dlt,files,formbricks,freshdesk,hubspot,intercom,mixpanel,otel,paddle,postgres,posthog,report,salesforce,singer,stripe,typeform,userpilot,webhook,zendesk
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY constraints.txt ./
RUN pip install -c constraints.txt hatchling && python -m venv --without-pip /opt/cs-sync
COPY LICENSE README.md pyproject.toml ./
COPY schemas schemas
COPY plugins plugins
COPY examples/connector-template examples/connector-template
COPY examples/rest-template examples/rest-template
COPY cs_sync cs_sync
RUN pip wheel --no-deps --no-build-isolation -w /wheels ./schemas . ./plugins/* \
 && pip --python /opt/cs-sync/bin/python install -c constraints.txt --find-links /wheels \
    "customer-success-sync[${EXTRAS}]"

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="cs-sync" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/cs-sync --shell /usr/sbin/nologin cs-sync \
 && install -d -m 0700 -o cs-sync -g cs-sync /var/lib/cs-sync
COPY --from=build /opt/cs-sync /opt/cs-sync
# Only /var/lib/cs-sync is written to (the report, and a SQLite file), and /tmp: the root may be
# read-only.
ENV PATH=/opt/cs-sync/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CS_SYNC_CONFIG=/var/lib/cs-sync/cs_sync.toml
WORKDIR /var/lib/cs-sync
USER 10001:10001
HEALTHCHECK --interval=15m --timeout=60s --start-period=5m --retries=2 \
  CMD ["cs-sync", "--quiet", "healthcheck"]
ENTRYPOINT ["cs-sync"]
CMD ["--log-format", "json", "schedule"]
