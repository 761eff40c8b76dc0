/** How the card says things, in the language settings of the person who looks; pure. */
import type { Priority, Revenue } from './reading';
import { fill, LANGUAGE, textsOf, type Language } from './texts';

/** `locale` and `timezone` as HubSpot names them; one that is unknown here is replaced. */
export interface Reader {
  locale?: string | undefined;
  timezone?: string | undefined;
  /** That of the card's texts; the workspace's by default. */
  language?: Language | undefined;
}

export type Tone = 'danger' | 'warning' | 'success' | 'default';

const TONES = {
  red: 'danger',
  yellow: 'warning',
  green: 'success',
  excellent: 'success',
} as const satisfies Record<string, Tone>;

export interface Trend {
  direction: 'increase' | 'decrease';
  color: 'red' | 'green';
  value: string;
}

/** Name and colour of a band; one of your own keeps its name. */
export function bandOf(band: string, { language }: Reader): { label: string; tone: Tone } {
  const texts = textsOf(language);
  if (!Object.hasOwn(TONES, band)) return { label: band || texts.noBand, tone: 'default' };
  const known = band as keyof typeof TONES;
  return { label: texts[known], tone: TONES[known] };
}

export function number(value: number, reader: Reader): string {
  return new Intl.NumberFormat(locale(reader), { maximumFractionDigits: 1 }).format(value);
}

export function percent(share: number, reader: Reader): string {
  return new Intl.NumberFormat(locale(reader), { style: 'percent' }).format(share);
}

/** Null where there is no change to show an arrow for. */
export function trendOf(change: number | null, reader: Reader): Trend | null {
  if (change === null || change === 0) return null;
  const up = change > 0;
  const texts = textsOf(reader.language);
  const points = number(Math.abs(change), reader);
  return {
    direction: up ? 'increase' : 'decrease',
    color: up ? 'green' : 'red',
    value: fill(points === '1' ? texts.point : texts.points, points),
  };
}

export function money({ amount, currencies }: Revenue, reader: Reader): string {
  const [currency] = currencies;
  if (amount === null) return currencies.join(', ');
  if (currency === undefined || !/^[A-Za-z]{3}$/.test(currency)) {
    return [number(amount, reader), ...currencies].join(' ');
  }
  return new Intl.NumberFormat(locale(reader), { style: 'currency', currency }).format(amount);
}

/** The money at risk, in the words of what it rests on. */
export function atRisk(priority: Priority, reader: Reader): string {
  const texts = textsOf(reader.language);
  const known = {
    churn_probability: texts.expectedLoss,
    given_notice: texts.noticeGiven,
  } as Record<string, string>;
  return fill(known[priority.basis] ?? texts.atRisk, money(priority, reader));
}

export function moment(time: Date, reader: Reader): string {
  return date(time, reader, { dateStyle: 'medium', timeStyle: 'short' });
}

export function monthOf(month: Date, { locale, language }: Reader): string {
  return date(month, { locale, language, timezone: 'UTC' }, { month: 'short', year: 'numeric' });
}

/** When a task is due, or since when it is late. */
export function due(time: Date, reader: Reader, now = new Date()): string {
  const texts = textsOf(reader.language);
  return fill(time < now ? texts.overdue : texts.due, date(time, reader, { dateStyle: 'medium' }));
}

/** Years are Gregorian in every language, as in cs-sync's texts. */
function date(time: Date, reader: Reader, style: Intl.DateTimeFormatOptions): string {
  const format = (timeZone: string): string =>
    new Intl.DateTimeFormat(dateLocale(reader), { ...style, calendar: 'gregory', timeZone }).format(time);
  try {
    return format(reader.timezone ?? 'UTC');
  } catch {
    return `${format('UTC')} UTC`;
  }
}

/** Dates have words: the reader's variant of the texts' language, else that language. */
function dateLocale(reader: Reader): string {
  const [theirs, ours] = [locale(reader), reader.language ?? LANGUAGE];
  const [a, b] = [new Intl.Locale(theirs).maximize(), new Intl.Locale(ours).maximize()];
  return a.language === b.language && a.script === b.script ? theirs : ours;
}

function locale({ locale: given }: Reader): string {
  try {
    return Intl.getCanonicalLocales((given ?? '').replace('_', '-'))[0] ?? 'en';
  } catch {
    return 'en';
  }
}
