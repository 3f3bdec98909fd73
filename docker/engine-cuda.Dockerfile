# Engine host on an NVIDIA GPU; the host needs its driver and the container toolkit,
# which refuses to start this image on a driver that is too old (docs/gpu.md).
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app DATA_DIR=/data \
    DJANGO_SETTINGS_MODULE=config.settings \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    NVIDIA_REQUIRE_CUDA=cuda>=13.0 \
    VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=WARNING
# Triton and torch.compile call a C compiler while the engine starts.
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 servelab && mkdir /data && chown servelab /data
WORKDIR /app
COPY requirements/lock-engine-cuda.txt requirements/
RUN pip install --no-cache-dir uv==0.13.9 \
    && uv pip install --system --no-cache --compile-bytecode \
       --no-deps -r requirements/lock-engine-cuda.txt
COPY config config
COPY courseware courseware
COPY benchmarks benchmarks
COPY lab lab
COPY planning planning
COPY mentor mentor
COPY quizzes quizzes
COPY capacity capacity
COPY docker/engine.sh docker/health.py docker/
USER servelab
VOLUME /data
CMD ["sh", "docker/engine.sh"]
