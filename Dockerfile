# The service as an image: built from the lock file by a pinned toolchain, run without a shell, as nobody.
#
# Pin the two base images by digest where images are built for others: --build-arg RUST_IMAGE=…@sha256:…, likewise
# RUNTIME_IMAGE. The same inputs then give the same bytes (docs/operations.md says how to check it).
ARG RUST_IMAGE=docker.io/library/rust:1.95.0-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

# hadolint ignore=DL3006
FROM ${RUST_IMAGE} AS build
ARG SOURCE_DATE_EPOCH=0
ENV CARGO_INCREMENTAL=0 \
    CARGO_TERM_COLOR=never \
    RUSTFLAGS="--remap-path-prefix=/source=. --remap-path-prefix=/usr/local/cargo=cargo"
# A C compiler and CMake for the cryptography library; their versions do not reach the image but through its code.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --release --package llm-shield \
    && install -D -m 0755 target/release/llm-shield /image/usr/local/bin/llm-shield \
    && install -d -m 0700 -o 65532 -g 65532 /image/var/lib/llm-shield \
    && find /image -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH}" {} +

# hadolint ignore=DL3006
FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="llm-shield" \
      org.opencontainers.image.description="The security checkpoint for prompts, documents, tool results and outputs" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.source="https://github.com/llm-shield/llm-shield"
COPY --from=build /image/ /
ENV LLM_SHIELD_DATA_DIR=/var/lib/llm-shield
# A volume over it takes the owner that it has here; without this line Fargate's would be root's.
VOLUME ["/var/lib/llm-shield"]
USER 65532:65532
EXPOSE 8443
# The embedded defaults' own certificates; with certificates of your own give the paths of theirs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/llm-shield", "health"]
ENTRYPOINT ["/usr/local/bin/llm-shield"]
CMD ["serve"]
