/** The card: a company's health, why it is so, and what to do next. */
import {
  Button,
  Divider,
  EmptyState,
  ErrorState,
  Flex,
  Heading,
  List,
  LoadingSpinner,
  Statistics,
  StatisticsItem,
  StatisticsTrend,
  StatusTag,
  Text,
} from '@hubspot/ui-extensions';
import { useCrmProperties } from '@hubspot/ui-extensions/crm';
import { PROPERTIES, read, type Reading, type Scored } from './reading';
import { bandOf, moment, money, number, percent, trendOf, type Reader } from './words';

type Written = Exclude<Reading, { kind: 'unscored' }>;

/** Reads the record that is open; HubSpot shows the card again when a property changes. */
export function Health({ reader }: { reader: Reader }) {
  const { properties, error, isLoading, refetch } = useCrmProperties(PROPERTIES);
  if (isLoading) return <LoadingSpinner label="Reading the health score" showLabel />;
  if (error) return <Unreadable onRetry={() => void refetch()} />;
  const reading = read(properties);
  return reading.kind === 'unscored' ? <Unscored /> : <Seen reading={reading} reader={reader} />;
}

function Unreadable({ onRetry }: { onRetry: () => void }) {
  return (
    <ErrorState title="The health score cannot be read">
      <Text>
        Either you may not see these properties, or cs-sync has not created them yet: it does with
        its first push.
      </Text>
      <Button onClick={onRetry}>Try again</Button>
    </ErrorState>
  );
}

function Unscored() {
  return (
    <EmptyState title="No health score yet" layout="vertical" imageWidth={120}>
      <Text>
        cs-sync writes one for companies that it knows as customers: those with a running
        subscription.
      </Text>
    </EmptyState>
  );
}

function Seen({ reading, reader }: { reading: Written; reader: Reader }) {
  const { reasons, nextAction, updatedAt } = reading;
  return (
    <Flex direction="column" gap="md">
      {reading.kind === 'scored' ? <Score reading={reading} reader={reader} /> : <Insufficient />}
      <Facts reading={reading} reader={reader} />
      {nextAction && (
        <Flex direction="column" gap="xs">
          <Heading>Next action</Heading>
          <Text>{nextAction}</Text>
        </Flex>
      )}
      {reasons.length > 0 && (
        <Flex direction="column" gap="xs">
          <Heading>Why</Heading>
          <List variant="unordered-styled">
            {reasons.map((reason, place) => (
              <Text key={place}>{reason}</Text>
            ))}
          </List>
        </Flex>
      )}
      <Divider />
      <Text variant="microcopy">
        {updatedAt ? `Last changed ${moment(updatedAt, reader)}` : 'Written by cs-sync'}
      </Text>
    </Flex>
  );
}

function Score({ reading, reader }: { reading: Scored; reader: Reader }) {
  const { label, tone } = bandOf(reading.band);
  const trend = trendOf(reading.change, reader);
  return (
    <Flex direction="column" gap="xs">
      <StatusTag variant={tone}>{label}</StatusTag>
      <Statistics>
        <StatisticsItem label="Health score" number={number(reading.score, reader)}>
          {trend && <StatisticsTrend {...trend} />}
          {reading.change === 0 && <Text>Unchanged in 30 days</Text>}
        </StatisticsItem>
      </Statistics>
    </Flex>
  );
}

function Insufficient() {
  return (
    <Flex direction="column" gap="xs">
      <StatusTag hollow>Not enough data</StatusTag>
      <Text>Too little is known of this account for a score. An older one is not shown.</Text>
    </Flex>
  );
}

function Facts({ reading, reader }: { reading: Written; reader: Reader }) {
  const { coverage, revenue } = reading;
  const facts = [
    revenue && `MRR: ${money(revenue, reader)}`,
    coverage !== null && `Based on ${percent(coverage, reader)} of the inputs`,
  ].filter((fact): fact is string => Boolean(fact));
  return facts.length > 0 ? <Text>{facts.join(' · ')}</Text> : null;
}
