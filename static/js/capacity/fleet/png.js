// A drawing as PNG: its SVG file, drawn on a canvas at twice its size.

import { ask } from "../../answers.js";

const SCALE = 2;

async function imageOf(svg) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  return image;
}

/** Fetch the SVG and hand it to the reader as a PNG file; throws an Error with a sentence. */
export async function savePng(url, name) {
  const svg = await (await ask(url)).text();
  const [, , width, height] = svg.match(/viewBox="([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+)"/)
    .slice(1).map(Number);
  const sized = svg.replace("<svg ", `<svg width="${width}" height="${height}" `);
  const canvas = document.createElement("canvas");
  canvas.width = width * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext("2d");
  context.fillStyle = "#FBFAF7";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(await imageOf(sized), 0, 0, canvas.width, canvas.height);
  const link = document.createElement("a");
  link.download = name;
  link.href = canvas.toDataURL("image/png");
  link.click();
}
