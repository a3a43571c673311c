/**
 * Notices to a Slack channel through an incoming webhook, whose address is the credential and so never stands in a message.
 * Written for the person who is woken at 3 a.m. (design.md §6): what holds, why, what to do and what not to press. Slack has no
 * deduplication; the activity asks again only where Slack did not say ok.
 */
import { callHttp } from '../json-http.js';
import type { Notice, Notifier } from '../ports.js';

export interface SlackOptions {
  /** The incoming webhook's address. */
  readonly url: string;
  /** Of one request; 5 s unless told. */
  readonly timeoutMs?: number | undefined;
}

/** Slack's own limits. */
const LONGEST_HEADER = 150;
const LONGEST_SECTION = 3_000;

export function slackNotifier(
  { url, timeoutMs = 5_000 }: SlackOptions,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Notifier {
  return {
    async send(notice) {
      await callHttp({
        method: 'POST',
        url,
        name: 'Slack incoming webhook',
        body: JSON.stringify(messageOf(notice)),
        timeoutMs,
        fetch,
      });
    },
  };
}

export function messageOf(notice: Notice): object {
  const { title, text, rollout } = notice;
  const headline = `${WORDS[notice.severity]}: ${title}`;
  return {
    // What phones and screen readers show.
    text: escape(headline),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: headline.slice(0, LONGEST_HEADER) } },
      { type: 'section', text: { type: 'mrkdwn', text: cut(escape(text), LONGEST_SECTION) } },
      {
        type: 'context',
        elements: [
          { type: 'mrkdwn', text: escape(`Rollout ${rollout}`) },
          { type: 'mrkdwn', text: adviceFor(notice) },
        ],
      },
    ],
  };
}

const WORDS: Readonly<Record<Notice['severity'], string>> = {
  info: 'For your information',
  warning: 'Warning',
  page: 'Needs you',
};

/** The rollout's id is `rollout/<environment>/<service>`. */
function adviceFor({ severity, rollout }: Notice): string {
  const [, environment, service] = rollout.split('/');
  const whose = environment === undefined || service === undefined ? '' : ` ${escape(service)} --env ${escape(environment)}`;
  const look = `Look: \`sluice status${whose}\`.`;
  if (severity === 'info') return look;
  return `${look} Everybody back: \`sluice abort${whose}\`, or *Request Cancellation* in Temporal. Do not press *Terminate* or *Reset*.`;
}

/** The three characters that Slack's markup takes for its own. */
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const cut = (text: string, longest: number): string => (text.length <= longest ? text : `${text.slice(0, longest - 1)}…`);
