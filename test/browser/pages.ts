/** Where things are in Temporal's UI (2.54). It keeps hidden copies of its controls for narrow screens: only visible ones count. */
import type { FrameLocator, Locator, Page } from 'playwright-core';

const visible = (locator: Locator): Locator => locator.filter({ visible: true }).first();

export class TemporalUi {
  constructor(
    readonly page: Page,
    private readonly address: string,
  ) {}

  /** The page of a workflow's newest run, with its activities and its result. */
  async openWorkflow(workflowId: string): Promise<void> {
    await this.page.goto(`${this.address}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`);
    await this.sees(workflowId);
  }

  async openTab(tab: 'timeline' | 'user-metadata' | 'memo' | 'search-attributes'): Promise<void> {
    await visible(this.page.getByTestId(`${tab}-tab`)).click();
    await this.page.waitForURL((url) => url.pathname.endsWith(`/${tab}`));
  }

  async sees(text: string | RegExp): Promise<void> {
    await visible(this.page.getByText(text)).waitFor();
  }

  /** Input and result are shown as lines of JSON. */
  async seesJson(line: string): Promise<void> {
    await visible(this.page.locator('.cm-line', { hasText: line })).waitFor();
  }

  /** Markdown is rendered in frames: the summary's, and one for the current details. */
  get summary(): FrameLocator {
    return this.page.frameLocator('iframe >> nth=0');
  }

  get details(): FrameLocator {
    return this.page.frameLocator('iframe[src*="Timeline"]');
  }

  async startSignal(name: string): Promise<Locator> {
    await visible(this.page.getByRole('button', { name: 'More Actions' })).click();
    await visible(this.page.getByTestId('signal-button')).click();
    const dialog = visible(this.page.getByRole('dialog'));
    await dialog.getByTestId('signal-select-button').click();
    await visible(dialog.getByRole('option', { name, exact: true })).click();
    return dialog;
  }

  async submit(dialog: Locator): Promise<void> {
    await dialog.getByTestId('confirm-modal-button').click();
    await dialog.waitFor({ state: 'hidden' });
  }

  async openList(query: string): Promise<void> {
    await this.page.goto(`${this.address}/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
    await this.page.getByTestId('workflows-summary-table-configuration-button').waitFor();
  }

  async chooseColumns(choice: { readonly add: readonly string[]; readonly remove: readonly string[] }): Promise<void> {
    await this.page.getByTestId('workflows-summary-table-configuration-button').click();
    for (const name of choice.remove) await this.page.getByTestId(`orderable-list-item-${name}-remove-button`).click();
    for (const name of choice.add) await this.page.getByTestId(`orderable-list-item-${name}-add-button`).click();
    await visible(this.page.getByTestId('drawer-close-button')).click();
  }

  row(workflowId: string): Locator {
    return visible(this.page.getByRole('row').filter({ hasText: workflowId }));
  }
}
