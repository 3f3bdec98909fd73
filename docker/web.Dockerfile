# Web server and default worker: no torch, no vLLM.
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 DATA_DIR=/data DJANGO_SETTINGS_MODULE=config.settings
RUN useradd --create-home --uid 1000 servelab && mkdir /data && chown servelab /data
WORKDIR /app
COPY requirements/lock-serve.txt requirements/
RUN pip install --no-cache-dir --no-deps -r requirements/lock-serve.txt
COPY manage.py ./
COPY docker/health.py docker/
COPY config config
COPY courseware courseware
COPY benchmarks benchmarks
COPY lab lab
COPY planning planning
COPY mentor mentor
COPY quizzes quizzes
COPY capacity capacity
COPY static static
COPY templates templates
USER servelab
VOLUME /data
EXPOSE 8000
CMD ["uvicorn", "config.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--http", "config.request_head:BoundedHead", \
     "--ws", "config.wire:Wire", "--ws-per-message-deflate", "false", \
     "--backlog", "4096", "--lifespan", "off", "--no-access-log", \
     "--no-proxy-headers", "--ws-max-size", "65536"]
