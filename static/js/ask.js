// A question in the text goes into the mentor's field, ready to be sent.

document.addEventListener("click", (event) => {
  const link = event.target.closest(".ask-box a");
  const field = document.getElementById("mentor-question");
  if (!link || !field) return;
  field.value = link.textContent.trim();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  setTimeout(() => field.focus(), 0);
});
