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

/** A script that is no module: it starts by itself. */
export function loadScript(address) {
  const script = document.createElement("script");
  script.src = address;
  document.head.append(script);
}
