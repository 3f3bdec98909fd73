"""How notes are written: a part of docs/authoring.md."""

from courseware.notes import MAX_ASKS, MIN_ASKS

NOTE = """gain-is-memory:
  asks:
  - "So vLLM makes the GPU faster?"
  - "Does PagedAttention speed up the arithmetic?"
  - "Where does the higher throughput come from?"
  plain: "No. The card computes no faster; more requests fit into its memory."
  standard: "The gain is memory, hence larger batches. By itself the attention code of
    the first version was {value kernel-slower low} % slower, or more."
  deep: "Blocks waste little of the KV cache, so more requests share each step and the
    weights are read once for all of them. `vllm:kv_cache_usage_perc` shows how full it
    is."
  section: worth
  claims: [kernel-slower]
  misconception: "vLLM makes the arithmetic of a GPU faster."
"""
NOTES_IN_WORDS = f"""## Notes

What the mentor answers stands in `SLUG.notes.yaml`, one entry for each question that
learners ask:

```yaml
{NOTE}```

`asks` has {MIN_ASKS} to {MAX_ASKS} wordings, as different from each other as learners
are: the mentor finds a note by them. The answer stands three times: `plain` without a
word that needs explaining, `standard`, and `deep` with the mechanism and the names of
flags and metrics. Each states what was asked for, since a learner sees one of them.
They are sentences; code in back-ticks may stand in them, headings, lists and links may
not. `section` is the id of the `##` or `###` where the reader goes on. `misconception`
is what people wrongly believe, in one sentence, or `""`: a question that takes it for
granted finds the note too.

Figures are printed as `{{value CLAIM KEY}}` from the claims listed under `claims`. A
number with a unit in a note without claims is refused, and so is one typed by hand that
a listed claim has as a figure. `loadchapters` checks notes with their chapter and names
file and line of each fault; the chapter keeps its old text.
"""
