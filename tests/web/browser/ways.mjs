// Photos dropped and pasted as a hand would do it, through the browser's own input; then a HEIC file.

import { readFile } from "node:fs/promises";
import { ready, run } from "./browser.mjs";

/** Drag files over the page and drop them; how the drop area looks while they hang over it. */
async function drop(page, files) {
  const session = await page.context().newCDPSession(page);
  const { x, y } = await page.locator("#drop").boundingBox();
  const data = { items: [], files, dragOperationsMask: 1 };
  const send = (type) =>
    session.send("Input.dispatchDragEvent", { type, x: x + 20, y: y + 20, data });
  await send("dragEnter");
  await send("dragOver");
  const marked = await page.locator("#drop.over").count();
  await send("drop");
  return marked === 1 && (await page.locator("#drop.over").count()) === 0;
}

/** Copy a PNG as another program would, and press Ctrl+V. */
async function paste(page, png) {
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const item = new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) });
    await navigator.clipboard.write([item]);
  }, png);
  await page.keyboard.press("Control+V");
}

/** Once so many photos are there and done: each one's name and its line. */
async function shown(page, count) {
  await page.locator("article").nth(count - 1).waitFor();
  await page.locator("#status", { hasText: ` in ${count} photo` }).waitFor({ timeout: 120_000 });
}

/** Load the page again and drop files before it has its settings: how many photos come of it. */
async function dropEarly(page, files) {
  let send;
  const asked = new Promise((resolve) => {
    page.route("**/settings.json", (route) => resolve((send = () => route.continue())));
  });
  await page.reload({ waitUntil: "domcontentloaded" });
  await asked;
  await drop(page, files);
  await send();
  await shown(page, files.length);
  const count = await page.locator("article").count();
  await page.locator("#clear").click();
  return count;
}

await run(
  async (page, { dropped, pasted, heic }) => {
    const early = await dropEarly(page, dropped);
    const marked = await drop(page, dropped);
    await shown(page, dropped.length);
    await paste(page, (await readFile(pasted)).toString("base64"));
    await shown(page, dropped.length + 1);
    await page.evaluate(() => navigator.clipboard.writeText("no photo"));
    await page.keyboard.press("Control+V"); // text is not for this page
    await drop(page, []);
    await page.locator("#files").setInputFiles([heic]);
    await page.locator("article").nth(dropped.length + 1).waitFor();
    await page.locator("article .point.error").waitFor();
    const names = await page.locator("article h3").allTextContents();
    const labels = await page.locator("article canvas").evaluateAll((all) => all.map((c) => c.ariaLabel));
    const [error] = await page.locator("article .point.error").allTextContents();
    await ready(page);
    return { early, marked, names, labels, error, status: await page.locator("#status").textContent() };
  },
  [],
  { permissions: ["clipboard-read", "clipboard-write"] },
);
