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

  const before = await canvas.screenshot({ path: `${folder}/plain.png` });
  await page.locator("#attention").selectOption({ index: 1 });
  let after = before;
  for (let i = 0; i < 200 && before.equals(after); i++) {
    await page.waitForTimeout(200);
    after = await canvas.screenshot({ path: `${folder}/attention.png` });
  }
  return { widths, hovered, changed: !before.equals(after) };
});
