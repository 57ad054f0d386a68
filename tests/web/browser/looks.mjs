// Widths and colour schemes of the page with a sample, and what a hand on the mouse sees.

import { ready, run } from "./browser.mjs";

await run(async (page, { folder }) => {
  await page.locator("#sample").click();
  await page.locator("article").first().waitFor();
  await ready(page);

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

  const differs = async (before, name) => {
    for (let i = 0; i < 200; i++) {
      const after = await canvas.screenshot({ path: `${folder}/${name}.png` });
      if (!before.equals(after)) return after;
      await page.waitForTimeout(200);
    }
    return before;
  };
  const first = await canvas.screenshot({ path: `${folder}/first.png` });
  await page.locator("#model").selectOption("aan-m"); // a model with maps
  const before = await differs(first, "plain");
  await page.locator("#attention").selectOption({ index: 1 });
  const after = await differs(before, "attention");
  return { widths, hovered, changed: !before.equals(after) };
});
