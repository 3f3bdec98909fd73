"""A course of 200 chapters in a database of its own: loading, queries, searching.

    python -m benchmarks.pages_course REPEATS        (DATA_DIR names an empty one)

Prints one line of JSON. A process of benchmarks/pages.py, which sets the environment.
"""

import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NUM_CHAPTERS = 200
NUM_SEARCHES = 500


def main(repeats: int) -> None:
    """Measure all, print them."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from courseware.loader import CONTENT

    queries = _queries()
    with tempfile.TemporaryDirectory() as name:
        write_course(CONTENT, Path(name))
        load_s = _load(Path(name))
    first_ms, search_ms = _searches(NUM_SEARCHES * repeats)
    found: dict[str, Any] = {
        "queries": queries,
        "load_200_s": load_s,
        "search_first_ms": first_ms,
        "search_ms": search_ms,
    }
    print(json.dumps(found))


def write_course(content: Path, directory: Path) -> None:
    """200 chapters of the first one's length, their sentences shuffled and varied."""
    source = (content / "deploying-ai-models.md").read_text(encoding="utf-8")
    claims = (content / "deploying-ai-models.claims.yaml").read_text(encoding="utf-8")
    glossary = (content / "glossary.yaml").read_text(encoding="utf-8")
    (directory / "glossary.yaml").write_text(glossary, encoding="utf-8")
    words = sorted(set(re.findall(r"[a-z]{5,}", source)))
    shuffle = random.Random(0)
    for number in range(NUM_CHAPTERS):
        extra = " ".join(f"{shuffle.choice(words)}{number}" for _ in range(60))
        text = source.replace("position: 1", f"position: {number + 1}")
        text = text.replace("Serving a model", f"Word {extra}. Serving a model", 1)
        (directory / f"chapter-{number}.md").write_text(text, encoding="utf-8")
        (directory / f"chapter-{number}.claims.yaml").write_text(claims, "utf-8")


def _queries() -> int:
    """Queries of a chapter's page for a reader who has been here before."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"
    reader = Client(HTTP_USER_AGENT=agent, HTTP_HOST="localhost")
    path = "/chapters/deploying-ai-models/"
    reader.get(path)
    with CaptureQueriesContext(connection) as queries:
        if reader.get(path).status_code != 200:
            raise RuntimeError(f"{path} does not answer.")
    return len(queries)


def _load(directory: Path) -> float:
    """Seconds to load 200 chapters that are not there yet."""
    from courseware.loader import load_chapters

    start = time.perf_counter()
    report = load_chapters(directory)
    seconds = time.perf_counter() - start
    if report.broken or len(report.added) != NUM_CHAPTERS:
        raise RuntimeError(f"Not all chapters were loaded: {report.broken[:1]}")
    return seconds


def _searches(number: int) -> tuple[float, list[float]]:
    """Milliseconds of the first search (it makes the index), and of others."""
    from courseware import course
    from courseware.models import Section

    texts = list(Section.objects.values_list("text", flat=True)[:400])
    words = sorted({word for text in texts for word in re.findall(r"\w{3,}", text)})
    choose = random.Random(1)
    times = []
    for _ in range(number + 1):
        query = " ".join(choose.choices(words, k=choose.randint(1, 3)))
        if choose.random() < 0.5:
            query = query[:-1]
        start = time.perf_counter()
        course.index().find(query)
        times.append(1000 * (time.perf_counter() - start))
    return times[0], times[1:]


if __name__ == "__main__":
    main(int(sys.argv[1]))
