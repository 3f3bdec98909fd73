// A range input under each number: the number keeps the name and the truth.

const STEPS = 1000;

/** Place 0..STEPS of a value between low and high, by ratios where isLog. */
export function placeOf(value, low, high, isLog) {
  const share = isLog
    ? Math.log(value / low) / Math.log(high / low)
    : (value - low) / (high - low);
  return Math.round(STEPS * Math.min(Math.max(share, 0), 1));
}

/** The value at a place, to three digits; whole where asked. */
export function valueAt(place, low, high, isLog, isWhole) {
  const share = place / STEPS;
  const value = isLog ? low * (high / low) ** share : low + (high - low) * share;
  return isWhole ? Math.round(value) : Number(value.toPrecision(3));
}

/** Where a slider is useful: not the whole range that is allowed, but around the value. */
export function span(value, low, high) {
  const least = low > 0 ? Math.max(low, value / 20) : low;
  const most = Math.min(high, Math.max(value * 5, least + 10));
  return [least, most > least ? most : high];
}

function addSlider(input) {
  const [low, high] = span(
    Number(input.value) || 0,
    Number(input.dataset.low),
    Number(input.dataset.high),
  );
  const isLog = "log" in input.dataset && low > 0;
  const isWhole = "whole" in input.dataset;
  const slider = document.createElement("input");
  slider.type = "range";
  slider.min = 0;
  slider.max = STEPS;
  slider.tabIndex = -1;
  slider.setAttribute("aria-hidden", "true");
  slider.value = placeOf(Number(input.value) || low, low, high, isLog);
  slider.addEventListener("input", () => {
    input.value = valueAt(Number(slider.value), low, high, isLog, isWhole);
  });
  input.addEventListener("input", (event) => {
    if (event.target === input) slider.value = placeOf(Number(input.value), low, high, isLog);
  });
  input.after(slider);
}

/** One beside every number that says how far it goes. */
export function addSliders(root) {
  for (const input of root.querySelectorAll("input[data-low]")) addSlider(input);
}
