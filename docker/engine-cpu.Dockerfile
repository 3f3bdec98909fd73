# Engine host on the CPU; x86-64 with AVX2.
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONPATH=/app DATA_DIR=/data \
    DJANGO_SETTINGS_MODULE=config.settings \
    VLLM_CPU_NUM_OF_RESERVED_CPU=0 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=WARNING
RUN apt-get update \
    && apt-get install -y --no-install-recommends libtcmalloc-minimal4 libnuma1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 servelab && mkdir /data && chown servelab /data
WORKDIR /app
COPY requirements/lock-engine-cpu.txt requirements/
RUN pip install --no-cache-dir uv==0.13.9 \
    && UV_TORCH_BACKEND=cpu uv pip install --system --no-cache --compile-bytecode \
       --no-deps -r requirements/lock-engine-cpu.txt
ENV LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4:/usr/local/lib/libiomp5.so
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
