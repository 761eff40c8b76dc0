/** What the company's properties say of its health; pure. */

/** `owned_prefix` of cs-sync's `[write_back]`: change it here if you changed it there. */
export const PREFIX = 'cs_';

const FIELDS = [
  'health_score',
  'health_band',
  'health_reasons',
  'health_change_30d',
  'health_coverage',
  'health_history',
  'mrr',
  'mrr_currency',
  'churn_probability',
  'churn_outlook',
  'priority',
  'priority_basis',
  'next_action',
  'links',
  'updated_at',
] as const;

type Field = (typeof FIELDS)[number];

/** Names of the properties that the card reads. */
export const PROPERTIES: string[] = FIELDS.map((field) => PREFIX + field);

export type Properties = Record<string, string | null>;

/** Monthly recurring revenue; `amount` is null where several currencies cannot be one number. */
export interface Revenue {
  amount: number | null;
  currencies: string[];
}

/** The chance of leaving, as a number and in words. */
export interface Outlook {
  probability: number | null;
  text: string;
}

/** Money at risk per month, and what it rests on. */
export interface Priority extends Revenue {
  basis: string;
}

/** The score at the end of a month; `month` is its first day, in UTC. */
export interface MonthEnd {
  month: Date;
  score: number;
}

/** A record of the customer in a source. */
export interface SourceLink {
  name: string;
  url: string;
}

interface Known {
  reasons: string[];
  /** Share of the inputs that were known, 0 to 1. */
  coverage: number | null;
  revenue: Revenue | null;
  /** Null while no model is accepted: an old probability still stands then, its text is empty. */
  outlook: Outlook | null;
  priority: Priority | null;
  nextAction: string | null;
  /** Oldest first. */
  history: MonthEnd[];
  links: SourceLink[];
  updatedAt: Date | null;
}

export interface Scored extends Known {
  kind: 'scored';
  /** 0 to 100, above 100 with a bonus or where points are counted. */
  score: number;
  band: string;
  /** Points gained or lost in 30 days. */
  change: number | null;
}

/** `insufficient`: looked at, but too little is known. `unscored`: never written to. */
export type Reading = Scored | (Known & { kind: 'insufficient' }) | { kind: 'unscored' };

/**
 * The state of an account.
 *
 * cs-sync never empties a property, so next to the band `insufficient` an old score and an old
 * change still stand: they are not the present, and are left out here.
 */
export function read(properties: Properties): Reading {
  const text = (field: Field): string | null => properties[PREFIX + field]?.trim() || null;
  const score = numberOf(text('health_score'));
  const band = text('health_band');
  const revenue = revenueOf(numberOf(text('mrr')), text('mrr_currency'));
  const outlook = text('churn_outlook');
  const known: Known = {
    reasons: lines(text('health_reasons')),
    coverage: numberOf(text('health_coverage')),
    revenue,
    outlook: outlook === null ? null : { probability: numberOf(text('churn_probability')), text: outlook },
    priority: priorityOf(revenue, numberOf(text('priority')), text('priority_basis')),
    nextAction: text('next_action'),
    history: lines(text('health_history')).flatMap(monthEndOf),
    links: lines(text('links')).flatMap(linkOf),
    updatedAt: timeOf(text('updated_at')),
  };
  if (band === null && score === null) return { kind: 'unscored' };
  if (band === 'insufficient' || score === null) return { kind: 'insufficient', ...known };
  const change = numberOf(text('health_change_30d'));
  return { kind: 'scored', score, band: band ?? '', change, ...known };
}

function lines(text: string | null): string[] {
  return (text ?? '').split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
}

function monthEndOf(line: string): MonthEnd[] {
  const [, month, score] = /^(\d{4}-\d{2}): (\d+)$/.exec(line) ?? [];
  const first = new Date(`${month}-01T00:00:00Z`);
  return Number.isNaN(first.getTime()) ? [] : [{ month: first, score: Number(score) }];
}

/** Only web addresses: whoever may edit the property could write anything there. */
function linkOf(line: string): SourceLink[] {
  const [, name, url] = /^(.+?): (https?:\/\/\S+)$/.exec(line) ?? [];
  return name && url ? [{ name, url }] : [];
}

function numberOf(text: string | null): number | null {
  const value = text === null ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** HubSpot gives times as milliseconds or in ISO 8601, depending on where they are read. */
export function timeOf(text: string | null): Date | null {
  if (text === null) return null;
  const time = new Date(/^-?\d+$/.test(text) ? Number(text) : text);
  return Number.isNaN(time.getTime()) ? null : time;
}

/** With several currencies the amount that was written last is an old one. */
function revenueOf(amount: number | null, currency: string | null): Revenue | null {
  const currencies = (currency ?? '').split(',').map((code) => code.trim()).filter(Boolean);
  if (currencies.length > 1) return { amount: null, currencies };
  return amount === null ? null : { amount, currencies };
}

/** With several currencies there is no single amount at risk. */
function priorityOf(revenue: Revenue | null, amount: number | null, basis: string | null): Priority | null {
  if (revenue === null || revenue.amount === null || amount === null || basis === null) return null;
  return { amount, currencies: revenue.currencies, basis };
}
