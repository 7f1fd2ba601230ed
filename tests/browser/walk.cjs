// Walks through the pages of running adits in a real Chromium, as their users would. Everything it finds wrong goes to standard
// output; it ends with 1 then. Usage: NODE_PATH=…/node_modules node walk.cjs SCENES.json
"use strict";
const fs = require("fs");
const path = require("path");
const { chromium } = require("playwright-core");

const scenes = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const wrong = [];
const check = (truth, what) => { if (!truth) wrong.push(what); };
const WIDE = { width: 1280, height: 900 }, PHONE = { width: 390, height: 844 };

async function open(browser, url, { viewport = WIDE, colorScheme = "light", ...more } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, ignoreHTTPSErrors: true, ...more });
  const page = await context.newPage();
  page.setDefaultTimeout(90000);
  // A page that does not answer to a key is said by its status; everything else that the browser complains of is a mistake.
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (401|409)/.test(message.text())) wrong.push(`${url}: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`${url}: ${error.message}`));
  page.on("request", (request) => check(request.url().startsWith(new URL(url).origin), `${url} fetches ${request.url()}`));
  await page.goto(url);
  return page;
}

// No part wider than the window, and nothing that hinders people who see, hear or move otherwise.
async function inspect(page, name) {
  await page.screenshot({ path: path.join(scenes.shots, `${name}.png`), fullPage: true });
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(inner <= outer, `${name} is ${inner} wide in a window of ${outer}`);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const it of violations) {
    const line = `${name}: axe ${it.impact} ${it.id}: ${it.nodes[0].html.slice(0, 160)} ${it.nodes[0].failureSummary}`;
    if (["serious", "critical"].includes(it.impact)) wrong.push(line); else console.log(line);
  }
}

async function dashboard(browser) {
  const { url, key, device, lost, tls, tls_key, behind } = scenes.dashboard;
  const page = await open(browser, url);
  await page.getByText("live", { exact: true }).waitFor();
  check(await page.getByText("What is wrong, and what to do").isVisible(), "the lost device is not said");
  check(await page.locator(".troubles").getByRole("link", { name: lost }).isVisible(), "the lost device is not named");
  await inspect(page, "wide");
  // The first stop of the keyboard leads past the navigation, and it is seen where it stands.
  await page.keyboard.press("Tab");
  check((await page.evaluate(() => document.activeElement.className)) === "skip", "the first stop is not the skip link");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  check(outline !== "none", "the focus is not seen");
  await page.keyboard.press("Enter");
  check((await page.evaluate(() => document.activeElement.id)) === "main", "the skip link does not lead to the content");
  // What has the focus keeps it when the figures change.
  await page.locator(`#row-${device}`).focus();
  const accepted = () => page.locator("#figures div", { hasText: "Shares accepted" }).innerText();
  const before = await accepted();
  await page.waitForFunction((was) => !document.getElementById("figures").innerText.includes(was), before.split("\n")[1]);
  check((await page.evaluate(() => document.activeElement.id)) === `row-${device}`, "the focus got lost when the page changed");
  await page.context().close();

  await Promise.all([
    views(browser), charts(browser), plain(browser),
    open(browser, `${url}device?name=${device}`).then((page) => commands(page, key)),
    open(browser, tls).then((page) => beyond(page, tls_key, device)),
    open(browser, behind).then((page) => beyond(page, tls_key, device, true)),
  ]);
}

async function views(browser) {
  const { url, device, lost } = scenes.dashboard;
  const views = [["phone", "", { viewport: PHONE }], ["dark", "", { colorScheme: "dark" }],
    ["device-phone", `device?name=${device}`, { viewport: PHONE }], ["device-in-fault", `device?name=${lost}`, { colorScheme: "dark" }],
    ["pools", "pools", {}], ["events", "events", {}], ["found", `?q=${lost}`, {}]];
  for (const [name, where, how] of views) {
    const page = await open(browser, url + where, how);
    await inspect(page, name);
    await page.context().close();
  }
}

async function plain(browser) {
  const { url, device } = scenes.dashboard;
  const page = await open(browser, url, { javaScriptEnabled: false });
  check(await page.getByText("Shares accepted").isVisible(), "nothing is read without JavaScript");
  await page.getByRole("link", { name: device }).first().click();
  check(await page.locator("noscript p").first().isVisible(), "without JavaScript nothing is said of commands");
  check(!(await page.getByRole("button", { name: "Pause" }).isVisible()), "a button that does nothing is shown");
  await page.context().close();
}

// The first point of the past comes after ten seconds.
async function charts(browser) {
  const page = await open(browser, scenes.dashboard.url);
  while ((await page.locator("figure svg").count()) === 0) {
    await page.waitForTimeout(1000);
    await page.reload();
  }
  await inspect(page, "charts");
  await page.context().close();
}

async function commands(page, key) {
  const said = (text) => page.locator("#say", { hasText: text }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await said("A key is needed");
  await page.getByLabel("Key", { exact: true }).fill("adit_no_such_key");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await said("this key is not known");
  await page.getByRole("button", { name: "Forget it" }).click();
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await said("is paused");
  await page.locator("#state", { hasText: "paused" }).waitFor();
  await inspect(page, "paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await said("may work again");
  await page.context().close();
}

// Beyond this machine nothing is shown without a key, and everything with one; `proxied`: also below a path, through a proxy, where
// every link, the stream and the commands stay below it.
async function beyond(page, key, device, proxied = false) {
  const { pathname } = new URL(page.url());
  check(await page.getByText("A key is needed").isVisible(), "a page beyond this machine does not ask for a key");
  check(!(await page.content()).includes(device), "a page without key names a device");
  if (!proxied) await inspect(page, "locked");
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByRole("link", { name: device }).first().waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("link", { name: device }).first().click();
  await page.getByRole("heading", { name: device }).waitFor();
  if (proxied) {
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Identify" }).click();
    await page.locator("#say", { hasText: "the device cannot do this" }).waitFor();
    for (const place of ["Pools", "Events", "Overview", "adit"]) {
      await page.getByRole("link", { name: place, exact: true }).first().click();
      await page.getByText("live", { exact: true }).waitFor();
      check(new URL(page.url()).pathname.startsWith(pathname), `${place} leads out of ${pathname}: ${page.url()}`);
    }
  }
  await page.context().close();
}

async function first(browser, { url, key, pool, address }, name) {
  const page = await open(browser, `${url}#key=${key}`);
  check(!page.url().includes(key), "the key stays in the address");
  await page.getByRole("heading", { name: "First start" }).waitFor();
  await inspect(page, `${name}-start`);
  await page.getByLabel("Pool", { exact: true }).first().fill(pool);
  await page.getByLabel("Your Bitcoin address").fill(`${address.slice(0, -1)}q`);
  await page.getByRole("button", { name: "Begin to mine" }).first().click();
  await page.locator("#say", { hasText: "is not a Bitcoin address" }).waitFor();
  await page.getByLabel("Your Bitcoin address").fill(address);
  await page.getByLabel("Name of this worker").fill("attic");
  await page.getByRole("button", { name: "Begin to mine" }).first().click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await inspect(page, `${name}-pool`);
  await page.locator("#figures div", { hasText: "Shares accepted" }).getByText(/^[1-9]/).waitFor();
  await page.context().close();
}

(async () => {
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((it) => fs.existsSync(it));
  const browser = await chromium.launch({ executablePath, args: [...sandbox, "--disable-gpu", "--disable-dev-shm-usage"] });
  const looks = Object.entries(scenes.looks).map(([name, [url, how]]) => async () => {
    const page = await open(browser, url, how);
    await inspect(page, name);
    await page.context().close();
  });
  const walks = [dashboard, () => first(browser, scenes.first, "first"), () => first(browser, scenes.proxied, "proxied"), ...looks];
  const results = await Promise.allSettled(walks.map((walk) => walk(browser)));
  wrong.push(...results.filter((it) => it.status === "rejected").map((it) => it.reason.stack));
  await browser.close();
  wrong.forEach((line) => console.log(line));
  process.exit(wrong.length === 0 ? 0 : 1);
})();
