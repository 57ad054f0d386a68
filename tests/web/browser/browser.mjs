// Chromium through playwright-core, as the scenarios beside this file use it.
// node SCENARIO.mjs '{"url": …, "playwright": …, "chromium": …}' prints one JSON object.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"];

/** Run `scenario(page, given, seen)` on the open page; print what it returns with what was seen. */
export async function run(scenario, flags = [], context = {}) {
  const given = JSON.parse(process.argv[2]);
  const { chromium } = await import(pathToFileURL(given.playwright).href);
  const profile = await mkdtemp(join(tmpdir(), "facealign-browser-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: given.chromium,
    args: [...FLAGS, ...flags, ...(given.flags ?? [])],
    acceptDownloads: true,
    viewport: { width: 1280, height: 900 },
    ...context,
  });
  const seen = { requests: [], errors: [] };
  try {
    const page = await browser.newPage();
    browser.on("request", (request) => seen.requests.push(request.url()));
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && seen.errors.push(line.text()));
    page.on("pageerror", (error) => seen.errors.push(String(error)));
    await page.goto(given.url);
    await ready(page);
    const result = await scenario(page, given, seen);
    console.log(JSON.stringify({ ...result, ...seen }));
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** Wait until the page has done what it was asked. */
export async function ready(page) {
  await page
    .locator("#status", { hasText: /^(Ready|\d+ faces? in \d+)/ })
    .waitFor({ timeout: 120_000 });
}

/** Click a button that saves a file; the file's path. */
export async function saved(page, button, folder) {
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}
