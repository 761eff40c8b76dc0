/** The entry point that HubSpot loads: registers the card. */
import { hubspot } from '@hubspot/ui-extensions';
import { Health } from './Health';

hubspot.extend<'crm.record.tab'>(({ context }) => (
  <Health reader={{ locale: context.user.locale, timezone: context.portal.timezone }} />
));
