/** The open tasks of cs-sync, each with a link to where it is marked as done. */
import { Button, Flex, Heading, Text, useExtensionActions, useExtensionContext } from '@hubspot/ui-extensions';
import { CrmActionLink, useAssociations } from '@hubspot/ui-extensions/crm';
import { openTasks, TASK_PROPERTIES, TASK_TYPE, type Task } from './openTasks';
import { fill, textsOf } from './texts';
import { due, number, type Reader } from './words';

const MOST = 100;

export function Tasks({ reader }: { reader: Reader }) {
  const { results, error, isLoading, pagination, refetch } = useAssociations({
    toObjectType: TASK_TYPE,
    properties: TASK_PROPERTIES,
    pageLength: MOST,
  });
  const texts = textsOf(reader.language);
  const tasks = openTasks(results);
  const { hasNextPage } = pagination;
  if (isLoading || (!error && tasks.length === 0 && !hasNextPage)) return null;
  return (
    <Flex direction="column" gap="xs">
      <Heading>{texts.tasks}</Heading>
      {error && <Text>{texts.tasksUnreadable}</Text>}
      {!error && tasks.map((task) => <OpenTask key={task.id} task={task} reader={reader} />)}
      {!error && hasNextPage && <Text>{fill(texts.moreTasks, number(MOST, reader))}</Text>}
      <Button size="xs" onClick={() => void refetch()}>
        {error ? texts.retry : texts.refresh}
      </Button>
    </Flex>
  );
}

/** No action of HubSpot's completes a task, so the link opens it on the record's timeline. */
function OpenTask({ task, reader }: { task: Task; reader: Reader }) {
  const { crm } = useExtensionContext<'crm.record.tab'>();
  const { addAlert } = useExtensionActions<'crm.record.tab'>();
  const texts = textsOf(reader.language);
  return (
    <Flex direction="column">
      <Text>{[task.title, task.dueAt && due(task.dueAt, reader)].filter(Boolean).join(' · ')}</Text>
      <CrmActionLink
        actionType="ENGAGEMENT_APP_LINK"
        actionContext={{ objectTypeId: crm.objectTypeId, objectId: crm.objectId, engagementId: task.id }}
        onError={(errors) => addAlert({ type: 'danger', title: texts.notOpened, message: errors.join(' ') })}
      >
        {texts.markDone}
      </CrmActionLink>
    </Flex>
  );
}
