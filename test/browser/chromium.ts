/** Debian's Chromium, driven by playwright-core; nothing is downloaded. */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type Page } from 'playwright-core';

const EXECUTABLE = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  // Grey edges instead of coloured ones: the pictures are half as large.
  '--disable-lcd-text',
];
const DOCS = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url));
const SCRATCH = join(tmpdir(), 'sluice-screenshots');
/** The UI blurs what lies behind a dialog. */
const CLEAR = '*, ::backdrop { backdrop-filter: none !important; }';
/** The machine may be busy; every wait of a page ends by then. */
const PATIENCE_MS = 30_000;

/** Why there can be no browser here; undefined where there can. */
export function whyNoBrowser(): string | undefined {
  try {
    accessSync(EXECUTABLE, constants.X_OK);
    return undefined;
  } catch {
    return `no Chromium at ${EXECUTABLE}, so Temporal's UI is not looked at; apt-get install chromium, or set CHROMIUM_PATH`;
  }
}

export async function openBrowser(): Promise<{ readonly browser: Browser; readonly page: Page }> {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: ARGUMENTS });
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 }, timezoneId: 'UTC', locale: 'en-US' });
  // The UI asks for a news feed; a test asks nobody outside.
  await context.route(
    (url) => url.hostname !== '127.0.0.1',
    (route) => route.abort(),
  );
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return { browser, page };
}

/** Kept for the documentation if it is not there yet or SLUICE_SCREENSHOTS=refresh; otherwise a run would dirty the tree. */
export async function picture(page: Page, name: string, place: 'docs' | 'scratch' = 'docs'): Promise<void> {
  const wanted = process.env['SLUICE_SCREENSHOTS'] === 'refresh' || !existsSync(join(DOCS, `${name}.png`));
  const folder = place === 'docs' && wanted ? DOCS : SCRATCH;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: 'disabled', style: CLEAR });
}
