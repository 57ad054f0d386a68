// Photos in, every download out, with the network cut once the page has loaded.

import { ready, run, saved } from "./browser.mjs";

await run(async (page, { photos, folder, model }, seen) => {
  if (model) {
    await page.locator("#model").selectOption(model);
    await page.locator("#min-face").fill("20");
    await page.locator("#files").setInputFiles(photos.slice(0, 1)); // its file is read now
    await page.locator("article").first().waitFor();
    await ready(page);
    await page.locator("#clear").click();
  }
  const loaded = seen.requests.length;
  await page.context().setOffline(true);
  await page.locator("#files").setInputFiles(photos);
  await page.locator("article").nth(photos.length - 1).waitFor();
  await ready(page);
  const json = await saved(page, page.locator("#save-json"), folder);
  const csv = await saved(page, page.locator("#save-csv"), folder);
  const png = await saved(page, page.locator(".png").first(), folder);
  const lines = await page.locator("article .point").allTextContents();
  const isolated = await page.evaluate(() => globalThis.crossOriginIsolated);
  return { json, csv, png, loaded, lines, isolated, status: await page.locator("#status").textContent() };
});
