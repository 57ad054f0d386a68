// The whole page by keyboard alone, and what a screen reader is told: roles, names, live regions.

import { join } from "node:path";
import { ready, run } from "./browser.mjs";

const focused = (page) =>
  page.evaluate(() => {
    const { id, className, tagName } = document.activeElement;
    return id || className || tagName;
  });

/** Press Tab until an element with this id, class or tag has the focus. */
async function tabTo(page, wanted, key = "Tab") {
  for (let i = 0; i < 600; i++) {
    await page.keyboard.press(key);
    if ((await focused(page)) === wanted) return;
    if (i % 60 === 59) await page.waitForTimeout(1000); // a camera takes its time to start
  }
  throw new Error(`${key} never reaches ${wanted}`);
}

/** Every element that the focus comes to, once round. */
async function round(page) {
  const order = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    if (now === order[0]) break;
    if (now !== "BODY") order.push(now);
  }
  return order;
}

async function saved(page, button, folder) {
  await tabTo(page, button);
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  const path = join(folder, `keyboard-${download.suggestedFilename()}`);
  await download.saveAs(path);
  return path;
}

/** The accessibility tree: role, name, and how urgently changes are read out. */
async function tree(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  return nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name, properties }) => ({
      role: role.value,
      name: name?.value ?? "",
      live: properties?.find((one) => one.name === "live")?.value?.value ?? null,
      level: properties?.find((one) => one.name === "level")?.value?.value ?? null,
    }));
}

await run(
  async (page, { folder, photo }) => {
    await tabTo(page, "choose");
    const asked = page.waitForEvent("filechooser");
    await page.waitForTimeout(500); // Playwright takes a moment to stand in for the dialog
    await page.keyboard.press("Enter");
    await (await asked).setFiles([photo]);
    await page.locator("article").first().waitFor();
    await ready(page);
    const order = await round(page);
    await tabTo(page, "CANVAS");
    const points = [];
    for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowLeft"]) {
      await page.keyboard.press(key);
      points.push(await page.locator("article .point").textContent());
    }
    const nodes = await tree(page);
    const files = {};
    for (const button of ["save-json", "save-csv", "png"]) {
      files[button] = await saved(page, button, folder);
    }
    await tabTo(page, "numbers", "Shift+Tab");
    await page.keyboard.press("Space");
    const numbers = await page.locator("#numbers").isChecked();
    await tabTo(page, "model", "Shift+Tab");
    await page.keyboard.press("End");
    const model = await page.locator("#model").inputValue();
    await tabTo(page, "webcam", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator("#live-facts", { hasText: /faces?, \d+ ms/ }).waitFor({ timeout: 60_000 });
    const inCamera = await focused(page);
    await tabTo(page, "cameras");
    const camera = await page.locator("#cameras").inputValue();
    await page.keyboard.press("ArrowDown");
    await page
      .locator("#live-facts", { hasText: /faces?, \d+ ms/ })
      .or(page.locator("#status", { hasText: "cannot be used" }))
      .first()
      .waitFor({ timeout: 120_000 });
    const other = (await page.locator("#cameras").inputValue()) !== camera;
    const said = await page.locator("#status").textContent();
    await tabTo(page, "stop", "Shift+Tab");
    await page.keyboard.press("Enter");
    const stopped = { hidden: await page.locator("#camera").isHidden(), focus: await focused(page) };
    await tabTo(page, "clear");
    await page.keyboard.press("Enter");
    const empty = { photos: await page.locator("article").count(), focus: await focused(page) };
    return { order, points, nodes, files, numbers, model, inCamera, other, said, stopped, empty };
  },
  ["--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream"],
);
