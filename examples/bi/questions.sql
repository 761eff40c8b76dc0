-- Questions for Metabase ("New" > "SQL query"), Superset, or any SQL tool: one statement each.
-- They run on PostgreSQL and on SQLite, docs/bi.md explains every view and column.

-- How fresh is this?
SELECT published_at, day, timezone, currency
FROM cs_freshness;

-- What is at risk, per owner?
SELECT owner, currency, COUNT(*) AS accounts, SUM(mrr) AS mrr
FROM cs_account
WHERE band IN ('red', 'yellow') AND currency IS NOT NULL
GROUP BY owner, currency
ORDER BY mrr DESC;

-- Whose score fell most over the last eight days with a run?
WITH days AS (SELECT DISTINCT day FROM cs_score_daily ORDER BY day DESC LIMIT 8)
SELECT today.account, today.name, before.score AS score_then, today.score AS score_now
FROM cs_score_daily AS today
JOIN cs_score_daily AS before ON before.account = today.account
WHERE today.day = (SELECT MAX(day) FROM days) AND before.day = (SELECT MIN(day) FROM days)
ORDER BY today.score - before.score
LIMIT 20;

-- Why do they need a call?
SELECT cs_score_daily.name, cs_score_daily.score, cs_score_daily.reasons
FROM cs_score_daily
JOIN cs_freshness ON cs_freshness.day = cs_score_daily.day
WHERE cs_score_daily.band IN ('red', 'yellow')
ORDER BY cs_score_daily.score;

-- Where did the MRR go, month by month?
SELECT month, currency, opening, "new", reactivation, expansion, contraction, churn, fx,
    restatement, closing
FROM cs_mrr_monthly
ORDER BY month DESC, currency;

-- Who pays how much, month by month?
SELECT month, cs_account_mrr.account, name, cs_account_mrr.mrr, cs_account_mrr.currency
FROM cs_account_mrr
JOIN cs_account ON cs_account.account = cs_account_mrr.account
ORDER BY month DESC, cs_account_mrr.mrr DESC;

-- How did retention develop, with its 95 % interval?
SELECT period_start, metric, currency, value, low, high, n, status
FROM cs_kpi
WHERE metric IN ('nrr', 'grr') AND dimension IS NULL
ORDER BY period_start, metric, currency;

-- Why do customers leave?
SELECT period_start, dimension_value AS reason, value AS customers
FROM cs_kpi
WHERE metric = 'churn_by_reason'
ORDER BY period_start DESC, customers DESC;

-- Do follow-ups get done?
SELECT playbook, state, COUNT(*) AS follow_ups
FROM cs_follow_up
GROUP BY playbook, state
ORDER BY playbook, state;
