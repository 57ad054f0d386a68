// The sample by keyboard alone; then widths and colour schemes, and what a hand on the mouse sees.

import { ready, run } from "./browser.mjs";

const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.tagName);

/** Press Tab until an element with this id or tag has the focus. */
async function tabTo(page, wanted) {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    if ((await focused(page)) === wanted) return;
  }
  throw new Error(`Tab never reaches ${wanted}`);
}

await run(async (page, { folder }) => {
  await tabTo(page, "sample");
  await page.keyboard.press("Enter");
  await page.locator("article").first().waitFor();
  await ready(page);
  await tabTo(page, "CANVAS");
  const points = [];
  for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"]) {
    await page.keyboard.press(key);
    points.push(await page.locator("article .point").textContent());
  }
  const label = await page.locator("article canvas").getAttribute("aria-label");

  const widths = {};
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      widths[`${colorScheme}-${width}`] = await page.evaluate(() => document.documentElement.scrollWidth);
      await page.screenshot({ path: `${folder}/${colorScheme}-${width}.png`, fullPage: true });
    }
  }

  const canvas = page.locator("article canvas");
  const box = await canvas.boundingBox();
  const at = ([x, y]) => ({ position: { x: ((x + 0.5) / 512) * box.width, y: ((y + 0.5) / 512) * box.height } });
  await canvas.hover(at([222, 126]));
  const hovered = await page.locator("article .point").textContent();

  const before = await canvas.screenshot({ path: `${folder}/plain.png` });
  await page.locator("#attention").selectOption({ index: 1 });
  await ready(page);

  await page.waitForTimeout(1000);
  const after = await canvas.screenshot({ path: `${folder}/attention.png` });
  await page.locator("#clear").click();
  const empty = { photos: await page.locator("article").count(), focus: await focused(page) };
  return { points, label, widths, hovered, changed: !before.equals(after), empty };
});
