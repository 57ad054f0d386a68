// Changing the camera: one that does not start, one that needs two tries, one that starts too late.

import { run } from "./browser.mjs";

const shown = (page) => page.locator("#live-facts", { hasText: /faces?, \d+ ms/ }).waitFor({ timeout: 60_000 });
const chosen = (page) => page.locator("#cameras").inputValue();

/** In the page: the next calls of getUserMedia fail, or wait until `window.go` is called. */
function disturb(ways) {
  const media = navigator.mediaDevices;
  window.real ??= media.getUserMedia.bind(media);
  window.calls = 0;
  window.streams = [];
  media.getUserMedia = async (wish) => {
    window.calls++;
    const way = ways.shift();
    if (way === "wait") await new Promise((resolve) => (window.go = resolve));
    else if (way) throw new DOMException("not now", way);
    const stream = await window.real(wish);
    window.streams.push(stream);
    return stream;
  };
}

await run(
  async (page) => {
    await page.locator("#webcam").click();
    await shown(page);
    const [first, second] = await page
      .locator("#cameras option")
      .evaluateAll((options) => options.map(({ value }) => value));

    await page.evaluate(disturb, ["NotReadableError"]);
    await page.locator("#cameras").selectOption(second);
    await page.locator("#status", { hasText: "cannot be used" }).waitFor();
    await shown(page);
    const refused = { said: await page.locator("#status").textContent(), back: (await chosen(page)) === first };

    await page.evaluate(disturb, ["AbortError"]);
    await page.locator("#cameras").selectOption(second);
    await page.waitForFunction(() => window.calls === 2);
    await shown(page);
    const slow = (await chosen(page)) === second;

    await page.evaluate(disturb, ["wait"]);
    await page.locator("#cameras").selectOption(first);
    await page.waitForFunction(() => window.go);
    await page.locator("#stop").click();
    await page.evaluate(() => window.go());
    await page.waitForFunction(() => window.streams.length === 1);
    await page.waitForTimeout(500);
    const late = await page.evaluate(() => window.streams[0].getTracks().map(({ readyState }) => readyState));
    return { refused, slow, late, hidden: await page.locator("#camera").isHidden() };
  },
  ["--use-fake-device-for-media-stream=device-count=2", "--use-fake-ui-for-media-stream"],
);
