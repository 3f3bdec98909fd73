// What a reader may never come to is loaded when they come near it, not with the page.

/** Call `act` once, when the first of `elements` is less than a screen or so away. */
export function whenNear(elements, act) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      act();
    },
    { rootMargin: "800px 0px" },
  );
  for (const element of elements) observer.observe(element);
}

/**
 * A script that is no module: it starts by itself. Not before the page has loaded, since
 * htmx then takes the page as it is; between DOMContentLoaded and load it would wait for
 * an event that has been.
 */
export async function loadScript(address) {
  if (document.readyState !== "complete") {
    await new Promise((done) => addEventListener("load", done, { once: true }));
  }
  const script = document.createElement("script");
  script.src = address;
  await new Promise((done) => {
    script.addEventListener("load", done);
    document.head.append(script);
  });
}

/** Whether a reader has changed something in the form. */
export function isChanged(form) {
  return [...form.elements].some((field) => {
    if (field.options) return field.selectedIndex !== firstChoice(field);
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    return field.defaultValue !== undefined && field.value !== field.defaultValue;
  });
}

function firstChoice(select) {
  return Math.max(0, [...select.options].findIndex((option) => option.defaultSelected));
}
