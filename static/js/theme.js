// Light or dark: what the system says, until the reader chooses. The choice is a
// cookie, so that the server writes it into the page and nothing flashes.

const YEAR_S = 31_536_000;
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const toggle = document.getElementById("theme-toggle");
const COOKIE = toggle.dataset.cookie ?? "theme";
const SECURE = COOKIE.startsWith("__Host-") ? "; secure" : "";

function current() {
  return document.documentElement.dataset.theme ?? (systemDark.matches ? "dark" : "light");
}

function show() {
  const other = current() === "dark" ? "Light" : "Dark";
  toggle.textContent = other;
  toggle.setAttribute("aria-label", `${other} colours`);
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  document.cookie = `${COOKIE}=${theme}; path=/; max-age=${YEAR_S}; samesite=lax${SECURE}`;
  show();
  document.dispatchEvent(new CustomEvent("servelab:theme", { detail: { theme } }));
}

toggle.hidden = false;
toggle.addEventListener("click", () => choose(current() === "dark" ? "light" : "dark"));
systemDark.addEventListener("change", show);
show();
