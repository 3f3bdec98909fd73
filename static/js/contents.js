// Marks the section being read in the contents.

const links = new Map(
  [...document.querySelectorAll(".contents a")].map((link) => [decodeURIComponent(link.hash.slice(1)), link]),
);
const visible = new Set();

function mark() {
  const first = [...links.keys()].find((anchor) => visible.has(anchor));
  if (first === undefined) return;
  for (const [anchor, link] of links) {
    if (anchor === first) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) visible.add(target.id);
      else visible.delete(target.id);
    }
    mark();
  },
  { rootMargin: "-15% 0px -70% 0px" },
);
for (const section of document.querySelectorAll(".chapter section[id]")) {
  observer.observe(section);
}
