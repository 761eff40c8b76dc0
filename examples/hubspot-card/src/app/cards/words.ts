/** How the card says things, in the language settings of the person who looks; pure. */
import type { Revenue } from './reading';

/** `locale` and `timezone` as HubSpot names them; one that is unknown here is replaced. */
export interface Reader {
  locale?: string | undefined;
  timezone?: string | undefined;
}

export type Tone = 'danger' | 'warning' | 'success' | 'default';

const BANDS: Record<string, { label: string; tone: Tone }> = {
  red: { label: 'Red', tone: 'danger' },
  yellow: { label: 'Yellow', tone: 'warning' },
  green: { label: 'Green', tone: 'success' },
  excellent: { label: 'Excellent', tone: 'success' },
};

export interface Trend {
  direction: 'increase' | 'decrease';
  color: 'red' | 'green';
  value: string;
}

/** Name and colour of a band; one of your own keeps its name. */
export function bandOf(band: string): { label: string; tone: Tone } {
  return BANDS[band] ?? { label: band || 'No band', tone: 'default' };
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
  const points = number(Math.abs(change), reader);
  return {
    direction: up ? 'increase' : 'decrease',
    color: up ? 'green' : 'red',
    value: `${points} ${points === '1' ? 'point' : 'points'} in 30 days`,
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

export function moment(time: Date, reader: Reader): string {
  const style = { dateStyle: 'medium', timeStyle: 'short' } as const;
  const format = (timeZone: string): string =>
    new Intl.DateTimeFormat(locale(reader), { ...style, timeZone }).format(time);
  try {
    return format(reader.timezone ?? 'UTC');
  } catch {
    return `${format('UTC')} UTC`;
  }
}

function locale({ locale: given }: Reader): string {
  try {
    return Intl.getCanonicalLocales((given ?? '').replace('_', '-'))[0] ?? 'en';
  } catch {
    return 'en';
  }
}
