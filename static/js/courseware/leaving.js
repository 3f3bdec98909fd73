// Whoever signs out, or has their data deleted, leaves nothing in the tab: a question that
// was not sent yet must not go out as the next reader's.

for (const form of document.querySelectorAll("form[data-leaving]")) {
  form.addEventListener("submit", () => {
    try {
      sessionStorage.clear();
    } catch {
      // A browser that forbids the store keeps nothing in it.
    }
  });
}
