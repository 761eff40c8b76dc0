/** The card: a company's health, why it is so, and what to do next. */
import {
  BarChart,
  Button,
  Divider,
  EmptyState,
  ErrorState,
  Flex,
  Heading,
  Link,
  List,
  LoadingSpinner,
  Statistics,
  StatisticsItem,
  StatisticsTrend,
  StatusTag,
  Text,
} from '@hubspot/ui-extensions';
import { useCrmProperties } from '@hubspot/ui-extensions/crm';
import { PROPERTIES, read, type MonthEnd, type Reading, type Scored, type SourceLink } from './reading';
import { Tasks } from './Tasks';
import { fill, textsOf, type Texts } from './texts';
import { atRisk, bandOf, moment, money, monthOf, number, percent, trendOf, type Reader } from './words';

type Written = Exclude<Reading, { kind: 'unscored' }>;

/** Reads the record that is open; HubSpot shows the card again when a property changes. */
export function Health({ reader }: { reader: Reader }) {
  const { properties, error, isLoading, refetch } = useCrmProperties(PROPERTIES);
  const texts = textsOf(reader.language);
  if (isLoading) return <LoadingSpinner label={texts.reading} showLabel />;
  if (error) return <Unreadable texts={texts} onRetry={() => void refetch()} />;
  const reading = read(properties);
  return reading.kind === 'unscored' ? <Unscored texts={texts} /> : <Seen reading={reading} reader={reader} />;
}

function Unreadable({ texts, onRetry }: { texts: Texts; onRetry: () => void }) {
  return (
    <ErrorState title={texts.unreadable}>
      <Text>{texts.unreadableWhy}</Text>
      <Button onClick={onRetry}>{texts.retry}</Button>
    </ErrorState>
  );
}

function Unscored({ texts }: { texts: Texts }) {
  return (
    <EmptyState title={texts.unscored} layout="vertical" imageWidth={120}>
      <Text>{texts.unscoredWhy}</Text>
    </EmptyState>
  );
}

function Seen({ reading, reader }: { reading: Written; reader: Reader }) {
  const { history, links, reasons, nextAction, updatedAt } = reading;
  const texts = textsOf(reader.language);
  return (
    <Flex direction="column" gap="md">
      {reading.kind === 'scored' ? <Score reading={reading} reader={reader} /> : <Insufficient texts={texts} />}
      <Facts reading={reading} reader={reader} />
      <Outlook reading={reading} reader={reader} />
      {nextAction && (
        <Flex direction="column" gap="xs">
          <Heading>{texts.nextAction}</Heading>
          <Text>{nextAction}</Text>
        </Flex>
      )}
      <Tasks reader={reader} />
      {reasons.length > 0 && (
        <Flex direction="column" gap="xs">
          <Heading>{texts.why}</Heading>
          <List variant="unordered-styled">
            {reasons.map((reason, place) => (
              <Text key={place}>{reason}</Text>
            ))}
          </List>
        </Flex>
      )}
      {history.length > 0 && <History history={history} reader={reader} />}
      {links.length > 0 && <Sources links={links} texts={texts} />}
      <Divider />
      <Text variant="microcopy">
        {updatedAt ? fill(texts.changed, moment(updatedAt, reader)) : texts.written}
      </Text>
    </Flex>
  );
}

function Score({ reading, reader }: { reading: Scored; reader: Reader }) {
  const { label, tone } = bandOf(reading.band, reader);
  const texts = textsOf(reader.language);
  const trend = trendOf(reading.change, reader);
  return (
    <Flex direction="column" gap="xs">
      <StatusTag variant={tone}>{label}</StatusTag>
      <Statistics>
        <StatisticsItem label={texts.score} number={number(reading.score, reader)}>
          {trend && <StatisticsTrend {...trend} />}
          {reading.change === 0 && <Text>{texts.unchanged}</Text>}
        </StatisticsItem>
      </Statistics>
    </Flex>
  );
}

/** The names of the chart's fields are read by people, too. */
function History({ history, reader }: { history: MonthEnd[]; reader: Reader }) {
  const texts = textsOf(reader.language);
  const data = history.map(({ month, score }) => ({
    [texts.month]: monthOf(month, reader),
    [texts.score]: score,
  }));
  return (
    <Flex direction="column" gap="xs">
      <Heading>{texts.history}</Heading>
      <BarChart
        data={data}
        axes={{
          x: { field: texts.month, fieldType: 'category' },
          y: { field: texts.score, fieldType: 'linear' },
        }}
        options={{ showDataLabels: true }}
      />
    </Flex>
  );
}

function Sources({ links, texts }: { links: SourceLink[]; texts: Texts }) {
  return (
    <Flex direction="column" gap="xs">
      <Heading>{texts.sources}</Heading>
      <Flex direction="row" gap="sm" wrap>
        {links.map(({ name, url }) => (
          <Link key={name} href={{ url, external: true }}>
            {name}
          </Link>
        ))}
      </Flex>
    </Flex>
  );
}

function Insufficient({ texts }: { texts: Texts }) {
  return (
    <Flex direction="column" gap="xs">
      <StatusTag hollow>{texts.insufficient}</StatusTag>
      <Text>{texts.insufficientWhy}</Text>
    </Flex>
  );
}

function Facts({ reading, reader }: { reading: Written; reader: Reader }) {
  const { coverage, revenue } = reading;
  const facts = [
    revenue && `MRR: ${money(revenue, reader)}`,
    coverage !== null && fill(textsOf(reader.language).coverage, percent(coverage, reader)),
  ].filter((fact): fact is string => Boolean(fact));
  return facts.length > 0 ? <Text>{facts.join(' · ')}</Text> : null;
}

function Outlook({ reading, reader }: { reading: Written; reader: Reader }) {
  const { outlook, priority } = reading;
  const texts = textsOf(reader.language);
  const probability = outlook?.probability ?? null;
  const facts = [
    probability !== null && fill(texts.probability, percent(probability, reader)),
    priority && atRisk(priority, reader),
  ].filter((fact): fact is string => Boolean(fact));
  if (!outlook && facts.length === 0) return null;
  return (
    <Flex direction="column" gap="xs">
      {outlook && <Heading>{texts.outlook}</Heading>}
      {outlook && <Text>{outlook.text}</Text>}
      {facts.length > 0 && <Text>{facts.join(' · ')}</Text>}
    </Flex>
  );
}
