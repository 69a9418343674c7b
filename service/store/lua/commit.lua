-- Turns staged chunks into a job, or answers with the job that the same request made before: all in one step.
-- KEYS: job, idempotency ('' without one), jobs ('' for one that is in no list), pending, queue,
--       and for a benchmark: what was staged of it beside the chunks, benchmarks
-- ARGV: job id, record, judgments in all, now (milliseconds), fingerprint, seconds an idempotency key lives,
--       milliseconds an arq job lives, channel to wake workers, the arq job that calls back (key, id, arq job; ''
--       without one), then for each chunk: key of its items, key of its arq job, arq id, arq job
-- Returns {'created' | 'repeated' | 'conflict' | 'expired', job id}
local job_id = ARGV[1]
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {'created', job_id}
end
if KEYS[2] ~= '' then
  local known = redis.call('HMGET', KEYS[2], 'fingerprint', 'job')
  if known[1] then
    return {known[1] == ARGV[5] and 'repeated' or 'conflict', known[2]}
  end
end
for i = 12, #ARGV, 4 do
  if redis.call('EXISTS', ARGV[i]) == 0 then
    return {'expired', job_id}
  end
end
if KEYS[6] then
  if redis.call('EXISTS', KEYS[6]) == 0 then
    return {'expired', job_id}
  end
  redis.call('PERSIST', KEYS[6])
  redis.call('ZADD', KEYS[7], 0, job_id)
end
for i = 12, #ARGV, 4 do
  redis.call('PERSIST', ARGV[i])
end
redis.call('HSET', KEYS[1], 'record', ARGV[2], 'total', ARGV[3], 'chunks', (#ARGV - 11) / 4)
if ARGV[9] ~= '' then
  redis.call('HSET', KEYS[1], 'callback_key', ARGV[9], 'callback_id', ARGV[10], 'callback', ARGV[11])
end
if KEYS[3] ~= '' then
  redis.call('ZADD', KEYS[3], 0, job_id)
end
redis.call('INCRBY', KEYS[4], ARGV[3])
if KEYS[2] ~= '' then
  redis.call('HSET', KEYS[2], 'fingerprint', ARGV[5], 'job', job_id)
  redis.call('EXPIRE', KEYS[2], ARGV[6])
end
for i = 12, #ARGV, 4 do
  redis.call('SET', ARGV[i + 1], ARGV[i + 3], 'PX', ARGV[7])
  redis.call('ZADD', KEYS[5], ARGV[4], ARGV[i + 2])
end
redis.call('PUBLISH', ARGV[8], job_id)
return {'created', job_id}
